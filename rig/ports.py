"""Ports for servers of demos, benches and tests.

Below 20000: the system gives the ports from 32768 on to whoever connects, so that one which was free a moment ago is
taken by a client just when the server starts; and Discode gives its apps those from 20000 on. Each process has ports of
its own: between the choice of one and the start of its server there may be seconds, and tests run beside each other.
"""

from __future__ import annotations

import itertools
import random
import socket
from collections.abc import Iterator
from functools import cache

_FIRST, _LAST, _SHARE = 10_000, 20_000, 100


def free_port() -> int:
    """One that nobody listens on now, and that no other process is given while this one lives."""
    for port in _own()[2]:
        if (probe := _bound(port, again=True)) is not None:
            probe.close()
            return port
    raise AssertionError("they come in turns, for ever")


def own_number() -> int:
    """From 0 to 99; no other process has it while this one lives. What else is shared can be divided by it."""
    return _own()[1]


@cache
def _own() -> tuple[socket.socket, int, Iterator[int]]:
    """The ports of this process, in turns. The first of them is bound as long as it lives, which keeps others off."""
    shares = list(range(_FIRST, _LAST, _SHARE))
    random.shuffle(shares)
    for first in shares:
        if (claim := _bound(first)) is not None:
            return claim, (first - _FIRST) // _SHARE, itertools.cycle(range(first + 1, first + _SHARE))
    raise OSError(f"no ports are free from {_FIRST} to {_LAST}")


def _bound(port: int, *, again: bool = False) -> socket.socket | None:
    """None when somebody has it. `again`: also one with connections in TIME_WAIT, as servers take it."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, again)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()
        return None
    return bound
