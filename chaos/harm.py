"""The bad things that happen. Each is done once, at a moment of the flow; what lasts is ended by `mend`.

`ours` are those that hit only our own processes and files: no request may fail. A killed instance or proxy worker may
fail the requests that it has in its hands.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from place import Place

FULL_FOR = (0.2, 1.0)  # seconds that the disk stays full or read-only


class Harm:
    """`command` is the running `discode`."""

    def __init__(self, place: Place, dice: random.Random):
        self._place, self._dice = place, dice

    def apply(self, name: str, command: subprocess.Popen[bytes]) -> None:
        table: dict[str, Callable[[], None]] = {
            "nothing": lambda: None,
            "command killed": lambda: _send(command.pid, signal.SIGKILL),
            "command terminated": lambda: _send(command.pid, signal.SIGTERM),
            "command interrupted": lambda: _send(command.pid, signal.SIGINT),
            "terminal lost": lambda: _send(command.pid, signal.SIGHUP),
            "controller killed": lambda: _send(self._place.controller(), signal.SIGKILL),
            "supervisor killed": lambda: self._one_of(self._place.supervisors()),
            "instance killed": lambda: self._one_of(self._place.programs()),
            "proxy master killed": lambda: _send(self._place.haproxy_master(), signal.SIGKILL),
            "proxy worker killed": lambda: self._one_of(self._place.haproxy_workers()),
            "disk full": self._fill,
            "disk read-only": self._freeze,
            "a crowd": self._crowd,
        }
        table[name]()

    def _one_of(self, pids: list[int]) -> None:
        if pids:
            _send(self._dice.choice(pids), signal.SIGKILL)

    def _fill(self) -> None:
        filler = self._place.home / "filler"
        try:
            with filler.open("wb", buffering=0) as file:
                for piece in (1 << 20, 4096, 1):
                    with contextlib.suppress(OSError):
                        while file.write(bytes(piece)):
                            continue
            time.sleep(self._dice.uniform(*FULL_FOR))
        finally:
            filler.unlink(missing_ok=True)

    def _freeze(self) -> None:
        """A read-only mount over the app's state: what is opened from now on cannot be written."""
        folder = str(self._place.state_folder)
        if subprocess.run(["mount", "--bind", folder, folder], capture_output=True, check=False).returncode:
            return  # the app has no state yet
        try:
            subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True, capture_output=True)
            time.sleep(self._dice.uniform(*FULL_FOR))
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True, capture_output=True)

    def _crowd(self) -> None:
        """Two more commands on the same app: each is done, or told that another is at work."""
        words = [("restart",), ("update",), ("rollback",), ("settle",)]
        others = [self._place.start(*self._dice.choice(words), self._place.app) for _ in range(2)]
        for other in others:
            other.wait(60)


OURS = (
    "nothing", "command killed", "command terminated", "command interrupted", "terminal lost", "controller killed",
    "supervisor killed", "disk full", "disk read-only", "a crowd",
)  # fmt: skip
OTHERS = ("instance killed", "proxy master killed", "proxy worker killed")


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        if pid:
            os.kill(pid, number)


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
