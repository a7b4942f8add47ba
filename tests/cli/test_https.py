"""An app with a certificate of its own, through the `discode` command and a real edge."""

import pytest

from place import APP
from rig.load import Users
from rig.ports import free_port
from rig.wait import wait_for
from rig.web import NO_ANSWER
from secure import HOST, der, https, keeps_https_over_every_command, own, rebuilt


@pytest.fixture
def secure(place):
    place.publish("1.0.0")
    place.https_port = free_port()
    place.home.mkdir(exist_ok=True)
    (place.home / "config.toml").write_text(f"https_port = {place.https_port}\n")
    told = place.install(*own(place), "--json").last
    assert told["result"] == "installed"
    return place


def test_every_command_keeps_https(secure):
    keeps_https_over_every_command(secure)


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
    assert "shop is served by plain HTTP now." in told and f"Its address is http://{HOST}" in told
    assert secure.get() == (200, "1.0.0") and not (secure.home / "apps" / APP / "tls").exists()
    error = secure.run("certificate", "set", APP, "--json", code=2).last["error"]
    assert error["key"] == "https-options"


def test_the_doctor_examines_all_else_when_the_settings_are_invalid(secure):
    (secure.home / "config.toml").write_text("bind = 7\n")
    checks = {one["what"]: one for one in secure.run("doctor", "--json", code=4).last["checks"]}
    assert "bind is 7" in checks["settings"]["detail"] and not checks["settings"]["ok"] and not checks[APP]["ok"]
    assert "disk" in checks and "agent" in checks and f"{APP} https" not in checks


def test_a_stopped_app_is_listed_with_the_certificate_that_it_has(secure):
    secure.run("stop", APP)
    [app] = secure.run("list", "--json").last["apps"]
    assert app["condition"] == "stopped" and [one["names"] for one in app["https"]["names"]] == [[HOST]]


def test_invalid_settings_hide_no_app_from_the_list(secure):
    (secure.home / "config.toml").write_text("bind = 7\n")
    told = secure.run("list").out
    assert f"{APP}  1.0.0    unknown" in told and "bind is 7. " in told and "Write IP addresses" in told, told
    assert "bind is 7" in secure.run("status", APP, code=2).err


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
