"""Upgrade: a new version of this program, new settings or a new HAProxy, without losing a request.

    upgrade  ->  the new program checks that it could run here
             ->  the old one finishes its commands and becomes the new one: same process, same control socket
             ->  which reloads HAProxy: its master starts anew from its file, and hands the listening sockets on

The process stays the same one, so whoever started it (systemd, a container's process 1) notices nothing. Commands that
come meanwhile wait in the socket. When the new program cannot start after all, it becomes the old one again.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.lasting import lasting
from ...disk.whole import write_whole
from ..services.options import RUN, CommandError, parse
from .init import CHILD
from .server import ControlServer

CHECK = 60.0  # seconds that the new program may take to say whether it could run
BEFORE = "DISCODE_EDGE_BEFORE"  # the argument list to become again, as JSON
FAILED = "DISCODE_EDGE_FAILED"  # why that was needed
LAST = "upgraded.json"  # what a container's controller has become
SOCKET = "DISCODE_EDGE_SOCKET"  # the control socket's file descriptor


@dataclass(frozen=True)
class Program:
    """The command line up to `run`, and the options of `run`, each as one word: `--http-port=80`."""

    start: tuple[str, ...]
    options: tuple[str, ...]

    def argv(self) -> list[str]:
        return [*self.start, "run", *self.options]

    def changed(self, start: Sequence[str], words: Sequence[str]) -> Program:
        """With another start, and options that replace those it had. Raises CommandError."""
        by_flag = {word.partition("=")[0]: word for word in (*self.options, *normal(words))}
        return Program(tuple(start) or self.start, tuple(by_flag.values()))


def normal(words: Sequence[str]) -> list[str]:
    """Options of `run`, each as one word. Raises CommandError for anything else."""
    parse(["run", *words])
    found, given = [], list(words)
    while given:
        flag, equals, value = given.pop(0).partition("=")
        if not equals:
            value = "true" if RUN[flag.removeprefix("--")][0] == "bool" else given.pop(0)
        found.append(f"{flag}={value}")
    return found


def check(program: Program) -> None:
    """Raises CommandError with the program's own message if it could not run."""
    try:
        done = subprocess.run([*program.argv(), "--check"], capture_output=True, text=True, timeout=CHECK, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(f"the new program does not start: {error}. Nothing was changed") from None
    if done.returncode:
        words = done.stderr.strip().removeprefix("Error: ") or f"it exited with {done.returncode}"
        raise CommandError(f"the new program could not run here: {words}. Nothing was changed")


def become(program: Program, before: Program, server: ControlServer, folder: Path) -> None:
    """Does not return unless it fails. Raises OSError."""
    os.set_inheritable(server.fileno(), True)
    handed_on = {SOCKET: str(server.fileno()), BEFORE: json.dumps([before.start, before.options])}
    if CHILD in os.environ:
        write_whole(folder / LAST, json.dumps([program.start, program.options]).encode())
    os.execve(program.start[0], program.argv(), {**lasting(os.environ), **handed_on})


def become_the_last(folder: Path) -> None:
    """Become what a container's controller last became by an upgrade. Returns if there was none."""
    if CHILD in os.environ and BEFORE not in os.environ and FAILED not in os.environ and (folder / LAST).exists():
        start, options = json.loads((folder / LAST).read_text())
        forget(folder)
        os.execve(start[0], Program(tuple(start), tuple(options)).argv(), dict(os.environ))


def forget(folder: Path) -> None:
    (folder / LAST).unlink(missing_ok=True)


def go_back(why: str) -> None:
    """After a failed start: become the previous program again. Returns if there was none."""
    if program := os.environ.pop(BEFORE, ""):
        start, options = json.loads(program)
        before = Program(tuple(start), tuple(options))
        os.execve(before.start[0], before.argv(), {**os.environ, FAILED: why})
