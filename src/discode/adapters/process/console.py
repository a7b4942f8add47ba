"""A program that a person runs in an app that is processes: on their own terminal or pipes, as a shell would start it.

It is in this process's own group, so that a terminal's keys reach it by themselves (Ctrl-C, Ctrl-Z), in a pipeline too;
signals that come otherwise are passed on.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ...core.errors import CannotRun, DiscodeError, NoSuchCommand
from ...disk.modes import USUAL
from ...ports.console import Console
from ..console.signals import ENDING, PASSED_ON, Signals
from ..console.terminal import is_ours, kept
from .layout import MARKER
from .proc import end_all

LOOK = 0.25  # seconds between two looks at the instance
FAREWELL = 1.0  # seconds for a program whose instance goes
FROM_KEYS = (signal.SIGINT, signal.SIGQUIT)


def attend(
    command: Sequence[str],
    work: Path,
    env: Mapping[str, str],
    console: Console,
    mark: Path,
    is_over: Callable[[], bool] = lambda: False,
) -> int:
    """Run it in the folder `work` to its end: its exit code, or 128 and the number of the signal that ended it. Once
    `is_over`, it ends. Whatever it leaves behind carries `mark`.

    Raises NoSuchCommand, CannotRun.
    """
    with Signals() as signals, kept(console.stdin):
        child = _started(command, work, {**env, **_terminals(), MARKER: str(mark)}, console)
        return _Attendance(child, console, is_over).until_the_end(signals)


class _Attendance:
    """Its states: running; ending, once a signal that asks for it was passed on or the instance goes; over."""

    def __init__(self, child: subprocess.Popen[bytes], console: Console, is_over: Callable[[], bool]):
        self._child, self._console, self._is_over = child, console, is_over
        self._kill_at = 0.0

    def until_the_end(self, signals: Signals) -> int:
        while (code := self._looked()) is None:
            select.select([signals.fileno()], [], [], LOOK)
            for number in signals.read():
                if number in PASSED_ON and not (number in FROM_KEYS and self._has_keys()):
                    self._send(number, self._console.grace)
            if not self._kill_at and self._is_over():
                self._send(signal.SIGHUP, FAREWELL)
            if self._kill_at and time.monotonic() > self._kill_at:
                self._tell(signal.SIGKILL)
        return code

    def _has_keys(self) -> bool:
        """Then the terminal itself has sent the program what it sent us."""
        return any(map(is_ours, (self._console.stdin, self._console.stdout, self._console.stderr)))

    def _send(self, number: int, grace: float) -> None:
        self._tell(number)
        if number in ENDING and not self._kill_at:
            self._tell(signal.SIGCONT)  # one that is stopped hears nothing
            self._kill_at = time.monotonic() + grace

    def _tell(self, number: int) -> None:
        """Not by `send_signal`, which looks first and takes the child's end away from `_looked`. Until that has seen
        it, the number is the child's."""
        os.kill(self._child.pid, number)

    def _looked(self) -> int | None:
        """None while it runs. When it has stopped itself, as `suspend` in a shell does, so do we: the user's shell
        above waits for us."""
        pid, status = os.waitpid(self._child.pid, os.WNOHANG | os.WUNTRACED)
        if not pid:
            return None
        if os.WIFSTOPPED(status):
            if os.WSTOPSIG(status) == signal.SIGSTOP:
                os.kill(os.getpid(), signal.SIGSTOP)
                self._tell(signal.SIGCONT)
            return None
        self._child.returncode = code = os.waitstatus_to_exitcode(status)
        return 128 - code if code < 0 else code


def end(mark: Path) -> None:
    """Whatever carries the mark."""
    end_all(mark, set(), FAREWELL)


def _started(command: Sequence[str], work: Path, env: Mapping[str, str], console: Console) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(command), cwd=work, env=env, umask=USUAL, stdin=console.stdin, stdout=console.stdout,
            stderr=console.stderr,
        )  # fmt: skip
    except OSError as error:
        raise not_run(command[0], error) from error


def not_run(program: str, error: OSError) -> DiscodeError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return NoSuchCommand(program)
    return CannotRun(
        f"{program} is in the app, but it cannot be run: {error.strerror}.",
        "It must be executable, and made for this machine.",
    )


def _terminals() -> dict[str, str]:
    """What describes the user's terminal: all else is the app's."""
    return {name: os.environ[name] for name in ("TERM", "COLORTERM") if name in os.environ}
