"""Names of containers, for whoever has found but an id, an address or a port of theirs."""

from __future__ import annotations

from typing import Any

from ...core.errors import DiscodeError
from .engine import Engine


def container_name(engine: Engine, known: str) -> str | None:
    """`known`: its id, or an address that it has in a network. None where there is none, or no engine."""
    for one in _running(engine):
        networks = (one.get("NetworkSettings") or {}).get("Networks") or {}
        if one["Id"] == known or any(
            known in (net.get("IPAddress"), net.get("GlobalIPv6Address")) for net in networks.values()
        ):
            return _name(one)
    return None


def publisher(engine: Engine, port: int) -> str | None:
    """The container for which the engine keeps a port of the machine, with a program that listens there or without."""
    for one in _running(engine):
        if any(bound.get("PublicPort") == port and bound.get("Type") == "tcp" for bound in one.get("Ports") or []):
            return _name(one)
    return None


def _running(engine: Engine) -> list[dict[str, Any]]:
    import docker.errors

    try:
        with engine.errors("list containers"):
            return list(engine.api.containers())
    except (DiscodeError, docker.errors.APIError):
        return []


def _name(one: dict[str, Any]) -> str:
    return str((one.get("Names") or [one["Id"][:12]])[0]).lstrip("/")
