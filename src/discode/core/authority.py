"""The CA that certificates come from by themselves: what it can be asked for, and whether it answers. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .clocks import is_off, off_by
from .errors import UsageError
from .host_names import is_address, shown
from .installation import Route
from .name_checks import Problem
from .public_names import is_public, is_wildcard

# https://letsencrypt.org/docs/rate-limits/, read in 2026: new certificates for one registered domain in 7 days.
A_WEEK = 50
OWN = "--certificate FILE --private-key FILE"


@dataclass(frozen=True)
class Authority:
    """`name`: the host of its ACME directory. `by_dns`: it is told by records in DNS that a name is ours (DNS-01);
    `wait`: seconds until all servers of a zone have them. `is_own`: of an own network, by a setting of this host; it
    may sign names that the world does not know."""

    name: str
    by_dns: bool = False
    is_own: bool = False
    wait: float = 0.0

    @property
    def method(self) -> str:
        return "dns-01" if self.by_dns else "http-01"


@dataclass(frozen=True)
class Answered:
    """How its directory answered. `identifiers`: its names in CAA records (RFC 8555, 7.1.1). `ahead`: seconds by which
    our clock is ahead of its one; None: not known. `reason`: why there was no answer; `by_clock`: for a certificate
    that is not valid by our clock."""

    identifiers: tuple[str, ...] = ()
    ahead: float | None = None
    reason: str = ""
    by_clock: bool = False


def must_be_certifiable(hosts: Sequence[str], ca: Authority, own: str = OWN) -> list[str]:
    """Sentences on hosts that get no certificate beside others that do. Nothing is asked for it. `own`: what to type
    for a certificate of one's own.

    Raises UsageError when none can have one by itself, and for a wildcard: a route with one is as good as never proved.
    """
    without = {host: why for host in hosts if (why := _uncertifiable(host, ca)) is not None}
    wild = next((host for host in without if is_wildcard(host)), None)
    if wild is None and (not without or len(without) < len(hosts)):
        return [f"{why}: it is served by plain HTTP." for why, _ in without.values()]
    first, instead = without[wild or hosts[0]]
    raise UsageError(
        f"{first}. Nothing was changed.", f"Give a certificate ({own}), or {instead}", key="no-certificate-for-name"
    )


def never_certified(route: Route, hosts: Iterable[str], ca: Authority) -> list[str]:
    """Sentences without a full stop on those of the hosts that the CA gives this route no certificate for, however long
    it is waited for."""
    found = [_uncertifiable(host, ca) for host in hosts] if route.tls == "auto" else []
    return [why for why, _ in filter(None, found)]


def _uncertifiable(host: str, ca: Authority) -> tuple[str, str] | None:
    """Why, and what may be done instead."""
    if is_address(host):
        return f"{host} is an IP address, and certificates are got for names alone", "--tls off"
    if is_wildcard(host) and not ca.by_dns:
        return (
            f"{host} is a wildcard, for which a CA wants a record in DNS (DNS-01), and no dns_provider is set",
            "--tls off, or set one: discode proxy config set dns_provider=NAME",
        )
    if not is_public(host) and not ca.is_own:
        return (
            f"{host} is a name for private use, which {ca.name} does not sign",
            "--tls off, or name a CA of your own: discode proxy config set acme_directory=URL",
        )
    return None


def judge_answer(ca: Authority, answered: Answered, host: str) -> list[Problem]:
    """What is wrong with the CA as seen from here, told once for all names; `host` is the first of them."""
    if answered.ahead is not None and is_off(answered.ahead):
        what = f"This machine's clock is {off_by(answered.ahead, ca.name)}."
        if answered.by_clock:
            what += " By it the CA's own certificate is not valid, so that none can be had."
        step = "Set this machine's clock: timedatectl set-ntp true"
        return [Problem("clock-off", host, what, step, answered.by_clock)]
    if answered.reason:
        what = f"The CA {ca.name} cannot be reached from here: {answered.reason}."
        step = f"It is asked again by itself; until then {shown(host)} is served by plain HTTP."
        return [Problem("ca-unreachable", host, what, step)]
    return []


def judge_number(hosts: Iterable[str], ca: Authority) -> list[Problem]:
    """Each name gets a certificate of its own, so that the limit of names in one (100) is none here. That of
    certificates for one domain is."""
    names = [host for host in hosts if is_public(host)]
    domains = Counter(".".join(name.split(".")[-2:]) for name in names)
    domain, number = max(domains.items(), key=lambda entry: entry[1], default=("", 0))
    if ca.is_own or number <= A_WEEK:
        return []
    what = (
        f"{number} names of {domain} need as many certificates, and {ca.name} issues {A_WEEK} for a domain in 7 days: "
        f"the last ones come after {(number - 1) // A_WEEK * 7} days."
    )
    step = f"A wildcard is one certificate: --host '*.{domain}', with dns_provider set (discode proxy config)"
    return [Problem("many-names", names[0], what, step)]
