"""The addresses of this machine's interfaces, those for the world first; the networks that it is in."""

from __future__ import annotations

import socket
import sys
from ipaddress import IPv4Address, ip_address
from pathlib import Path

from ..core.name_checks import Machine, leads_nowhere

# What the way to these begins with is the address that answers from here carry: RFC 5737, RFC 3849. A datagram socket
# that is connected sends nothing.
_FAR = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))

_NO_GATEWAY = _NO_MASK = "00000000"


def machine() -> Machine:
    import psutil

    own = [
        one.address.partition("%")[0]
        for interface in psutil.net_if_addrs().values()
        for one in interface
        if one.family in (socket.AF_INET, socket.AF_INET6)
    ]
    first = [address for family, far in _FAR if (address := _source(family, far))]
    found = [str(ip_address(address)) for address in [*first, *own]]
    return Machine(tuple(dict.fromkeys(address for address in found if not leads_nowhere(address))))


def direct_routes() -> list[str]:
    """IPv4 networks that this machine reaches without a gateway; none where the system does not tell."""
    try:
        return direct(Path("/proc/net/route").read_text())
    except OSError:
        return []


def direct(table: str) -> list[str]:
    """The same, of the kernel's table; the default route is none of them."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return [f"{_address(row[1])}/{_address(row[7])}" for row in rows if row[2] == _NO_GATEWAY and row[7] != _NO_MASK]


def _address(digits: str) -> IPv4Address:
    """The kernel shows the bytes of an address as a number of this machine's."""
    return IPv4Address(int(digits, 16).to_bytes(4, sys.byteorder))


def _source(family: int, far: str) -> str:
    """Empty without a way there."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 53))
            return str(probe.getsockname()[0]).partition("%")[0]
    except OSError:
        return ""
