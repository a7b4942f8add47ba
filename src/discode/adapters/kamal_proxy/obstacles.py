"""Why a proxy cannot start on this machine, found out by trying, not by reading what it printed."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path

from ...core.errors import Refused
from ...core.listening import EVERYWHERE, addresses
from ...core.sockets import excess
from ..port_owner import ContainerName, PortOwner, port_owner

_CHANGE = "choose others: discode proxy config set http_port=PORT https_port=PORT"
# Not in everybody's PATH, but where distributions install it.
_ALSO = ("/usr/sbin", "/usr/local/sbin")


def search_path() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), *_ALSO])


def obstacle(
    bind: str, ports: Iterable[int], search: str, name_of: ContainerName = lambda known: None
) -> Refused | None:
    """None when nothing is found. `search` is where HAProxy may be, like PATH. `name_of` as in `port_owner`."""
    if not shutil.which("haproxy", path=search):
        return Refused(
            "The edge proxy needs HAProxy, which is not installed on this machine. Nothing was changed.",
            "Install it: apt-get install haproxy",
            key="haproxy-missing",
        )
    return port_obstacle(bind, ports, name_of)


def path_obstacle(folder: Path) -> Refused | None:
    if not (over := excess(folder)):
        return None
    return Refused(
        f"The path of Discode's folder is {over} bytes too long for sockets in {folder}. Nothing was changed.",
        "Use a shorter one: export DISCODE_HOME=FOLDER",
        key="path-too-long",
    )


def port_obstacle(bind: str, ports: Iterable[int], name_of: ContainerName = lambda known: None) -> Refused | None:
    """The first port that cannot be listened at, in either family."""
    return next((found for port in ports for one in addresses(bind) if (found := _port(one, port, name_of))), None)


def taken(port: int, owner: PortOwner | None, address: str = "") -> Refused:
    """By `owner`, None where nobody is seen. `address`: where the proxy cannot listen."""
    change = _CHANGE + (", or listen on IPv4 alone: discode proxy config set bind=0.0.0.0" if ":" in address else "")
    end = f"Stop it: {owner.ended_by()}" if owner is not None and owner.ended_by() else (
        f"Find it with: sudo ss -ltnp 'sport = :{port}'. Stop it"
    )  # fmt: skip
    return Refused(
        f"The proxy cannot listen: {owner or 'another program'} is using port {port}{_family(address)}. "
        "Nothing was changed.",
        f"{end}, or {change}.",
        key="port-taken",
    )


def _port(address: str, port: int, name_of: ContainerName) -> Refused | None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # Connections that were closed a moment ago do not count: a real listener does, even with this option.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((address, port))
            probe.listen()
    except OSError as error:
        if error.errno == errno.EAFNOSUPPORT and address == EVERYWHERE:
            return None  # a kernel without IPv6: the proxy listens on IPv4
        if error.errno == errno.EADDRINUSE:
            return taken(port, port_owner(address, port, name_of), address)
        return _words(address, port, error.errno)
    return None


def _words(address: str, port: int, number: int | None) -> Refused | None:
    if number == errno.EACCES:
        return Refused(
            f"The proxy cannot start: this user may not use port {port}. Nothing was changed.",
            f"Run the command as root, or {_CHANGE}.",
            key="port-forbidden",
        )
    if number in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return Refused(
            f"The proxy cannot start: this machine does not have the address {address}. Nothing was changed.",
            "Set an address that it has: discode proxy config set bind=ADDRESS",
            key="address-missing",
        )
    return None


def _family(address: str) -> str:
    return " on IPv6" if ":" in address else ""
