"""Which TCP ports a container listens on: from proc(5) of its network, seen from this machine or from inside it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

from . import command
from .engine import Engine

Listener = tuple[IPv4Address | IPv6Address, int]
_RESOLVER = IPv4Address("127.0.0.11")
_LISTEN = "0A"  # the state TCP_LISTEN in /proc/net/tcp


def words(engine: Engine, told: dict[str, Any], wanted: int) -> str:
    """For a refused connection, which came by IPv4: what the inspected container listens on instead. Empty when that
    cannot be seen."""
    tables = _tables(engine, told)
    return told_of(listeners(tables), wanted) if tables is not None else ""


def told_of(found: set[Listener], wanted: int) -> str:
    there = {address for address, port in found if port == wanted}
    if there and all(address.version == 6 and not address.is_loopback for address in there):
        return f"it listens on port {wanted}, but only by IPv6, at {_shown(there)}; it must listen at 0.0.0.0"
    if there and not any(address.is_unspecified for address in there):
        return f"it listens on port {wanted}, but only at {_shown(there)}; it must listen at 0.0.0.0"
    reachable = {port for address, port in found if not address.is_loopback}
    if reachable:
        return f"it listens on {', '.join(map(str, sorted(reachable)))}"
    inside = ", ".join(sorted(f"{address} port {port}" for address, port in found))
    return f"it listens on no port{f' but those inside its container: {inside}' if inside else ''}"


def _shown(addresses: set[IPv4Address | IPv6Address]) -> str:
    return " and ".join(sorted(map(str, addresses)))


def _tables(engine: Engine, told: dict[str, Any]) -> str | None:
    """None when nobody can tell."""
    folder = Path(f"/proc/{told['State']['Pid']}/net")
    if engine.reaches_containers:
        try:
            return "".join((folder / name).read_text() for name in ("tcp", "tcp6") if (folder / name).exists())
        except OSError:
            return None
    return _asked_inside(engine, told)


def _asked_inside(engine: Engine, told: dict[str, Any]) -> str | None:
    """An image may have no `cat`."""
    import docker.errors

    try:
        return command.run(engine, told["Id"], ["cat", "/proc/net/tcp", "/proc/net/tcp6"]).out.decode(errors="replace")
    except (docker.errors.APIError, TimeoutError):
        return None


def listeners(tables: str) -> set[Listener]:
    """Of the tables /proc/net/tcp and tcp6. Docker's own resolver, which listens in every container, is none."""
    return {(address, port) for address, port, _ in listening_sockets(tables) if address != _RESOLVER}


def listening_sockets(tables: str) -> Iterator[tuple[IPv4Address | IPv6Address, int, list[str]]]:
    """Address and port of each, and all fields of its row."""
    for line in tables.splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[3] == _LISTEN:
            text, _, port = fields[1].partition(":")
            yield _address(text), int(port, 16), fields


def _address(text: str) -> IPv4Address | IPv6Address:
    """Words of 32 bits, each in the byte order of the machine."""
    words = [bytes.fromhex(text[at : at + 8]) for at in range(0, len(text), 8)]
    found = ip_address(b"".join(word[::-1] if sys.byteorder == "little" else word for word in words))
    return getattr(found, "ipv4_mapped", None) or found
