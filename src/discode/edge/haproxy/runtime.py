"""HAProxy's runtime socket: the master's, and through it every worker's.

A reload leaves the old worker running until its last connection has ended. It keeps serving the connections that it
has, so whatever is set at run time is set in every worker.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from ..layout import Layout

ANSWER = 5.0
LONGEST_LINE = 8000  # bytes of a line on the master's socket, which has a buffer of 16 KB


@dataclass(frozen=True)
class Worker:
    pid: int
    is_current: bool


class Runtime:
    def __init__(self, layout: Layout):
        self.layout = layout
        # Held during a reload: an answer would be incomplete then, and a drain would take it for the end.
        self.conversation = threading.RLock()

    def send(self, *commands: str) -> str:
        """Send all commands to every worker; returns the current one's answers. An old worker may refuse some.

        Raises OSError when the current worker cannot be reached.
        """
        answers: list[str] = []
        for worker in self.workers():
            try:
                answer = self.send_to(worker.pid, *commands)
            except OSError:
                if worker.is_current:
                    raise
                continue
            if worker.is_current:
                answers.append(answer)
        return "\n".join(answers)

    def send_to(self, pid: int, *commands: str) -> str:
        """Send commands to one worker, as few messages as possible. Raises OSError."""
        answers, line = [], ""
        for command in commands:
            word = f"@!{pid} {command}"
            if line and len(line) + len(word) > LONGEST_LINE:
                answers.append(self.ask_master(line))
                line = ""
            line = f"{line};{word}" if line else word
        if line:
            answers.append(self.ask_master(line))
        return "\n".join(answers)

    def send_to_each(self, *commands: str) -> Iterator[tuple[int, str]]:
        """Process id and answers of every worker, old ones included. Raises OSError if there is no master."""
        for worker in self.workers():
            with contextlib.suppress(OSError):
                yield worker.pid, self.send_to(worker.pid, *commands)

    def master(self) -> int | None:
        """The master's process id; None when there is none."""
        with contextlib.suppress(OSError):
            match = re.search(r"^(\d+)\s+master", self.ask_master("show proc"), re.MULTILINE)
            return int(match[1]) if match else None
        return None

    def current(self) -> Worker | None:
        with contextlib.suppress(OSError):
            return next((worker for worker in self.workers() if worker.is_current), None)
        return None

    def workers(self) -> list[Worker]:
        """The current worker and those left by reloads. Raises OSError if there is no master."""
        found, old = [], False
        for line in self.ask_master("show proc").splitlines():
            old = old or line.startswith("# old workers")
            words = line.split()
            if len(words) > 1 and words[1] == "worker":
                found.append(Worker(int(words[0]), not old))
        return found

    def status(self) -> dict[str, object]:
        """For `list --json`: version, and how many connections old workers still have."""
        with contextlib.suppress(OSError):
            lines = [line.split() for line in self.ask_master("show proc").splitlines()]
            version = next((words[-1] for words in lines if len(words) > 4 and words[1] == "worker"), "")
            old = [worker for worker in self.workers() if not worker.is_current]
            connections = {worker.pid: self._connections(worker) for worker in old}
            return {"pid": self.master(), "version": version, "old_workers": connections}
        return {"pid": None, "version": "", "old_workers": {}}

    def _connections(self, worker: Worker) -> int:
        with contextlib.suppress(OSError):
            match = re.search(r"^CurrConns: (\d+)", self.send_to(worker.pid, "show info"), re.MULTILINE)
            return int(match[1]) if match else 0
        return 0

    def ask_master(self, command: str) -> str:
        """Raises OSError."""
        with self.conversation, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER)
            connection.connect(str(self.layout.master_socket))
            connection.sendall(command.encode() + b"\n")
            connection.shutdown(socket.SHUT_WR)
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
        if not parts:
            raise ConnectionResetError("HAProxy's master has hung up")
        return b"".join(parts).decode(errors="replace")
