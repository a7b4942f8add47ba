"""What DNS says of names, asked of a real server that is good or bad in the ways that servers are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import pytest

from discode.adapters.dns import Dns
from discode.core.caa import Caa, Policy
from discode.core.name_checks import Found
from rig.dns import DnsServer
from rig.wait import with_time

PATIENCE = 60.0  # seconds, for a server that answers


@pytest.fixture
def server() -> Iterator[DnsServer]:
    made = DnsServer()
    yield made
    made.close()


def asked(server: DnsServer, host: str = "app.test", deadline: float = PATIENCE) -> Found:
    return Dns(server.address, deadline=deadline).ask([host], caa=False)[host].found


def rcode(code: dns.rcode.Rcode):
    def answer(question: dns.message.Message, way: str) -> dns.message.Message:
        made = dns.message.make_response(question)
        made.set_rcode(code)
        return made

    return answer


def test_every_address_is_told(server):
    server.add("app.test", "A", "192.0.2.9", "192.0.2.1")
    server.add("app.test", "AAAA", "2001:db8::1")
    assert asked(server) == Found(("192.0.2.1", "192.0.2.9", "2001:db8::1"))


def test_a_name_that_does_not_exist_is_told_from_one_without_address(server):
    server.add("mail.app.test", "A", "192.0.2.1")
    server.add("text.test", "TXT", '"no address"')
    assert asked(server, "nobody.test") == Found(missing="name", repeats=300)
    assert asked(server, "text.test") == Found(missing="address", repeats=300)
    assert asked(server, "app.test") == Found(missing="address", repeats=300)


def test_an_alias_is_followed_to_its_end_and_named(server):
    server.add("app.test", "CNAME", "one.test.")
    server.add("one.test", "CNAME", "two.test.")
    server.add("two.test", "A", "192.0.2.1")
    assert asked(server) == Found(("192.0.2.1",), alias="two.test")
    server.add("gone.test", "CNAME", "nobody.test.")
    assert asked(server, "gone.test") == Found(missing="name", alias="nobody.test", repeats=300)
    server.add("empty.test", "CNAME", "text.test.")
    server.add("text.test", "TXT", '"no address"')
    assert asked(server, "empty.test") == Found(missing="address", alias="text.test", repeats=300)


def test_aliases_in_a_circle_are_told(server):
    server.add("app.test", "CNAME", "one.test.")
    server.add("one.test", "CNAME", "app.test.")
    assert asked(server).reason == "its aliases (CNAME) lead in a circle, or through too many names"


def test_a_wildcard_is_asked_for_by_a_name_that_it_covers(server):
    server.add("*.app.test", "A", "192.0.2.1")
    assert asked(server, "*.app.test") == Found(("192.0.2.1",))
    assert asked(server, "*.other.test").missing == "name"
    assert {name for name, _, _ in server.questions} == {"discode-look.app.test", "discode-look.other.test"}


@pytest.mark.parametrize("code", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.FORMERR])
def test_a_refusal_is_told_by_its_name(server, code):
    server.behave["app.test"] = rcode(code)
    reason = asked(server).reason
    assert reason == f"the resolver 127.0.0.1 answers with {dns.rcode.to_text(code)}"


def test_silence_ends_at_the_deadline(server):
    server.behave["app.test"] = lambda question, way: None
    assert asked(server, deadline=0.3).reason == "the resolver 127.0.0.1 does not answer"


def test_one_kind_that_fails_does_not_hide_the_other(server):
    def only_v4(question, way):
        if "AAAA" in str(question.question[0]):
            return rcode(dns.rcode.SERVFAIL)(question, way)
        return server.plain(question)

    server.add("app.test", "A", "192.0.2.1")
    server.behave["app.test"] = only_v4
    assert asked(server) == Found(("192.0.2.1",))


def test_a_truncated_answer_is_asked_for_again_by_tcp(server):
    def cut(question, way):
        answer = server.plain(question)
        if way == "udp":
            answer.flags |= dns.flags.TC
            answer.answer = []
        return answer

    many = tuple(f"192.0.2.{number}" for number in range(1, 31))
    server.add("app.test", "A", *many)
    server.behave["app.test"] = cut
    assert set(asked(server).addresses) == set(many)
    assert ("app.test", "A", "tcp") in server.questions


@pytest.mark.parametrize(
    "garbage",
    [b"", b"\x00", b"\xff" * 12, b"\x00" * 4096, b"\xc0\x0c" * 600],
    ids=["nothing", "a byte", "a head", "zeros", "pointers"],
)
def test_what_is_no_answer_is_no_answer(server, garbage):
    def answer(question, way):
        return question.to_wire()[:2] + garbage

    server.behave["app.test"] = answer
    found = asked(server, deadline=0.5)
    assert found.reason and not found.addresses and not found.missing


def test_an_answer_that_lies_of_its_lengths_is_no_answer(server):
    server.add("app.test", "A", "192.0.2.1")

    def answer(question, way):
        wire = bytearray(server.plain(question).to_wire())
        wire[-6:-4] = b"\xff\xff"  # the length of the record
        return bytes(wire)

    server.behave["app.test"] = answer
    found = asked(server, deadline=0.5)
    assert found.reason and not found.addresses


def test_many_names_share_the_time_and_each_is_told(server):
    hosts = [f"a{number}.test" for number in range(101)]
    for host in hosts:
        server.add(host, "A", "192.0.2.1")
    server.behave["a7.test"] = lambda question, way: None

    def unanswered(deadline):
        told = Dns(server.address, deadline=deadline).ask(hosts, caa=True)
        assert set(told) == set(hosts)
        return [host for host in hosts if told[host].found.addresses != ("192.0.2.1",)]

    assert with_time(unanswered, lambda found: len(found) == 1, 0.6) == ["a7.test"]


def test_the_resolver_is_that_of_the_host(tmp_path: Path):
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 127.0.0.1\nsearch example.com\noptions ndots:5\n")
    made = Dns(configuration=file)._made()
    assert made.nameservers == ["127.0.0.1"] and made.port == 53
    nothing = Dns(configuration=tmp_path / "absent").ask(["app.test"], caa=True)["app.test"]
    assert nothing.found.reason == nothing.caa.reason == f"this host has no resolver ({tmp_path / 'absent'})"
    file.write_text("# no resolver\n")
    assert "no resolver" in Dns(configuration=file).ask(["app.test"], caa=False)["app.test"].found.reason


def policy(server: DnsServer, host: str) -> Policy:
    return Dns(server.address, deadline=PATIENCE).ask([host], caa=True)[host].caa


def test_caa_records_are_those_of_the_nearest_name_that_has_some(server):
    server.add("app.shop.example.test", "A", "192.0.2.1")
    server.add("example.test", "CAA", '0 issue "ca.example"')
    server.add("test", "CAA", '0 issue "never.example"')
    assert policy(server, "app.shop.example.test") == Policy("example.test", (Caa(0, "issue", "ca.example"),))
    asked_for = [name for name, kind, _ in server.questions if kind == "CAA"]
    assert asked_for == ["app.shop.example.test", "shop.example.test", "example.test"]
    server.add("shop.example.test", "CAA", '128 issuewild ";"', '0 iodef "mailto:admin@example.test"')
    found = policy(server, "*.shop.example.test")
    assert found.at == "shop.example.test"
    assert set(found.records) == {Caa(128, "issuewild", ";"), Caa(0, "iodef", "mailto:admin@example.test")}
    assert policy(server, "app.other.example") == Policy()


def test_caa_records_of_an_alias_are_those_of_its_end(server):
    server.add("app.test", "CNAME", "shop.elsewhere.example.")
    server.add("shop.elsewhere.example", "CAA", '0 issue "ca.example"')
    assert policy(server, "app.test") == Policy("shop.elsewhere.example", (Caa(0, "issue", "ca.example"),))


def test_caa_records_that_cannot_be_had_are_not_known(server):
    server.behave["app.test"] = rcode(dns.rcode.SERVFAIL)
    assert policy(server, "app.test") == Policy("app.test", reason="the resolver 127.0.0.1 answers with SERVFAIL")
