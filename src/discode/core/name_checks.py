"""What DNS and this machine say of a host name, and whether it leads here: judged before anything is touched. Pure.

An address leads here when it is one of this machine's own, or when a token of this machine's proxy came back from it.
The first is all there is to know on a machine that has its public address itself. Behind a router, or the 1:1 NAT of a
cloud, a machine has private addresses alone; then only the token tells, and where it does not come back nothing is
known: many a router sends nobody from inside to itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Literal

from .host_names import shown
from .quantity import format_duration

# RFC 1918, RFC 6598 (shared address space), RFC 4193. Behind them is a router or a cloud.
_PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))
_MANY = 4  # addresses named in a sentence


@dataclass(frozen=True)
class Found:
    """What DNS says of a host. `missing`: the name (NXDOMAIN), or just its addresses. `reason`: why nothing is known.
    `alias`: the name that it is another one for. `repeats`: seconds for which the resolver remembers that something is
    missing."""

    addresses: tuple[str, ...] = ()
    missing: Literal["", "name", "address"] = ""
    reason: str = ""
    alias: str = ""
    repeats: float = 0.0


@dataclass(frozen=True)
class Machine:
    """`addresses`: of its interfaces, those for the world first; loopback and link-local ones are none. Not `is_known`:
    the proxy is on another machine."""

    addresses: tuple[str, ...] = ()
    is_known: bool = True

    def public(self, version: int) -> tuple[str, ...]:
        """Those that the world may reach, of IPv4 or IPv6."""
        return tuple(one for one in self.addresses if not is_private(one) and ip_address(one).version == version)


@dataclass(frozen=True)
class Reach:
    """What came back from an address that was asked for a token of this machine's proxy by the name, as a CA would ask.

    `here`: the token. `other`: another answer; `who` names the program or the service, as far as it says so.
    `untried`: nothing could be asked from here. `takes_https`: whether port 443 takes connections there; None where the
    proxy does not serve HTTPS yet, or nobody has tried."""

    kind: Literal["here", "other", "refused", "silent", "untried"]
    who: str = ""
    is_cdn: bool = False
    takes_https: bool | None = None


@dataclass(frozen=True)
class Problem:
    """`is_sure`: there will be no certificate as it is. Else it may be so, or will be so for some. `step`: what helps,
    a record of DNS where there is one."""

    key: str
    host: str
    sentence: str
    step: str
    is_sure: bool = False


@dataclass(frozen=True)
class Look:
    """All that was seen of one host. `needs_port_80`: a CA will ask there; else it looks into DNS (DNS-01) or is not
    asked at all. `by_world`: the CA is one for the whole world, which comes to no private address."""

    host: str
    found: Found
    machine: Machine
    reach: Mapping[str, Reach] = field(default_factory=dict)
    needs_port_80: bool = True
    by_world: bool = True


def is_private(address: str) -> bool:
    number = ip_address(address)
    return any(number.version == net.version and number in net for net in _PRIVATE)


def leads_nowhere(address: str) -> bool:
    """Whether no other machine can mean this one by it: loopback, link-local, and addresses that are none."""
    number = ip_address(address)
    if isinstance(number, IPv6Address) and number.ipv4_mapped is not None:
        number = number.ipv4_mapped
    return number.is_loopback or number.is_link_local or number.is_multicast or number.is_unspecified


def judge(look: Look) -> tuple[Problem, ...]:
    """What is wrong with a name; empty when it leads here, and nowhere else."""
    found = look.found
    if found.missing:
        return (_missing(look),)
    if not found.addresses:
        return (_unknown(look),)
    lost = [one for one in found.addresses if leads_nowhere(one)]
    here = [one for one in found.addresses if one not in lost and _is_here(look, one)]
    there = [one for one in found.addresses if one not in lost and one not in here]
    problems = [_nowhere(look, lost)] if lost else []
    if there:
        problems += [_elsewhere(look, part, here) for part in _families(there)]
    return tuple(problems + _reachable(look, here) + _closed(look, here))


def _is_here(look: Look, address: str) -> bool:
    return address in look.machine.addresses or _seen(look, address) == "here"


def _seen(look: Look, address: str) -> str:
    return look.reach[address].kind if address in look.reach else "untried"


def _missing(look: Look) -> Problem:
    name, found = shown(look.host), look.found
    waits = (
        f" (the resolver may repeat this for up to {format_duration(round(found.repeats))})"
        if found.repeats >= 1
        else ""
    )
    if found.alias:
        what = f"{name} is an alias of {found.alias}, which has no address in DNS{waits}."
        step = (
            f"Correct the CNAME record of {look.host}, or replace it by this record: {record(look.host, look.machine)}"
        )
        return Problem(f"name-without-{'address' if found.missing == 'address' else 'target'}", look.host, what, step,
                       look.needs_port_80)  # fmt: skip
    step = f"Add this record where the domain is managed: {record(look.host, look.machine)}"
    if found.missing == "name":
        return Problem("name-missing", look.host, f"{name} does not exist in DNS{waits}.", step, look.needs_port_80)
    what = f"{name} exists in DNS, but has no address{waits}."
    return Problem("name-without-address", look.host, what, step, look.needs_port_80)


def _unknown(look: Look) -> Problem:
    what = f"It is not known where {shown(look.host)} points: {look.found.reason or 'DNS does not say'}."
    return Problem("name-unknown", look.host, what, f"If it does not point here: {record(look.host, look.machine)}")


def _nowhere(look: Look, lost: list[str]) -> Problem:
    what = f"{shown(look.host)} points to {_listed(lost)}, where no other machine finds this one."
    return Problem(
        "name-leads-nowhere", look.host, what, _change(look, lost), look.needs_port_80 and look.by_world
    )  # fmt: skip


def _families(addresses: list[str]) -> list[list[str]]:
    parts = [[one for one in addresses if ip_address(one).version == version] for version in (4, 6)]
    return [part for part in parts if part]


def _elsewhere(look: Look, there: list[str], here: list[str]) -> Problem:
    """`there`, of one family, are none of ours, and `here` are all that are."""
    name, version = shown(look.host), ip_address(there[0]).version
    if cdn := next((look.reach[one] for one in there if one in look.reach and look.reach[one].is_cdn), None):
        return _behind(look, there, cdn)
    is_sure = look.needs_port_80 and all(_surely_elsewhere(look, one, here) for one in there)
    seen = "".join(f" {words}" for words in dict.fromkeys(_answered(look, one) for one in there) if words)
    if here and version == 6:
        what = f"{name} has an IPv6 address in DNS, {_listed(there)}, that does not lead to this machine.{seen}"
        return Problem("name-ipv6-elsewhere", look.host, what, _change(look, there), is_sure)
    own = _listed(look.machine.public(version) or look.machine.addresses)
    none_of = f"none of this machine's own addresses{f' ({own})' if own else ''}"
    what = f"{name} points to {_listed(there)}, which is {none_of}.{seen}"
    if is_sure or look.machine.public(version):
        return Problem("name-elsewhere", look.host, what, _change(look, there), is_sure)
    step = (
        "If that is the address of your router or cloud, and it passes ports 80 and 443 on to this machine, all is "
        f"well. Else: {_change(look, there)}"
    )
    return Problem("name-elsewhere", look.host, what, step)


def _surely_elsewhere(look: Look, address: str, here: list[str]) -> bool:
    """Nobody changes addresses in front of a machine that has a public one of that family, or one of IPv4 by which it
    is reached while it has no IPv6."""
    version, machine = ip_address(address).version, look.machine
    has_public = bool(machine.public(version)) or (version == 6 and any(one in machine.public(4) for one in here))
    return machine.is_known and has_public and _seen(look, address) in ("other", "refused", "silent")


def _answered(look: Look, address: str) -> str:
    seen = look.reach.get(address, Reach("untried"))
    if seen.kind == "other":
        return f"Another server answers there{f' ({seen.who})' if seen.who else ''}."
    if seen.kind in ("refused", "silent"):
        return "Nothing answers there at port 80, asked from here."
    return "Whether requests come here from there could not be tried from this machine."


def _behind(look: Look, there: list[str], cdn: Reach) -> Problem:
    what = (
        f"{shown(look.host)} points to {_listed(there)}, another proxy ({cdn.who}), which does not pass requests on to "
        "port 80 of this machine."
    )
    own = record(look.host, look.machine)
    step = f"Have it pass requests on to this machine, or point the name here (DNS only): {own}"
    return Problem("name-behind-proxy", look.host, what, step, look.needs_port_80)


def _reachable(look: Look, here: list[str]) -> list[Problem]:
    """Of the addresses that lead here: whether they do so for a CA."""
    if not look.needs_port_80:
        return []
    if look.by_world and here and all(map(is_private, here)):
        what = (
            f"{shown(look.host)} points to {_listed(here)}, a private address: whoever is outside of your network does "
            "not reach it, and neither does the CA."
        )
        step = "If DNS says otherwise outside, all is well. Else use DNS-01, or a certificate of your own."
        return [Problem("name-private", look.host, what, step)]
    away = [one for one in here if _seen(look, one) in ("other", "refused", "silent")]
    if not away:
        return []
    who = next((look.reach[one].who for one in away if look.reach[one].who), "")
    answers = f"another server answers ({who})" if who else "another server answers"
    if all(_seen(look, one) != "other" for one in away):
        answers = "nothing answers"
    what = f"A CA asks at port 80 of {shown(look.host)}, where {answers}, and not the proxy of this machine's apps."
    step = "Have the proxy listen at port 80, or have that port passed on to it. Its port: discode proxy status"
    return [Problem("port-80-elsewhere", look.host, what, step)]


def _closed(look: Look, here: list[str]) -> list[Problem]:
    closed = [one for one in here if one in look.reach and look.reach[one].takes_https is False]
    if not closed:
        return []
    what = f"Browsers come to port 443 of {shown(look.host)}, where {_listed(closed)} takes no connections from here."
    step = "Open port 443 in the firewall, or have it passed on to the proxy's port for HTTPS (discode proxy config)"
    return [Problem("port-443-closed", look.host, what, step)]


def record(host: str, machine: Machine) -> str:
    """The records that point a name to this machine, as a zone file has them (RFC 1035, 5)."""
    addresses = [*machine.public(4)[:1], *machine.public(6)[:1]]
    if not addresses:
        return f"{host}.  A  (the address at which the world reaches this machine)"
    return " and ".join(f"{host}.  {'A' if ip_address(one).version == 4 else 'AAAA'}  {one}" for one in addresses)


def _change(look: Look, wrong: Iterable[str]) -> str:
    """For records that lead elsewhere: what they should be, or that they should not be."""
    changes = []
    for part in _families(list(wrong)):
        version = ip_address(part[0]).version
        kind, own = "A" if version == 4 else "AAAA", look.machine.public(version)[:1]
        if own:
            changes.append(f"change its {kind} record to: {look.host}.  {kind}  {own[0]}")
        elif version == 6:
            changes.append(f"remove the record: {look.host}.  AAAA  {part[0]}")
        else:
            changes.append(f"change its A record to: {record(look.host, look.machine)}")
    text = ", and ".join(changes)
    return text[:1].upper() + text[1:]


def _listed(addresses: Iterable[str]) -> str:
    addresses = list(addresses)
    more = f" and {len(addresses) - _MANY} more" if len(addresses) > _MANY else ""
    return f"{', '.join(addresses[:_MANY])}{more}"
