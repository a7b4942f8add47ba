"""The CA is a setting of a running edge; a renewal can be forced; one that fails takes nothing away."""

import json
import shutil
from datetime import datetime

import pytest
from conftest_https import Handshakes

from discode.disk.whole import write_whole
from discode.edge.services.tls import Authority as Settings
from discode.edge.tls.authority import Authorities
from discode.edge.tls.folder import digest
from rig.certificates import make_certificate, trusting
from rig.pebble import Authority
from rig.wait import wait_for


class Ca:
    """Pebble, and what the edge is told of it."""

    def __init__(self, edge):
        self.edge, self.pebble = edge, Authority(edge.folder.parent / "ca", edge.port)
        self.trust = self.pebble.trust.read_text()

    def tell(self, directory="", **settings):
        told = {"directory": directory or self.pebble.directory, "ca_bundle": self.trust, **settings}
        self.edge.folder.mkdir(exist_ok=True)
        write_whole(self.edge.folder / "acme.json", json.dumps(told).encode(), 0o600)


@pytest.fixture
def ca(https_edge):
    made = Ca(https_edge)
    https_edge.options = ("--acme-retry", "60s")
    made.tell()
    made.pebble.start()
    https_edge.start()
    try:
        yield made
    finally:
        made.pebble.close()


def entry(edge, service="a"):
    (told,) = edge.service(service)["certificates"]
    return told


def moment(text):
    return datetime.fromisoformat(text)


def put(edge, directory, host, days):
    """A certificate that this CA has issued for the host at some time."""
    certificate, key, _ = make_certificate(host, days=days)
    file = edge.folder / "certificates" / "issued" / digest(directory) / f"{host}.pem"
    write_whole(file, certificate + key, 0o600)
    return certificate


def test_a_change_of_the_ca_is_carried_out_at_once_and_the_one_before_is_served_until_then(https_edge, ca, apps):
    (one,) = apps("one")
    https_edge.certified("a", "--target", one.target, "--host", "a.test")
    first, told = https_edge.served("a.test"), entry(https_edge)
    assert told["directory"] == ca.pebble.directory and told["of_this_directory"] and not told["under_way"]
    assert told["issuer"].startswith("Pebble Intermediate") and told["names"] == ["a.test"] and not told["self_made"]
    other = ca.pebble.another_gate()
    try:
        other.limit = 7200
        trust = trusting(ca.pebble.root())
        with Handshakes(https_edge, "a.test", trust, users=2) as load:
            ca.tell(other.directory, email="me@example.com")
            told = wait_for(lambda: (now := entry(https_edge))["error"] and now)
            assert told["kind"] == "rate limited" and told["count"] == 1 and told["directory"] == other.directory
            assert not told["of_this_directory"] and told["names"] == ["a.test"]
            wait = moment(told["next_try"]) - moment(told["begins"])
            assert 7200 <= wait.total_seconds() < 10000, "what the CA asked for"
            assert https_edge.told()["authority"] | {"revision": ""} == {
                "directory": other.directory, "staging": False, "email": "me@example.com", "eab_kid": None,
                "eab_key": False, "ca_bundle": 1, "problem": None, "revision": "", "fixed": False,
            }  # fmt: skip
            assert https_edge.served("a.test") == first
            https_edge.kill()
            https_edge.start()
            assert https_edge.served("a.test") == first, "over a restart too"
            other.limit = None
            assert https_edge.ok("renew", "a.test").startswith("a.test has a new certificate by Pebble Intermediate")
            wait_for(lambda: len(load.seen) == 2)
        assert not load.bad
        told = entry(https_edge)
        assert told["of_this_directory"] and told["error"] is None and told["count"] == 0
        second = https_edge.served("a.test")
        shutil.rmtree(https_edge.folder / "certificates" / "accounts")
        ca.tell()
        wait_for(lambda: https_edge.served("a.test") == first)
        assert second != first, "of two CAs each has its own, and the one that is there is not ordered again"
    finally:
        other.close()


def test_settings_that_cannot_be_read_for_a_while_take_no_limit_of_the_ca_away(https_edge, ca, apps):
    (one,) = apps("one")
    ca.pebble.gate.limit = 7200
    https_edge.ok("deploy", "a", "--target", one.target, "--host", "a.test", "--tls")
    limited = entry(https_edge)
    assert limited["kind"] == "rate limited"
    ca.pebble.gate.limit = None
    for host, restarts in (("b.test", False), ("c.test", True)):
        write_whole(https_edge.folder / "acme.json", b"{", 0o600)
        if restarts:
            https_edge.kill()
            https_edge.start()
        wait_for(lambda: https_edge.told()["authority"]["problem"])
        name = host[0]
        said = https_edge.ok("deploy", name, "--target", one.target, "--host", host, "--tls")
        if not restarts:  # one that has just begun takes it for a name of Let's Encrypt, and asks nobody
            assert "cannot be read" in said and entry(https_edge, name)["kind"] == "settings"
        ca.tell()
        # The keeper looks for all that is due at once: when it has ordered for this name, it would have for the other.
        wait_for(lambda host=host: https_edge.served(host))
        assert entry(https_edge) == limited and https_edge.served("a.test") is None


def test_a_renewal_is_forced_and_what_stands_in_its_way_is_said(https_edge, ca, apps, pair):
    (one,) = apps("one")
    https_edge.certified("a", "--target", one.target, "--host", "a.test")
    https_edge.ok("deploy", "b", "--target", one.target, "--host", "b.test", "--tls", *pair("b", "b.test").flags)
    https_edge.ok("deploy", "c", "--target", one.target, "--host", "c.test")
    first = https_edge.served("a.test")
    assert https_edge.ok("renew", "A.test").startswith("a.test has a new certificate by Pebble")
    second = https_edge.served("a.test")
    assert second != first
    ca.pebble.gate.limit = 300
    done = https_edge.run("renew", "a.test")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: no certificate for a.test: the CA's rate limit is reached: too many certif")
    assert "The one before it is served" in done.stderr and https_edge.served("a.test") == second
    assert entry(https_edge)["kind"] == "rate limited" and not entry(https_edge)["under_way"]
    ca.pebble.gate.limit = None
    https_edge.ok("renew", "a.test")
    assert https_edge.served("a.test") not in (first, second) and entry(https_edge)["error"] is None
    for host, why in (
        ("b.test", "has a certificate of its own"),
        ("c.test", "c has no TLS"),
        ("d.test", "no service has an automatic certificate for d.test"),
    ):
        done = https_edge.run("renew", host)
        assert done.returncode == 1 and why in done.stderr, done.stderr
    assert entry(https_edge, "b")["self_made"] is True and entry(https_edge, "b")["directory"] is None


@pytest.mark.parametrize("days", [(-88, 2), (-91, -1)], ids=["near its end", "after it"])
def test_a_certificate_whose_renewal_fails_is_served_to_its_end_and_after_it(https_edge, ca, apps, days):
    (one,) = apps("one")
    ca.pebble.gate.limit = 86400
    put(https_edge, ca.pebble.directory, "a.test", days)
    https_edge.ok("deploy", "a", "--target", one.target, "--host", "a.test", "--tls")
    told = wait_for(lambda: (now := entry(https_edge))["error"] and now)
    assert told["kind"] == "rate limited" and told["renewal"] < told["expires"]
    served = https_edge.served("a.test")
    assert served.not_valid_after_utc == moment(told["expires"])
    https_edge.ok("deploy", "b", "--target", one.target, "--host", "b.test")  # a change of services removes nothing
    https_edge.close()
    https_edge.start()
    assert https_edge.served("a.test") == served
    ca.pebble.gate.limit = None
    https_edge.ok("renew", "a.test")
    assert https_edge.https("a.test", trust=ca.pebble.root()) == (200, "one")


def test_settings_that_cannot_be_read_leave_those_before_and_are_told(https_edge, ca):
    before = https_edge.told()["authority"]
    (https_edge.folder / "acme.json").write_text("{")
    told = wait_for(lambda: (now := https_edge.told()["authority"])["problem"] and now)
    assert "acme.json cannot be read" in told["problem"] and told["directory"] == before["directory"]
    (https_edge.folder / "acme.json").unlink()
    wait_for(lambda: https_edge.told()["authority"]["problem"] is None)
    told = https_edge.told()["authority"]
    assert told["directory"] is None and told["revision"] is None


def test_the_file_of_before_counts_again_when_it_comes_back(tmp_path):
    file, kept = tmp_path / "acme.json", tmp_path / "kept.json"
    file.write_text('{"directory": "https://ca.test/dir"}')
    authorities = Authorities(file, Settings())
    before = authorities.now()
    file.rename(kept)
    file.write_text("{")
    assert "cannot be read" in authorities.now().problem
    kept.rename(file)
    assert authorities.now() == before and before.problem == ""


def test_options_of_run_come_first_and_a_missing_file_of_theirs_stops_no_start(https_edge, ca, tmp_path):
    key = tmp_path / "key"
    key.write_text("k" * 32)
    options = ("--acme-directory", "https://ca.test/dir", "--acme-eab-kid", "kid-1", "--acme-eab-key-file", str(key))
    assert https_edge.run("upgrade", *options, "--acme-staging").returncode == 1
    assert "go together" in https_edge.run("upgrade", "--acme-eab-kid", "kid-1").stderr
    missing = https_edge.run("upgrade", "--acme-ca-bundle", "/nowhere")
    assert missing.returncode == 1 and "cannot be used" in missing.stderr and "Nothing was changed" in missing.stderr
    https_edge.ok("upgrade", *options)
    told = https_edge.told()["authority"]
    assert told["fixed"] and told["directory"] == "https://ca.test/dir" and told["eab_key"] is True
    key.unlink()
    https_edge.kill()
    https_edge.start(*options)
    assert "a file of the CA's settings cannot be used" in https_edge.told()["authority"]["problem"]


def test_a_certificate_of_its_own_is_served_until_the_ca_has_issued_one(https_edge, ca, apps, pair):
    (one,) = apps("one")
    own, deploy = pair("own", "a.test"), ("deploy", "a", "--target", one.target, "--host", "a.test", "--tls")
    https_edge.ok(*deploy, *own.flags)
    first = https_edge.served("a.test")
    ca.pebble.gate.limit = 7200
    trust = trusting(own.certificate.read_text() + ca.pebble.root())
    with Handshakes(https_edge, "a.test", trust, users=2) as load:
        assert "too many certificates already issued" in https_edge.ok(*deploy)
        told = entry(https_edge)
        assert told["source"] == "acme" and not told["of_this_directory"] and told["names"] == ["a.test"]
        https_edge.kill()
        https_edge.start()
        assert https_edge.served("a.test") == first, "over a restart too"
        ca.pebble.gate.limit = None
        https_edge.ok("renew", "a.test")
        wait_for(lambda: len(load.seen) == 2)
    assert not load.bad and entry(https_edge)["of_this_directory"]
    assert not list(https_edge.folder.glob("certificates/issued/own/*")), "its key is kept no longer than it is served"
    assert not list(https_edge.folder.glob("certificates/own/*"))
