"""`discode edge dns`: the provider tried before it is needed."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rig.powerdns import KEY
from rig.wait import wait_for


def test_a_check_adds_and_removes_a_record_and_says_where(world):
    zone, other = world.zone(), world.zone()
    world.dns.put(zone, f"_acme-challenge.{zone}", "CNAME", f"proof.{other}.")
    changes = world.gate.changes
    told = json.loads(world.edge.ok("dns", "check", f"*.{zone}", "--json"))
    assert (told["name"], told["zone"], told["provider"], told["notes"]) == (f"proof.{other}", other, "powerdns", [])
    assert world.dns.texts(other) == {} and world.gate.changes == changes + 2
    said = world.edge.ok("dns", "check", f"www.{other}")
    assert said.startswith(f"powerdns added _acme-challenge.www.{other} to the zone {other}; it was there after ")
    assert said.endswith(" s, and was removed again.\n")


def test_a_check_that_fails_says_what_the_provider_answered(world):
    zone = world.zone()
    world.give(auth_token="not-the-one")
    done = world.edge.run("dns", "check", zone)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: powerdns does not accept the credentials: 401 Unauthorized")
    done = world.edge.run("dns", "check", zone, "--json")
    assert json.loads(done.stdout)["failure"] == "credentials" and "not-the-one" not in done.stdout
    world.give(auth_tokn="x")
    assert "has no option 'auth_tokn': did you mean auth_token?" in world.edge.run("dns", "check").stderr
    world.give()
    assert world.edge.ok("dns", "check") == "The file has options of powerdns.\n"
    world.unset()
    assert world.edge.run("dns", "check", zone).stderr == "Error: no DNS provider is set\n"
    assert world.edge.run("dns", "check", "no name").stderr == "Error: 'no name' is no name\n"
    assert world.edge.run("dns", "what").stderr.startswith("Error: dns check [NAME]")


def test_a_check_says_what_stays_when_it_cannot_be_removed_and_the_next_one_removes_it(world):
    zone = world.zone()
    world.gate.most_changes = world.gate.changes + 1
    told = json.loads(world.edge.ok("dns", "check", zone, "--json"))
    assert "could not be removed: powerdns has trouble: 503" in told["notes"][0]
    assert list(world.dns.texts(zone)) == [f"_acme-challenge.{zone}"]
    world.gate.pass_all()
    assert json.loads(world.edge.ok("dns", "check", zone, "--json"))["notes"] == []
    assert world.dns.texts(zone) == {}


def test_providers_are_listed_with_what_they_ask_for(world):
    listed = world.edge.ok("dns", "providers").splitlines()
    assert "cloudflare" in listed and "powerdns" in listed and "softlayer (needs more)" in listed
    assert world.edge.ok("dns", "providers", "cloudflare") == "auth_token\nauth_username\nzone_id\n"
    assert "did you mean cloudflare" in world.edge.run("dns", "providers", "cloudflar").stderr


def test_credentials_are_in_no_command_line_and_no_environment(world):
    """Looked at while the child waits for the provider."""
    zone, before = world.zone(), world.gate.changes
    world.gate.open.clear()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(world.edge.run, "dns", "check", zone)
        wait_for(lambda: world.gate.changes > before)
        seen = b""
        for process in Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                try:
                    seen += (process / name).read_bytes()
                except OSError:
                    continue
        world.gate.open.set()
        assert running.result().returncode == 0
    assert b"dns-work" in seen and KEY.encode() not in seen
