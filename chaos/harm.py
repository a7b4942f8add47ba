"""The bad things that happen. Each is done once, at a moment of the flow; what lasts is ended before the check.

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
from dataclasses import dataclass, field
from typing import ClassVar

from machine import Machine

from place import Place

FULL_FOR = (0.2, 1.0)  # seconds that the disk stays full or read-only
APPEARS = 3.0  # seconds within which a new instance has to be there, to be hit
ALONE = [("restart",), ("update",), ("rollback",), ("settle",), ("config", "set")]

SIGNALS = {
    "command killed": signal.SIGKILL,
    "command terminated": signal.SIGTERM,
    "command interrupted": signal.SIGINT,
    "command hung up": signal.SIGHUP,
}


@dataclass
class Victim:
    """The command that runs, the terminal that it may be on, and the instances that there were before it."""

    command: subprocess.Popen[bytes]
    terminal: int | None
    before: list[str]


@dataclass
class Harm:
    """`told` says what was hit, for whoever reads about a failure; `codes` the exit codes of further commands."""

    place: Place
    machine: Machine
    dice: random.Random
    told: str = ""
    codes: list[int] = field(default_factory=list)

    ours: ClassVar[tuple[str, ...]] = (
        "nothing", *SIGNALS, "terminal lost", "disk full", "disk read-only", "a crowd",
    )  # fmt: skip
    others: ClassVar[tuple[str, ...]] = ("old instance killed", "new instance killed")

    def apply(self, name: str, victim: Victim) -> None:
        if name in SIGNALS:
            self._send([victim.command.pid], SIGNALS[name])
        else:
            self._deeds(victim)[name]()

    def _deeds(self, victim: Victim) -> dict[str, Callable[[], None]]:
        return {
            "nothing": lambda: None,
            "terminal lost": lambda: self._hang_up(victim),
            "old instance killed": lambda: self._hit_old(victim, self.machine.programs),
            "new instance killed": lambda: self._hit_new(victim, self.machine.programs),
            "disk full": self._fill,
            "disk read-only": self._freeze,
            "a crowd": self._crowd,
        }

    def _send(self, pids: list[int], number: signal.Signals) -> None:
        for pid in filter(None, pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                self.told += f"{number.name} to {pid}; "

    def _hit_old(self, victim: Victim, processes: Callable[[str], list[int]]) -> None:
        there = [name for name in self.machine.instances() if name in victim.before]
        for name in there[:1]:
            self.told += f"{name}: "
            self._send(processes(name), signal.SIGKILL)

    def _hit_new(self, victim: Victim, processes: Callable[[str], list[int]]) -> None:
        """Some time after it is there, if it ever is."""
        deadline = time.monotonic() + APPEARS
        while time.monotonic() < deadline and victim.command.poll() is None:
            new = [name for name in self.machine.instances() if name not in victim.before]
            if new and processes(new[0]):
                time.sleep(self.dice.uniform(0.0, 1.0))
                self.told += f"{new[0]}: "
                self._send(processes(new[0]), signal.SIGKILL)
                return
            time.sleep(0.01)

    def _hang_up(self, victim: Victim) -> None:
        """The other end of its terminal goes: SIGHUP, and every further word is an error."""
        if victim.terminal is not None:
            os.close(victim.terminal)
            victim.terminal = None
            self.told += "terminal closed"

    def _fill(self) -> None:
        filler = self.place.home / "filler"
        try:
            with filler.open("wb", buffering=0) as file:
                for piece in (1 << 20, 4096, 1):
                    with contextlib.suppress(OSError):
                        while file.write(bytes(piece)):
                            continue
            time.sleep(self.dice.uniform(*FULL_FOR))
        finally:
            filler.unlink(missing_ok=True)

    def _freeze(self) -> None:
        """A read-only mount over the app's state or over all: what is opened from now on cannot be written."""
        folder = str(self.dice.choice((self.place.state_folder, self.place.home)))
        self.told += folder
        if subprocess.run(["mount", "--bind", folder, folder], capture_output=True, check=False).returncode:
            return  # the app has no state yet
        try:
            subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True, capture_output=True)
            time.sleep(self.dice.uniform(*FULL_FOR))
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True, capture_output=True)

    def _crowd(self) -> None:
        """One or two more commands on the same app: each is done, or told that another is at work."""
        others = []
        for _ in range(self.dice.choice((1, 2))):
            words = (*self.dice.choice(ALONE), self.place.app)
            greeting = (f"GREETING=crowd-{self.dice.randrange(10**6)}",) if words[0] == "config" else ()
            others.append(self.place.start(*words, *greeting))
        self.codes += [other.wait(600) for other in others]
