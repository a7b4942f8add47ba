"""Whose port it is that answers: a health check must not take a stranger's answer for the instance's.

Between the choice of a port and the moment when the app listens there, another program can come first: the app ends, is
started again, ends again, and whoever asks at the port gets a good answer from somebody else.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from .proc import marker_of, pids, started

# Of linux/netlink.h, linux/sock_diag.h and linux/inet_diag.h; the state is TCP_LISTEN of net/tcp_states.h.
_SOCK_DIAG, _BY_FAMILY, _REQUEST_DUMP, _LISTENS = 4, 20, 0x1 | 0x300, 10


def is_strangers(port: int, folder: Path, web: int) -> bool:
    """Whether what listens at the port is certainly not the instance's: another instance's, or a program that is older
    than the instance's own. `web` is the id of that one. False where nothing certain can be known."""
    sockets = _listening(port)
    if not sockets or any(_has_one(pid, sockets) for pid in (web, *_below(web))):
        return False
    owner = next((pid for pid in pids() if _has_one(pid, sockets)), None)
    if owner is None:  # another user's, or gone
        return False
    marker = marker_of(owner)
    if marker:
        return marker != os.fsencode(folder)
    begun, own = started(owner), started(web)
    return own is None or (begun is not None and begun < own)


def _listening(port: int) -> set[str]:
    """As links in /proc/<pid>/fd name them; empty where the kernel does not tell.

    Asked by sock_diag(7) for listeners alone: /proc/net/tcp has every connection of the machine, and to read it takes
    80 ms on one with some thousand of them.
    """
    found: set[str] = set()
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
                kernel.settimeout(1)
                kernel.sendall(_question(family))
                while (told := _read(kernel.recv(1 << 16), port)) is not None:
                    found |= told
        except OSError:
            continue
    return found


def _question(family: int) -> bytes:
    """A `struct inet_diag_req_v2` behind a `struct nlmsghdr`."""
    request = struct.pack("=BBBxI48x", family, socket.IPPROTO_TCP, 0, 1 << _LISTENS)
    return struct.pack("=IHHII", 16 + len(request), _BY_FAMILY, _REQUEST_DUMP, 1, 0) + request


def _read(message: bytes, port: int) -> set[str] | None:
    """The sockets in one piece of the answer; None in its last one."""
    found: set[str] = set()
    while len(message) >= 16:
        length, kind = struct.unpack_from("=IH", message)
        if kind != _BY_FAMILY or length < 16 + 72:
            return None  # done, or an error
        # `struct inet_diag_msg`: the port is 4 bytes in, the inode 68.
        if struct.unpack_from("!H", message, 16 + 4)[0] == port:
            found.add(f"socket:[{struct.unpack_from('=I', message, 16 + 68)[0]}]")
        message = message[(length + 3) & ~3 :]
    return found


def _has_one(pid: int, sockets: set[str]) -> bool:
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)  # noqa: PTH208 - of every process, perhaps
    except OSError:
        return False
    for name in names:
        try:
            if os.readlink(f"{folder}/{name}") in sockets:  # noqa: PTH115
                return True
        except OSError:
            continue
    return False


def _below(pid: int) -> Iterator[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in map(int, children):
        yield child
        yield from _below(child)
