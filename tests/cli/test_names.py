"""Names of the world, on the command line, with a DNS server of the test's own. No question leaves the machine."""

from __future__ import annotations

import json

import dns.message
import dns.rcode
import pytest

from discode.adapters.machine import machine
from place import APP, Place
from rig.certificates import make_certificate
from rig.dns import DnsServer
from rig.ports import free_port

HOST = "app.example.com"
AWAY = "https://127.0.0.1:9/directory"  # nobody is there


class NamedPlace(Place):
    """Its resolver is a server of its own, and its CA is away."""

    def __init__(self, folder):
        super().__init__(folder)
        self.dns = DnsServer()
        self.home.mkdir()
        (self.home / "config.toml").write_text(
            f"dns_resolvers = '{self.dns.address}'\nhttps_port = {free_port()}\nacme_directory = '{AWAY}'\n"
        )

    def words(self, *hosts):
        given = self.install_words()
        at = given.index("--host")
        return (*given[:at], *(word for host in hosts for word in ("--host", host)), *given[at + 2 :])

    def own(self):
        """The options of a certificate for the host: no CA is waited for."""
        certificate, key, _ = make_certificate(HOST)
        (self.folder / "own.pem").write_bytes(certificate + key)
        return "--certificate", self.folder / "own.pem", "--private-key", self.folder / "own.pem"

    def close(self):
        self.dns.close()
        super().close()


@pytest.fixture
def kind():
    return NamedPlace


@pytest.fixture
def place(place):
    place.publish("1.0.0")
    return place


def error(place, code, *words):
    told = json.loads(place.run(*words, "--json", code=code).out.strip().splitlines()[-1])["error"]
    assert not (place.home / "apps" / APP / "installation.json").exists() and not place.instances()
    assert "Nothing was changed." in told["sentence"]
    return told["key"], told["sentence"], told["next_step"]


def check(place, what, code):
    return {one["what"]: one for one in place.run("doctor", "--json", code=code).last["checks"]}[what]


def test_an_install_looks_before_it_touches_anything(place):
    key, told, step = error(place, 4, *place.words(HOST, "bücher.example.com"))
    assert key == "name-missing" and f"{HOST} does not exist in DNS" in told
    assert "bücher.example.com (xn--bcher-kva.example.com) does not exist in DNS" in told
    assert f"Add this record where the domain is managed: {HOST}.  A" in step and step.endswith("--skip-checks")
    place.dns.add(HOST, "TXT", '"no address"')
    assert error(place, 4, *place.words(HOST))[0] == "name-without-address"
    assert not (place.home / "edge").exists(), "the proxy was not even started"
    place.dns.questions.clear()
    done = place.run(*place.words(HOST), *place.own(), "--skip-checks")
    assert place.dns.questions == [] and "no address" not in done.err
    assert place.ask(host=HOST)[0] in (200, 301)


def failing(question, way):
    answer = dns.message.make_response(question)
    answer.set_rcode(dns.rcode.SERVFAIL)
    return answer


def test_what_is_not_sure_is_told_and_the_app_serves(place):
    place.dns.behave[HOST] = failing
    done = place.run(*place.words(HOST), *place.own())
    assert f"It is not known where {HOST} points: the resolver 127.0.0.1 answers with SERVFAIL." in done.err
    assert place.ask(host=HOST)[0] in (200, 301)
    found = check(place, f"{APP} names", 4)
    assert found["ok"] and found["warning"] and "the resolver 127.0.0.1 answers with SERVFAIL" in found["detail"]
    del place.dns.behave[HOST]
    found = check(place, f"{APP} names", 4)
    assert found["warning"] and f"{HOST} does not exist in DNS" in found["detail"]
    assert f"Add this record where the domain is managed: {HOST}.  A" in found["next_step"]
    place.dns.add(HOST, "A", machine().addresses[0])
    found = check(place, f"{APP} names", 4)
    assert found["ok"] and not found["warning"] and found["detail"] == f"{HOST}: nothing is wrong in DNS"


def test_nothing_is_asked_for_names_of_private_use_nor_for_what_is_no_name(place):
    for host, key in (
        ("192.0.2.7", "no-certificate-for-name"),
        ("https://a.example.com/", "invalid-host"),
        ("", "invalid-host"),
    ):
        assert error(place, 2, *place.words(host), "--tls", "auto")[0] == key
    place.run(*place.install_words())
    place.run("domain", "add", APP, "nas.local", "app.localhost")
    assert place.run("doctor", "--json", code=None).last["checks"]
    assert place.dns.questions == []
