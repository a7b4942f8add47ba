"""Signals to this process while a program of the app has its place: they are meant for that one.

Nothing happens by itself inside the block: each signal is told by `read`, once the descriptor is readable. What this
process was told to ignore, as by nohup, stays ignored.
"""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType

PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
ENDING = (signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE)  # who sends one of these wants an end, and not only a word
_WATCHED = (signal.SIGWINCH, signal.SIGCONT, signal.SIGCHLD)


class Signals:
    def __init__(self, *more: signal.Signals):
        """`more`: to be told as well, instead of what they do by themselves."""
        self._numbers = (*PASSED_ON, *_WATCHED, *more)

    def __enter__(self) -> Signals:
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._waker, False)
        # First the descriptor: a signal that came between would be told to nobody.
        self._woken = signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        self._before = {
            number: signal.signal(number, _nothing)
            for number in self._numbers
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        signal.set_wakeup_fd(self._woken)
        os.close(self._wake)
        os.close(self._waker)

    def fileno(self) -> int:
        return self._wake

    def read(self) -> list[int]:
        """Those that have come, in their order."""
        try:
            return list(os.read(self._wake, 4096))
        except BlockingIOError:
            return []


def _nothing(number: int, frame: FrameType | None) -> None:
    """A handler, not SIG_IGN: a program that is started would inherit that."""
