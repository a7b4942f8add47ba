"""The addresses of this machine's interfaces, those for the world first."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from ..core.name_checks import Machine, leads_nowhere

# What the way to these begins with is the address that answers from here carry: RFC 5737, RFC 3849. A datagram socket
# that is connected sends nothing.
_FAR = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


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


def _source(family: int, far: str) -> str:
    """Empty without a way there."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 53))
            return str(probe.getsockname()[0]).partition("%")[0]
    except OSError:
        return ""
