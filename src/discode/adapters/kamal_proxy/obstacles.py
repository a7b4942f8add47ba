"""Why a proxy cannot start on this machine, found out by trying, not by reading what it printed."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Iterable

from ...core.errors import Refused

# Not in everybody's PATH, but where distributions install it.
_ALSO = ("/usr/sbin", "/usr/local/sbin")


def search_path() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), *_ALSO])


def obstacle(bind: str, ports: Iterable[int], search: str) -> Refused | None:
    """None when nothing is found. `search` is where HAProxy may be, like PATH."""
    if not shutil.which("haproxy", path=search):
        return Refused(
            "The edge proxy needs HAProxy, which is not installed on this machine. Nothing was changed.",
            "Install it: apt-get install haproxy",
            key="haproxy-missing",
        )
    return port_obstacle(bind, ports)


def port_obstacle(bind: str, ports: Iterable[int]) -> Refused | None:
    """The first port that cannot be listened at."""
    return next((found for port in ports if (found := _port(bind, port))), None)


def _port(bind: str, port: int) -> Refused | None:
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Connections that were closed a moment ago do not count: a real listener does, even with this option.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
            probe.listen()
        except OSError as error:
            return _words(bind, port, error.errno)
    return None


def _words(bind: str, port: int, number: int | None) -> Refused | None:
    change = "choose another one with --http-port when installing, or http_port and https_port in config.toml"
    if number == errno.EADDRINUSE:
        return Refused(
            f"The proxy cannot start: another program is using port {port}. Nothing was changed.",
            f"Find it with: ss -ltnp 'sport = :{port}'. Stop it, or {change}.",
            key="port-taken",
        )
    if number == errno.EACCES:
        return Refused(
            f"The proxy cannot start: this user may not use port {port}. Nothing was changed.",
            f"Run the command as root, or {change}.",
            key="port-forbidden",
        )
    if number == errno.EADDRNOTAVAIL:
        return Refused(
            f"The proxy cannot start: this machine does not have the address {bind}. Nothing was changed.",
            "Set bind in config.toml to an address that it has.",
            key="address-missing",
        )
    return None
