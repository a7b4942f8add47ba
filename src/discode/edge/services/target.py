"""A target, as a command names it: `host`, `host:port`, `[v6]` or `[v6]:port`."""

from __future__ import annotations

DEFAULT_PORT = 80


def split(target: str) -> tuple[str, int]:
    """Its host and port."""
    host, colon, port = target.rpartition(":")
    if not colon or not port.isdigit():
        return target.strip("[]"), DEFAULT_PORT
    return host.strip("[]"), int(port)
