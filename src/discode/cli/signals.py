"""Signals: the first one ends the flow, which then puts things right; further ones only say so.

A signal becomes an exception in the main thread, so that a flow is interrupted between two bytecodes as it is by any
error, and settled by the same code.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType

from ..core.errors import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Handler:
    def __init__(self) -> None:
        self.seen = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.seen:
            _say("Cleaning up first; this takes a moment.")
            return
        self.seen = True
        raise Interrupted(f"Interrupted by {signal.Signals(number).name}.", "Run the command again when you like.")


def install_handlers() -> None:
    handler = _Handler()
    for number in _SIGNALS:
        # nohup and the like: who was told to ignore a hang-up goes on doing so.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def ignore_signals() -> None:
    """By a handler, not by SIG_IGN: what this process starts would inherit that, and not stop when it is told to."""
    for number in _SIGNALS:
        signal.signal(number, lambda *_: None)


def _say(text: str) -> None:
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        pass  # the terminal is gone: that is what SIGHUP means
