"""Ports of instances: each has one of its own for as long as it exists, and a freed one is not used again soon."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...core.errors import Refused
from ...disk.lock import held
from ...disk.whole import read_object
from .layout import write_json

# Below the ephemeral range, from which outgoing connections get theirs (32768 and up on Linux).
FIRST, LAST = 20000, 29999
_claims: dict[int, socket.socket] = {}  # of this process


class Ports:
    """`folder` has a table of who has which, and a lock."""

    def __init__(self, folder: Path):
        self._table, self._lock = folder / ".ports.json", folder / ".ports.lock"

    def take(self, name: str) -> int:
        """The port of an instance: the one that it has, or a new one. Raises Refused when all are taken."""
        with self._locked() as table:
            if name not in table["taken"]:
                table["taken"][name] = table["last"] = self._free_port(table)
                write_json(self._table, table)
            return int(table["taken"][name])

    def change(self, name: str) -> int:
        """Another port for an instance whose own was taken by somebody else."""
        self.give_back(name)
        return self.take(name)

    def give_back(self, name: str) -> None:
        with self._locked() as table:
            port = table["taken"].pop(name, None)
            if port is not None:
                write_json(self._table, table)
            if (claim := _claims.pop(port, None)) is not None:
                claim.close()

    def _free_port(self, table: dict) -> int:  # type: ignore[type-arg]
        taken, size = set(table["taken"].values()), LAST - FIRST + 1
        # Several homes on one machine start at different places, so that they seldom meet.
        start = int(table.get("last", 0)) or (FIRST + zlib.crc32(str(self._table).encode()) % size)
        for step in range(1, size + 1):
            port = FIRST + (start - FIRST + step) % size
            if port not in taken and is_free(port):
                return port
        raise Refused("No port is free for an instance. Nothing was changed.", "Stop another program on this machine.")

    @contextmanager
    def _locked(self) -> Iterator[dict]:  # type: ignore[type-arg]
        with held(self._lock):
            yield {"taken": {}, **read_object(self._table)}


def is_free(port: int) -> bool:
    """Whether nobody listens there, nor is about to: then it is claimed for as long as this process lives."""
    with socket.socket() as probe:
        # As the app's server will: else a connection of the last one in TIME_WAIT would count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return _claim(port)


def _claim(port: int) -> bool:
    """Against the commands of other homes on this machine: an app takes a while until it listens. A name in the kernel,
    which goes with the process and is the network namespace's, as ports are."""
    if port in _claims:
        return True
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0discode-port-{port}")
    except OSError:
        claim.close()
        return False
    _claims[port] = claim
    return True
