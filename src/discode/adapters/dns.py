"""What DNS says of host names: dnspython over the resolvers of this host (/etc/resolv.conf), or over another one.

All names are asked side by side and in a time that they share. Names are asked as they are, without search domains, and
/etc/hosts does not count: what is of interest is what the world sees.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.caa import Caa, Policy, climb
from ..core.name_checks import Found
from ..core.public_names import covered
from ..core.resolvers import address_and_port
from ..ports.names import Told

if TYPE_CHECKING:
    from dns.resolver import Answer, Resolver

CONFIGURATION = Path("/etc/resolv.conf")
DEADLINE = 6.0  # seconds for all names together
ONE_TRY = 2.0  # seconds that one resolver has for one question
AT_ONCE = 16
PAYLOAD = 1232  # bytes of an answer by UDP: https://www.dnsflagday.net/2020/
BELOW_WILDCARD = "discode-look"  # a label that nobody has a record for


class Dns:
    """`resolvers`: to be asked instead of those of `configuration`, with commas between them; see `core/resolvers.py`.
    `deadline` in seconds."""

    def __init__(self, resolvers: str = "", configuration: Path = CONFIGURATION, deadline: float = DEADLINE):
        self._resolvers, self._configuration, self._deadline = resolvers, configuration, deadline

    def ask(self, hosts: Collection[str], *, caa: bool) -> Mapping[str, Told]:
        """As `ports.names.Names.ask`."""
        import dns.resolver

        try:
            resolver = self._made()
        except (dns.resolver.NoResolverConfiguration, OSError, ValueError):
            reason = f"this host has no resolver ({self._resolvers or self._configuration})"
            return {host: Told(Found(reason=reason), Policy(reason=reason)) for host in hosts}
        questions = _Questions(resolver, time.monotonic() + self._deadline)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = {host: pool.submit(questions.found, host) for host in hosts}
            policies = {host: pool.submit(questions.policy, host) for host in hosts if caa}
            return {
                host: Told(found[host].result(), policies[host].result() if caa else Policy()) for host in found
            }  # fmt: skip

    def _made(self) -> Resolver:
        import dns.nameserver
        import dns.resolver

        resolver = dns.resolver.Resolver(configure=False)
        if self._resolvers:
            there = map(address_and_port, self._resolvers.split(","))
            resolver.nameservers = [dns.nameserver.Do53Nameserver(*one) for one in there]
        else:
            resolver.read_resolv_conf(str(self._configuration))
        resolver.timeout, resolver.cache = ONE_TRY, dns.resolver.Cache()
        resolver.use_edns(0, 0, PAYLOAD)
        return resolver


class _Questions:
    """`until` is on the monotonic clock."""

    def __init__(self, resolver: Resolver, until: float):
        self._resolver, self._until = resolver, until

    def found(self, host: str) -> Found:
        name = covered(host, BELOW_WILDCARD)
        v4, v6 = self._addresses(name, "A"), self._addresses(name, "AAAA")
        addresses = v4.addresses + v6.addresses
        if addresses:
            return Found(addresses, alias=v4.alias or v6.alias)
        # Some servers say of a name without IPv6 that it does not exist.
        unknown = next((one for one in (v4, v6) if one.reason), None)
        return unknown or next((one for one in (v4, v6) if one.missing == "address"), v4)

    def _addresses(self, name: str, kind: str) -> Found:
        import dns.exception
        import dns.resolver

        try:
            answer = self._asked(name, kind)
        except dns.resolver.NXDOMAIN as error:
            canonical = _text(error.canonical_name)
            is_alias, repeats = canonical != name, _repeats(next(iter(error.kwargs["responses"].values())))
            return Found(missing="name", alias=canonical if is_alias else "", repeats=repeats)
        except dns.exception.DNSException as error:
            return Found(reason=self._why(error))
        alias = _text(answer.canonical_name)
        alias = alias if alias != name else ""
        if answer.rrset is None:
            return Found(missing="address", alias=alias, repeats=_repeats(answer.response))
        return Found(tuple(sorted(record.address for record in answer.rrset)), alias=alias)

    def policy(self, host: str) -> Policy:
        import dns.exception
        import dns.resolver

        for name in climb(host):
            try:
                answer = self._asked(name, "CAA")
            except dns.resolver.NXDOMAIN:
                continue
            except dns.exception.DNSException as error:
                return Policy(name, reason=self._why(error))
            if answer.rrset is not None:
                records = tuple(Caa(one.flags, _ascii(one.tag), _ascii(one.value)) for one in answer.rrset)
                return Policy(_text(answer.canonical_name), records)
        return Policy()

    def _asked(self, name: str, kind: str) -> Answer:
        """An answer without records is one. Raises DNSException."""
        left = max(self._until - time.monotonic(), 0.001)
        return self._resolver.resolve(f"{name}.", kind, search=False, raise_on_no_answer=False, lifetime=left)

    def _why(self, error: Exception) -> str:
        """In words; the library's are for programmers."""
        import dns.exception
        import dns.message
        import dns.resolver

        asked = " and ".join(dict.fromkeys(map(_address, self._resolver.nameservers)))
        if isinstance(error, dns.exception.Timeout):
            return f"the resolver {asked} does not answer"
        if not isinstance(error, dns.resolver.NoNameservers):
            return f"the resolver {asked} gives an answer that makes no sense ({type(error).__name__})"
        tries = error.kwargs.get("errors") or []
        if any(isinstance(attempt[3], dns.message.ChainTooLong) for attempt in tries):
            return "its aliases (CNAME) lead in a circle, or through too many names"
        says = ", ".join(dict.fromkeys(_said(attempt[3]) for attempt in tries)) or "nothing"
        return f"the resolver {asked} answers with {says}"


def _address(server: object) -> str:
    return server if isinstance(server, str) else str(getattr(server, "address", server))


def _said(error: object) -> str:
    """A code such as SERVFAIL, which comes as text; or what went wrong with the answer."""
    return error if isinstance(error, str) else f"what makes no sense ({type(error).__name__})"


def _repeats(response: object) -> float:
    """For how many seconds a resolver keeps that something is missing: RFC 2308, 5."""
    import dns.message
    import dns.rdatatype

    assert isinstance(response, dns.message.Message)
    for rrset in response.authority:
        if rrset.rdtype == dns.rdatatype.SOA:
            return float(min(rrset.ttl, rrset[0].minimum))
    return 0.0


def _text(name: object) -> str:
    return str(name).rstrip(".").lower()


def _ascii(value: bytes) -> str:
    return value.decode("ascii", "replace")
