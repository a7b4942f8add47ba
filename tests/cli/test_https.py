"""An app with a certificate of its own, through the `discode` command and a real edge."""

import http.client
import json
import socket
import ssl
import stat

import pytest

from place import APP
from rig.certificates import make_certificate
from rig.load import Users
from rig.ports import free_port
from rig.wait import wait_for
from rig.web import NO_ANSWER

HOST = "shop.test"


def own(place, name="own", *hosts, **options):
    """The options that name a certificate and its key."""
    chain, key, _ = make_certificate(*(hosts or (HOST,)), **options)
    for ending, data in (("crt", chain), ("key", key)):
        (place.folder / f"{name}.{ending}").write_bytes(data)
    return "--certificate", place.folder / f"{name}.crt", "--private-key", place.folder / f"{name}.key"


@pytest.fixture
def secure(place):
    place.publish("1.0.0")
    place.https_port = free_port()
    place.home.mkdir(exist_ok=True)
    (place.home / "config.toml").write_text(f"https_port = {place.https_port}\n")
    told = place.install(*own(place), "--json").last
    assert told["result"] == "installed"
    return place


def https(place, host=HOST):
    """Status, text and serial number of the certificate."""
    context = ssl._create_unverified_context()
    plain = socket.create_connection(("127.0.0.1", place.https_port), 60)
    with context.wrap_socket(plain, server_hostname=host) as secure:
        serial = secure.getpeercert(binary_form=True)
        connection = http.client.HTTPConnection(host)
        connection.sock = secure
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), serial


def der(place, name="own"):
    return ssl.PEM_cert_to_DER_cert((place.folder / f"{name}.crt").read_text())


def redirect(place):
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=60)
    connection.request("GET", "/x?y", headers={"Host": HOST})
    answer = connection.getresponse()
    connection.close()
    return answer.status, answer.getheader("Location")


def rebuilt(place):
    """The state file is damaged; what it said is found again by who has the traffic."""
    path = place.home / "apps" / APP / "installation.json"
    before = json.loads(path.read_text())
    path.write_text("{")
    place.run("doctor", "--fix", "--yes", code=None)
    place.run("settle", APP)
    after = json.loads(path.read_text())
    assert after["route"] == before["route"] and after["installation_schema"] == 2
    place.run("restart", APP)


def test_every_command_keeps_https(secure):
    """None of them is told of it again, and none asks for the files, which may be gone."""
    assert https(secure) == (200, "1.0.0", der(secure))
    served = der(secure)
    for name in ("own.crt", "own.key"):
        (secure.folder / name).unlink()
    folder = secure.home / "apps" / APP / "tls"
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        "1.crt": 0o600, "1.key": 0o600,
    }  # fmt: skip
    assert secure.run("status", APP, "--json").last["address"] == f"https://{HOST}:{secure.https_port}"
    secure.publish("1.1.0")
    for words, version in (
        (["restart", APP], "1.0.0"),
        (["config", "set", APP, "GREETING=hello"], "1.0.0"),
        (["update", APP], "1.1.0"),
        (["rollback", APP], "1.0.0"),
        (["stop", APP], ""),
        (["start", APP], "1.0.0"),
        (rebuilt, "1.0.0"),
        (["settle", APP], "1.0.0"),
    ):
        if callable(words):
            words(secure)
        else:
            secure.run(*words)
        status, text, certificate = https(secure)
        assert (status, certificate) == (200 if version else 503, served), words
        assert not version or text == version, words
        assert redirect(secure)[0] == 301, words
    secure.run("uninstall", APP)
    assert not folder.exists()
    with pytest.raises(NO_ANSWER):
        https(secure)


def test_a_certificate_is_renewed_and_changed_without_a_failed_handshake(secure):
    new = own(secure, "new", HOST, "*." + HOST)
    with Handshakes(secure) as load:
        told = secure.run("certificate", "set", APP, *new, "--json").last
        assert (told["result"], told["flow"]) == ("secured", "domain")
        again = secure.run("certificate", "set", APP, *new, "--json").last
        assert again["result"] == "nothing-to-do"
        wait_for(lambda: der(secure, "new") in load.seen)
    assert not load.bad and load.seen == {der(secure), der(secure, "new")}
    assert [path.name for path in sorted((secure.home / "apps" / APP / "tls").iterdir())] == ["2.crt", "2.key"]
    rebuilt(secure)
    assert https(secure)[2] == der(secure, "new"), "its instance was started with the one before"
    other = own(secure, "other", "else.test")
    error = secure.run("certificate", "set", APP, *other, "--json", code=2).last["error"]
    assert error["key"] == "certificate-hosts" and https(secure)[2] == der(secure, "new")
    error = secure.run("domain", "add", APP, "else.test", "--json", code=4).last["error"]
    assert error["key"] == "certificate-hosts" and "is not for else.test" in error["sentence"]
    secure.run("domain", "add", APP, "a." + HOST)
    assert https(secure, "a." + HOST)[0] == 200
    told = secure.run("certificate", "set", APP, "--tls", "off").out
    assert "shop is served by plain HTTP now." in told and f"Address: http://{HOST}" in told
    assert secure.get() == (200, "1.0.0") and not (secure.home / "apps" / APP / "tls").exists()
    error = secure.run("certificate", "set", APP, "--json", code=2).last["error"]
    assert error["key"] == "https-options"


class Handshakes(Users):
    """A handshake and a request, one after the other, until it is left; `seen` has the certificates."""

    def __init__(self, place):
        super().__init__(2)
        self.place, self.seen = place, set()

    def ask_on(self, _):
        while self.on:
            try:
                status, _, certificate = https(self.place)
                self.seen.add(certificate)
                if status != 200:
                    self.bad.append(status)
            except NO_ANSWER as error:
                self.bad.append(repr(error))
            self.count += 1
            self.pause(0.01)


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["--tls", "auto"], "https-options"),
        (["--certificate", "x"], "https-options"),
        (["--private-key", "x"], "https-options"),
        (["--tls", "off", "--certificate", "x", "--private-key", "x"], "https-options"),
        (["--certificate", "x", "--private-key", "x"], "https-options"),
        (["--host", HOST, "--certificate", "missing", "--private-key", "missing"], "certificate-unreadable"),
        (["--host", HOST, "--certificate", ".", "--private-key", "."], "certificate-unreadable"),
    ],
    ids=["no host", "no key", "no certificate", "both", "own, no host", "missing", "folder"],
)
def test_options_that_make_no_sense_are_refused_before_anything_is_touched(place, words, key):
    told = place.run("install", APP, "--from", place.repo, *words, "--json", code=2).last["error"]
    assert told["key"] == key and "Nothing was changed." in told["sentence"] and told["next_step"]
    assert not (place.home / "apps").exists()


def test_a_certificate_for_other_names_touches_nothing(place):
    place.publish("1.0.0")
    told = place.run(*place.install_words(), *own(place, "other", "else.test"), "--json", code=2).last["error"]
    assert told["key"] == "certificate-hosts"
    assert told["sentence"].endswith("is for else.test, not for shop.test. Nothing was changed.")
    assert not (place.home / "apps").exists() and not (place.home / "config.toml").exists()
