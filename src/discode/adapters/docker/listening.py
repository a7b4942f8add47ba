"""Which TCP ports a container listens on: from proc(5) of its network, seen from this machine or from inside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .engine import Engine

_LISTEN = "0A"  # the state TCP_LISTEN in /proc/net/tcp
_LOOPBACK = {"0100007F", "00000000000000000000000001000000"}  # 127.0.0.1 and ::1 in the kernel's byte order


def words(engine: Engine, told: dict[str, Any], wanted: int) -> str:
    """For a refused connection: what the inspected container listens on instead. Empty when that cannot be seen."""
    tables = _tables(engine, told)
    if tables is None:
        return ""
    reachable, inside = _ports(tables, loopback=False), _ports(tables, loopback=True)
    if wanted in inside - reachable:
        return f"it listens on port {wanted}, but only at 127.0.0.1; it must listen at 0.0.0.0"
    if not reachable:
        return "it listens on no port"
    return f"it listens on {', '.join(map(str, sorted(reachable)))}"


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
        job = engine.api.exec_create(told["Id"], ["cat", "/proc/net/tcp", "/proc/net/tcp6"], stderr=False)["Id"]
        return str(engine.api.exec_start(job).decode(errors="replace"))
    except docker.errors.APIError:
        return None


def _ports(tables: str, *, loopback: bool) -> set[int]:
    found = set()
    for line in tables.splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[3] == _LISTEN:
            address, _, port = fields[1].partition(":")
            if (address in _LOOPBACK) == loopback:
                found.add(int(port, 16))
    # Docker's own resolver listens in every container of a user's network, at an address of the loopback network.
    return {port for port in found if not _is_resolver(tables, port)}


def _is_resolver(tables: str, port: int) -> bool:
    return f"0B00007F:{port:04X}" in tables
