"""Where the record of a challenge belongs, and whether those who are asked for it have it. Runs in the child.

What a resolver remembers counts for nothing here: the servers of the zone itself are asked.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...core.resolvers import PORT, address_and_port
from .failure import DnsFailure

if TYPE_CHECKING:
    from dns.name import Name
    from dns.resolver import Resolver

HOPS = 8  # CNAMEs that are followed
PATIENCE = 10.0  # seconds for one question to a resolver
ANSWER = 3.0  # seconds for one question to a server of the zone
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between two looks


@dataclass(frozen=True)
class Place:
    """`name` is where the record goes, in `zone`; both without a dot at the end. It differs from the challenge's own
    name where that is delegated by a CNAME."""

    name: str
    zone: str


def find(challenge: str, resolvers: Sequence[str]) -> Place:
    """Follows CNAMEs. Raises DnsFailure."""
    import dns.exception
    import dns.name
    import dns.resolver

    resolver = _resolver(resolvers)
    try:
        name = _end_of_cnames(dns.name.from_text(challenge), resolver)
        zone = dns.resolver.zone_for_name(name, resolver=resolver)
    except dns.resolver.NoRootSOA:
        raise DnsFailure("zone", f"no DNS zone has {challenge}") from None
    except dns.resolver.NoNameservers as error:
        raise DnsFailure("zone", f"no DNS zone has {challenge}, says the resolver: {_words(error)}") from None
    except dns.exception.DNSException as error:
        raise DnsFailure("unreachable", f"the resolver does not say where {challenge} is: {_words(error)}") from None
    if zone == dns.name.root or len(zone) == 2:
        raise DnsFailure("zone", f"no DNS zone has {challenge}: the first one above it is {zone.to_text()!r}")
    return Place(name.to_text(omit_final_dot=True), zone.to_text(omit_final_dot=True))


def wait(place: Place, value: str, resolvers: Sequence[str], seconds: float) -> str:
    """Until every server of the zone that answers has the value. A sentence when none of them could be asked: then
    `seconds` have been waited. Raises DnsFailure when some still lack it."""
    import dns.name

    resolver, name = _resolver(resolvers), dns.name.from_text(place.name)
    servers = dict(_servers(place.zone, resolver))
    deadline, pause = time.monotonic() + seconds, FIRST_PAUSE
    while True:
        answers = {server: _has(addresses, name, value) for server, addresses in servers.items()}
        lacking = [server for server, has in answers.items() if has is False]
        if not lacking and any(answers.values()):
            return ""
        left = deadline - time.monotonic()
        if left <= 0:
            break
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, LONGEST_PAUSE)
    if lacking:
        which = ", ".join(sorted(lacking))
        raise DnsFailure("unreachable", f"the record is not at {which} after {seconds:.0f} s; dns_wait is how long")
    return f"no server of {place.zone} could be asked whether it has the record: is port 53 closed to the outside?"


def _resolver(addresses: Sequence[str]) -> Resolver:
    import dns.resolver

    try:
        resolver = dns.resolver.Resolver(configure=not addresses)
    except dns.resolver.NoResolverConfiguration:
        raise DnsFailure("unreachable", "this machine has no resolver: /etc/resolv.conf names none") from None
    resolver.lifetime = PATIENCE
    if addresses:
        places = [address_and_port(text) for text in addresses]
        resolver.nameservers = [address for address, _ in places]
        resolver.nameserver_ports = dict(places)
    return resolver


def _end_of_cnames(name: Name, resolver: Resolver) -> Name:
    import dns.resolver

    start = name
    for _ in range(HOPS):
        try:
            answer = resolver.resolve(name, "CNAME", raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return name
        if not answer.rrset:
            return name
        name = answer.rrset[0].target
    raise DnsFailure(
        "zone", f"more than {HOPS} CNAMEs begin at {start.to_text(omit_final_dot=True)}: are they a circle?"
    )


def _servers(zone: str, resolver: Resolver) -> Iterator[tuple[str, list[str]]]:
    import dns.exception

    try:
        found = [record.target for record in resolver.resolve(f"{zone}.", "NS")]
    except dns.exception.DNSException as error:
        raise DnsFailure("unreachable", f"the resolver names no servers of {zone}: {_words(error)}") from None
    for server in found:
        yield server.to_text(omit_final_dot=True), list(_addresses(server, resolver))


def _addresses(server: Name, resolver: Resolver) -> Iterator[str]:
    import dns.exception

    for kind in ("A", "AAAA"):
        try:
            yield from (record.address for record in resolver.resolve(server, kind))
        except dns.exception.DNSException:
            continue


def _has(addresses: Sequence[str], name: Name, value: str) -> bool | None:
    """None when none of the server's addresses answers."""
    answers = [_ask(address, name, value) for address in addresses]
    known = [answer for answer in answers if answer is not None]
    return all(known) if known else None


def _ask(address: str, name: Name, value: str) -> bool | None:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.query
    import dns.rcode

    question = dns.message.make_query(name, "TXT")
    question.flags &= ~dns.flags.RD
    try:
        answer, _ = dns.query.udp_with_fallback(question, address, timeout=ANSWER, port=PORT)
    except (dns.exception.DNSException, OSError):
        return None
    if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return None
    found = (record for rrset in answer.answer if rrset.name == name for record in rrset if hasattr(record, "strings"))
    return any(b"".join(record.strings).decode(errors="replace") == value for record in found)


def _words(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__
