"""The addresses of an app with HTTPS change, with a real CA and under load: all meet trusted certificates."""

import ssl

import pytest

from place import APP
from rig.load import Users
from rig.web import NO_ANSWER
from secure_place import BLOCKED, HOST, SecurePlace

NEW = "new.test"


class Visitors(Users):
    """By HTTPS, each time with a handshake of its own; answered, or led on."""

    def __init__(self, place):
        super().__init__(3)
        self._place, self.allowed = place, {200}

    def ask_on(self, number):
        while self.on:
            try:
                if (status := self._place.by_https()[0]) not in self.allowed:
                    self.bad.append(status)
            except NO_ANSWER as error:
                self.bad.append(repr(error))
            self.count += 1
            self.pause()


@pytest.fixture
def kind():
    return SecurePlace


@pytest.fixture
def place(place):
    place.publish("1.0.0")
    place.trust_root()
    place.run(*place.words("--require-https"))
    return place


def test_a_name_takes_over_from_another_one_as_soon_as_it_has_its_certificate(place):
    place.pebble.gate.open.clear()
    with Visitors(place) as visitors:
        adding = place.start("domain", "add", APP, NEW, "--json")
        assert any('"step-started", "step": "https"' in line for line in adding.stdout)
        adding.kill()
        adding.wait()
        assert place.ask(host=NEW) == (200, "1.0.0") and not place.journals(), "by HTTP, and for good"
        leading = place.start("domain", "redirect", APP, HOST, "--to", NEW)
        visitors.go_on()
        assert place.by_https() == (200, "1.0.0"), "the other has no certificate yet"
        visitors.allowed = {200, 301}
        place.pebble.gate.open.set()
        assert leading.wait(300) == 0
        assert place.by_https(NEW) == (200, "1.0.0"), "the command has ended: nothing is waited for"
        assert place.by_https()[0] == 301
        place.run("restart", APP)
        visitors.go_on()
    assert not visitors.bad, visitors.bad[:5]
    told = place.run("domain", "list", APP, "--json").last
    assert told["address"] == f"https://{NEW}:{place.https_port}"
    assert [(one["host"], one["redirect_to"], one["https"]["state"]) for one in told["domains"]] == [
        (HOST, NEW, "proved"), (NEW, None, "proved"),
    ]  # fmt: skip
    place.run("domain", "remove", APP, HOST)
    with pytest.raises((ssl.SSLError, OSError)):
        place.by_https()
    assert place.by_https(NEW) == (200, "1.0.0")


def test_a_name_that_the_ca_refuses_is_no_place_to_lead_users_to(place):
    added = place.run("domain", "add", APP, BLOCKED)
    assert f"It has no HTTPS yet and is served at http://{BLOCKED}:{place.port}." in added.out
    for words in (("redirect", APP, HOST, "--to", BLOCKED), ("remove", APP, HOST)):
        refused = place.run("domain", *words, code=4).err
        assert f"{HOST} has a certificate, and what would be left has none: {BLOCKED}: the CA" in refused
        assert "--skip-checks" in refused and place.by_https() == (200, "1.0.0")
    assert f"{BLOCKED}  the app   none: the CA" in place.run("domain", "list", APP).out
    back = place.run("domain", "add", APP, f"also.{BLOCKED}", "--require-https", code=5).err
    assert "HTTPS was required, and there is none." in back and "shop has its earlier addresses again." in back
    assert place.run("status", APP, "--json").last["hosts"] == [HOST, BLOCKED]
