"""The way to the edge on this machine: its control socket. One line of JSON there, one back, then it closes."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Sequence
from pathlib import Path

from ...core.errors import ProxyUnreachable
from .carrier import Answer


class EdgeSocket:
    is_edge = True

    def __init__(self, path: Path):
        self.path = path

    def give(self, service: str, chain: Path, key: Path) -> tuple[str, str]:
        """It is a program of this machine and of the same user: it reads the files where they are, and keeps a copy."""
        return str(chain), str(key)

    def take_back(self, service: str, keep: tuple[str, str] | None) -> None:
        return

    def run(self, argv: Sequence[str], timeout: float) -> Answer:
        deadline = time.monotonic() + timeout
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(timeout)
                connection.connect(str(self.path))
                connection.sendall(json.dumps({"argv": list(argv)}).encode() + b"\n")
                line = _read_line(connection, deadline)
            raw = json.loads(line)
            return Answer(int(raw["code"]), str(raw["stdout"]), str(raw["stderr"]))
        except TimeoutError as error:
            raise self._unreachable(argv, "no answer in time") from error
        except OSError as error:
            raise self._unreachable(argv, error.strerror or str(error)) from error
        except (ValueError, KeyError, TypeError) as error:
            raise self._unreachable(argv, "its answer was cut off") from error

    def _unreachable(self, argv: Sequence[str], why: str) -> ProxyUnreachable:
        return ProxyUnreachable(
            f"The edge proxy did not answer {argv[0]!r} at {self.path}: {why}. Requests are routed as before.",
            f"For details, see its log: {self.path.with_name('edge.log')}. Then run the command again.",
        )


def _read_line(connection: socket.socket, deadline: float) -> bytes:
    """Raises TimeoutError at the deadline, however many pieces have come."""
    line = b""
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        part = connection.recv(65536)
        if not part:
            break
        line += part
    return line
