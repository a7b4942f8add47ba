"""An app with a certificate of its own, wherever it runs: what a client sees of it, and commands that must keep it."""

import http.client
import json
import ssl
import stat
from contextlib import closing

import pytest

from place import APP
from rig.certificates import make_certificate
from rig.web import NO_ANSWER, SecureConnection

HOST = "shop.test"


def own(place, name="own", *hosts, **options):
    """The options that name a certificate and its key."""
    chain, key, _ = make_certificate(*(hosts or (HOST,)), **options)
    for ending, data in (("crt", chain), ("key", key)):
        (place.folder / f"{name}.{ending}").write_bytes(data)
    return "--certificate", place.folder / f"{name}.crt", "--private-key", place.folder / f"{name}.key"


def https(place, host=HOST):
    """Status, text and the certificate as DER, whoever has signed it."""
    with closing(SecureConnection(place.https_port, host, ssl._create_unverified_context())) as connection:
        connection.connect()
        certificate = connection.sock.getpeercert(binary_form=True)
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), certificate


def der(place, name="own"):
    return ssl.PEM_cert_to_DER_cert((place.folder / f"{name}.crt").read_text())


def redirect(place):
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=120)
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


def keeps_https_over_every_command(secure):
    """None is told of it again, and none asks for the files, which may be gone. At the end the app is uninstalled."""
    assert https(secure) == (200, "1.0.0", der(secure))
    served = der(secure)
    for name in ("own.crt", "own.key"):
        (secure.folder / name).unlink()
    folder = secure.home / "apps" / APP / "tls"
    kept = {path.suffix: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert kept == {".crt": 0o600, ".key": 0o600} and stat.S_IMODE(folder.stat().st_mode) == 0o700
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
