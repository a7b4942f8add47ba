"""Whose port it is that answers: a health check must not take a stranger's answer for the instance's.

Between the choice of a port and the moment when the app listens there, another program can come first: the app ends, is
started again, ends again, and whoever asks at the port gets a good answer from somebody else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from .proc import marker_of, started

_LISTENS = "0A"  # the state in /proc/net/tcp, <https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html>


def is_strangers(port: int, folder: Path, web: int) -> bool:
    """Whether what listens at the port is certainly not the instance's: another instance's, or a program that is older
    than the instance's own. `web` is the id of that one. False where nothing certain can be known."""
    sockets = _listening(port)
    if not sockets or any(_has_one(pid, sockets) for pid in (web, *_below(web))):
        return False
    owner = next((pid for pid in _everybody() if _has_one(pid, sockets)), None)
    if owner is None:  # another user's, or gone
        return False
    marker = marker_of(owner)
    if marker:
        return marker != os.fsencode(folder)
    begun, own = started(owner), started(web)
    return own is None or (begun is not None and begun < own)


def _listening(port: int) -> set[str]:
    """As links in /proc/<pid>/fd name them."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        wanted = f":{port:04X}"
        for fields in (line.split() for line in lines if wanted in line):
            if fields[3] == _LISTENS and fields[1].endswith(wanted):
                found.add(f"socket:[{fields[9]}]")
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


def _everybody() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208
