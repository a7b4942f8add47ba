"""The user's terminal: raw while a program elsewhere has it, and as it was afterwards, whatever happens."""

from __future__ import annotations

import os
import signal
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Terminal:
    """Its states: as it was found, and raw."""

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        self._found: list[Any] = termios.tcgetattr(descriptor)

    def make_raw(self) -> None:
        """Every key is the program's, Ctrl-C too. What was typed ahead stays."""
        with _gone():
            tty.setraw(self._descriptor, termios.TCSANOW)

    def restore(self) -> None:
        with _gone(), _from_behind():
            # At once: to wait for what was written would be forever where the user has stopped the output.
            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._found)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        with _gone():
            return termios.tcgetwinsize(self._descriptor)
        return 24, 80


@contextmanager
def kept(descriptor: int) -> Iterator[None]:
    """As it was found, after a program that had the terminal itself and was killed in the middle of something. In the
    background it is another job's, which has it as it likes."""
    if not is_ours(descriptor):
        yield
        return
    terminal = Terminal(descriptor)
    try:
        yield
    finally:
        terminal.restore()


def is_ours(descriptor: int) -> bool:
    """Whether it is a terminal that this process is in the foreground of."""
    try:
        return os.isatty(descriptor) and os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False


@contextmanager
def _gone() -> Iterator[None]:
    """A terminal that was closed has no modes any more."""
    with suppress(termios.error, OSError):
        yield


@contextmanager
def _from_behind() -> Iterator[None]:
    """Also when the shell has another job in the foreground by now: it would stop this process for it."""
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTTOU, before)
