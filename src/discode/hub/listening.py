"""The sockets that a hub listens on: bound before anything else, so that what is in the way is told in words."""

from __future__ import annotations

import errno
import socket

from ..core.errors import Refused, UsageError


def sockets(host: str, port: int) -> list[socket.socket]:
    """One for each address of `host`; `::` is IPv4 too. Raises UsageError for an address that this machine does not
    have, Refused for a port that is taken or that this user may not have."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise _no_address(host, error) from None
    opened: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            opened.append(_bound(family, str(address[0]), port))
    except OSError as error:
        for one in opened:
            one.close()
        raise _obstacle(host, port, error) from None
    return opened


def _bound(family: int, address: str, port: int) -> socket.socket:
    both = family == socket.AF_INET6 and address == "::" and socket.has_dualstack_ipv6()
    return socket.create_server((address, port), family=family, dualstack_ipv6=both)


def _obstacle(host: str, port: int, error: OSError) -> Exception:
    if error.errno == errno.EADDRINUSE:
        return Refused(
            f"Port {port} is taken by another program on {host}. The hub was not started.",
            "Stop that program, or give another --port.",
            key="port-in-use",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return Refused(
            f"This user may not listen on port {port}. The hub was not started.",
            "Give a --port above 1023, and put a proxy in front of it.",
            key="port-not-allowed",
        )
    return _no_address(host, error)


def _no_address(host: str, error: OSError) -> UsageError:
    return UsageError(
        f"--host cannot be {host!r}: {error.strerror or error}. The hub was not started.",
        "Give an address of this machine, such as 127.0.0.1, or :: for all of them.",
        key="hub-address",
    )
