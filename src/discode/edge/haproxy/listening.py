"""Whether HAProxy could listen at an address: found by trying, because a reload is too late to find out."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from ...core.listening import EVERYWHERE, IPV4


def there(addresses: Iterable[str]) -> tuple[str, ...]:
    """Without `::` where the kernel has no IPv6: every address is then every IPv4 address."""
    found = tuple(addresses)
    if found == (IPV4, EVERYWHERE) and not _has_ipv6():
        return (IPV4,)
    return found


def obstacle(address: str, port: int) -> OSError | None:
    """What keeps this address from being listened at; None: nothing does."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if trial.family == socket.AF_INET6:
                trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            trial.bind((address, port))
    except OSError as error:
        return error
    return None


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6):
            return True
    except OSError:
        return False
