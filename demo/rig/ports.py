"""Ports for servers of demos, benches and tests.

Below 20000: the system gives the ports from 32768 on to whoever connects, so that one which was free a moment ago is
taken by a client just when the server starts; and Discode gives its apps those from 20000 on.
"""

from __future__ import annotations

import random
import socket

_RANGE = range(10_000, 20_000)


def free_port() -> int:
    """One that nobody listens on now."""
    while True:
        port = random.choice(_RANGE)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
