"""Names proved by records at a DNS provider: Pebble asks a real PowerDNS for them, dns-lexicon puts them there."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest_https import Handshakes
from cryptography import x509
from cryptography.x509.oid import ExtensionOID
from test_acme import NO_CHECK_TIME

from rig.certificates import trusting
from rig.powerdns import KEY
from rig.wait import wait_for, with_time


def names_of(certificate):
    found = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    return sorted(found.get_values_for_type(x509.DNSName))


def deploy(world, app, *hosts):
    flags = [word for host in hosts for word in ("--host", host)]
    return world.edge.run("deploy", "a", "--target", app.target, *flags, "--tls")


def issued(world, app, *hosts):
    world.edge.certified("a", "--target", app.target, *(word for host in hosts for word in ("--host", host)))


def failure(world, host):
    return wait_for(lambda: world.certificate("a", host)["error"])


def test_a_wildcard_is_issued_and_served_for_every_name_below_it_but_those_with_their_own(world, apps):
    one, two = apps("one", "two")
    zone = world.zone()
    issued(world, one, f"*.{zone}")
    world.edge.certified("b", "--target", two.target, "--host", f"own.{zone}")
    root = world.authority.root()
    assert world.edge.https(f"shop.{zone}", trust=root) == (200, "one")
    assert world.edge.https(f"blog.{zone}", trust=root) == (200, "one")
    assert world.edge.https(f"own.{zone}", trust=root) == (200, "two")
    assert names_of(world.edge.served(f"shop.{zone}")) == [f"*.{zone}"]
    assert names_of(world.edge.served(f"own.{zone}")) == [f"own.{zone}"]
    assert world.edge.served(zone) is None and world.edge.served(f"a.b.{zone}") is None
    assert world.dns.texts(zone) == {}, "the records are gone again"
    assert KEY not in world.log() and KEY not in world.edge.ok("list", "--json")


def test_a_wildcard_and_the_name_above_it_are_one_order(world, apps):
    (one,) = apps("one")
    zone, before = world.zone(), world.authority.gate.orders
    issued(world, one, zone, f"*.{zone}")
    assert names_of(world.edge.served(zone)) == [f"*.{zone}", zone] == names_of(world.edge.served(f"x.{zone}"))
    assert world.authority.gate.orders == before + 1 and world.dns.texts(zone) == {}


def test_at_a_provider_with_one_value_for_a_name_each_is_ordered_alone_in_the_end(world, apps):
    """After two orders for both have failed, which takes its time."""
    (one,) = apps("one")
    zone = world.zone()
    world.gate.values = 1
    world.set(wait=0)
    deploy(world, one, zone, f"*.{zone}")
    wait_for(lambda: world.edge.served(zone) and world.edge.served(f"x.{zone}"))
    assert [names_of(world.edge.served(name)) for name in (zone, f"x.{zone}")] == [[zone], [f"*.{zone}"]]


def test_names_that_are_proved_in_one_place_at_once_do_not_lose_each_others_records(world, apps):
    """dns-lexicon reads what a name has, and writes all of it with the new value; here between the two is a while."""
    (one,) = apps("one")
    zone, other = world.zone(), world.zone()
    world.gate.open.clear()
    world.gate.slow = 0.3
    hosts = [f"{name}.{zone}" for name in ("a", "b", "c")]
    for host in hosts:
        world.dns.put(zone, f"_acme-challenge.{host}", "CNAME", f"proof.{other}.")
    issued(world, one, *(f"*.{host}" for host in hosts))
    assert all(world.edge.served(f"x.{host}") for host in hosts) and world.dns.texts(other) == {}
    assert world.gate.most_at_once == 1


def test_a_delegated_challenge_is_answered_where_the_cname_leads(world, apps):
    (one,) = apps("one")
    zone, other = world.zone(), world.zone()
    world.dns.put(zone, f"_acme-challenge.{zone}", "CNAME", f"hop.{zone}.")
    world.dns.put(zone, f"hop.{zone}", "CNAME", f"proof.{other}.")
    issued(world, one, f"*.{zone}")
    assert world.edge.https(f"x.{zone}", trust=world.authority.root()) == (200, "one")
    assert world.dns.texts(other) == {} == world.dns.texts(zone)


def test_a_renewal_under_load_fails_no_handshake(world, apps):
    (one,) = apps("one")
    world.authority.start(seconds=6)
    zone = world.zone()
    issued(world, one, f"*.{zone}")
    trust = trusting(world.authority.root())
    trust.verify_flags |= NO_CHECK_TIME
    with Handshakes(world.edge, f"x.{zone}", trust, users=2) as load:
        wait_for(lambda: len(load.seen) >= 2)
    assert not load.bad
    world.authority.start()


def test_without_a_provider_a_wildcard_is_refused_in_kamal_proxys_words(world, apps):
    (one,) = apps("one")
    world.unset()
    done = deploy(world, one, "*.nobody.test")
    assert (done.returncode, done.stderr) == (1, "Error: automatic TLS does not support wildcards\n")


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, b"Unauthorized", "powerdns does not accept the credentials: 401 Unauthorized Unauthorized"),
        (500, b"disk of {KEY} is full", "powerdns has trouble: 500 Internal Server Error disk of … is full"),
    ],
)
def test_a_provider_that_refuses_is_told_and_asked_again(world, apps, status, body, said):
    (one,) = apps("one")
    zone = world.zone()
    world.gate.status, world.gate.body = status, body.replace(b"{KEY}", KEY.encode())
    deploy(world, one, f"*.{zone}")
    assert said in failure(world, f"*.{zone}")
    assert KEY not in world.log() and KEY not in json.dumps(world.edge.told())
    world.gate.pass_all()
    wait_for(lambda: world.edge.served(f"x.{zone}"))
    assert world.dns.texts(zone) == {}


def test_a_provider_that_hangs_is_left_after_a_while(world, apps):
    (one,) = apps("one")
    zone, before = world.zone(), world.gate.changes
    world.gate.open.clear()

    def hangs(seconds):
        world.set(timeout=seconds)
        deploy(world, one, f"*.{zone}")
        wait_for(lambda: failure(world, f"*.{zone}") == f"powerdns did not answer within {seconds} s")
        return world.gate.changes > before

    # The child that asks it has to start within that time, too.
    assert with_time(hangs, bool, 1)
    world.set()
    world.gate.pass_all()
    wait_for(lambda: world.edge.served(f"x.{zone}"))


def test_a_provider_that_hangs_holds_up_nobody_else(world, apps):
    """More names wait for it than orders are made at once."""
    one, two = apps("one", "two")
    zone, before = world.zone(), world.gate.changes
    world.set(names="wildcards")
    world.gate.open.clear()
    hosts = [f"{name}.{zone}" for name in "abcde"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(deploy, world, one, *(f"*.{host}" for host in hosts))
        wait_for(lambda: world.gate.changes > before)
        world.edge.certified("b", "--target", two.target, "--host", f"www.{zone}")
        assert world.edge.https(f"www.{zone}", trust=world.authority.root()) == (200, "two")
        world.gate.pass_all()
        assert waiting.result().returncode == 0
    wait_for(lambda: all(world.edge.served(f"x.{host}") for host in hosts))


def test_a_name_that_the_provider_does_not_have_is_proved_on_port_80(world, apps):
    (one,) = apps("one")
    zone = world.zone()
    world.gate.status, world.gate.body = 404, b"Not Found"
    issued(world, one, f"www.{zone}")
    assert world.edge.https(f"www.{zone}", trust=world.authority.root()) == (200, "one")


def test_when_neither_way_works_both_reasons_are_told(world, apps):
    (one,) = apps("one")
    zone = world.zone()
    world.dns.put(zone, f"www.{zone}", "A", "127.0.0.77")
    world.give(auth_token="not-the-one")
    deploy(world, one, f"www.{zone}")
    told = failure(world, f"www.{zone}")
    assert told.startswith(f"www.{zone}: ")
    assert "and not by DNS: powerdns does not accept the credentials" in told and "not-the-one" not in told


def test_a_name_whose_port_80_leads_elsewhere_is_proved_by_dns(world, apps):
    (one,) = apps("one")
    zone = world.zone()
    world.dns.put(zone, f"www.{zone}", "A", "127.0.0.77")
    issued(world, one, f"www.{zone}")
    assert world.edge.https(f"www.{zone}", trust=world.authority.root()) == (200, "one")


def test_a_zone_that_nobody_has_is_told(world, apps):
    (one,) = apps("one")
    deploy(world, one, "*.nowhere.example")
    assert "no DNS zone has _acme-challenge.nowhere.example" in failure(world, "*.nowhere.example")


def test_a_server_of_the_zone_that_lacks_the_record_is_waited_for_and_named(world, apps):
    """The zone names a second server, which does not have its zone's changes."""
    (one,) = apps("one")
    zone = world.zone()
    other = world.second()
    other.add_zone(zone, {(f"ns1.{zone}", "A"): [world.dns.address]})
    world.dns.put(zone, zone, "NS", f"ns1.{zone}.", f"ns2.{zone}.")
    world.dns.put(zone, f"ns2.{zone}", "A", other.address)

    def lacks(seconds):
        world.set(wait=seconds)
        deploy(world, one, f"*.{zone}")
        end = f" after {seconds} s; dns_wait is how long"
        return wait_for(lambda: (told := failure(world, f"*.{zone}")).endswith(end) and told.removesuffix(end))

    # The first server has to have answered by then.
    alone = f"the record is not at ns2.{zone}"
    assert with_time(lacks, lambda told: told == alone, 1) == alone
    wait_for(lambda: world.dns.texts(zone) == {})


def test_records_of_a_killed_controller_are_removed_by_the_next_one(world, apps):
    (one,) = apps("one")
    zone = world.zone()
    world.set(wait=60)
    other = world.second()
    world.dns.put(zone, zone, "NS", f"ns2.{zone}.")
    world.dns.put(zone, f"ns2.{zone}", "A", other.address)
    other.add_zone(zone)
    note = world.edge.folder / "certificates" / "dns-records.json"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(deploy, world, one, f"*.{zone}")
        # Killed while the record is out and the second server is waited for.
        (value,) = wait_for(lambda: world.dns.texts(zone).get(f"_acme-challenge.{zone}"))
        world.edge.kill()
        assert waiting.result().returncode == 1
    assert value in note.read_text() and list(world.dns.texts(zone).values()) == [[value]]
    world.set(wait=0)
    world.edge.start()
    wait_for(lambda: [value] not in world.dns.texts(zone).values() and value not in note.read_text())


def test_a_file_of_credentials_that_others_may_read_is_refused(world, apps):
    (one,) = apps("one")
    zone = world.zone()
    world.credentials.chmod(0o640)
    deploy(world, one, f"*.{zone}")
    told = failure(world, f"*.{zone}")
    assert "others may read it (mode 0640). chmod 600" in told
    world.credentials.chmod(0o600)
    wait_for(lambda: world.edge.served(f"x.{zone}"))
