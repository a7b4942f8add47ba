"""Bytes both ways between the user's descriptors and a program that is reached through a stream.

Its states: open (both ways), half closed (the user's input has ended, and the stream was told), ending (a signal that
asks for the end was passed on; SIGKILL comes after the grace), over (the stream or the program has ended, and what it
has written is written). No write waits: the one way never holds up the other, nor a signal.
"""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import ExitStack
from typing import Protocol

from ...ports.console import Console
from .signals import ENDING, PASSED_ON, Signals
from .terminal import Terminal

CHUNK = 65536
# What a pipe that is ready takes without waiting (PIPE_BUF, pipe(7)); a terminal takes it, too.
READY = select.PIPE_BUF
LOOK = 1.0  # seconds of silence after which the program is asked whether it has ended
REST = 0.5  # seconds for what a program has written that has ended, while another one holds its output open
FAREWELL = 5.0  # seconds in which a killed program is gone


class Stream(Protocol):
    """To and from a program. Neither `read` nor `write` waits."""

    def fileno(self) -> int: ...

    def read(self) -> list[tuple[int, bytes]] | None:
        """What has come, each with 1 for stdout or 2 for stderr; None at its end."""

    def write(self, data: bytes) -> int:
        """How many bytes of it were taken. Raises OSError when nobody is there to take them."""

    def close_write(self) -> bool:
        """Tell the other side that nothing more comes. False: it cannot be told now, but later."""

    def has_pending(self) -> bool:
        """Whether there is something to read that the descriptor does not show."""


class Program(Protocol):
    """What is done with one beside its bytes. None of it fails: a program that has ended needs nothing any more."""

    def resize(self, rows: int, columns: int) -> None: ...

    def signal(self, number: int) -> None: ...

    def has_ended(self) -> bool: ...


class Pump:
    def __init__(self, console: Console, stream: Stream, program: Program):
        self._console, self._stream, self._program = console, stream, program
        self._terminal = Terminal(console.stdin) if console.is_terminal else None
        self._up, self._has_input, self._is_half_closed = bytearray(), True, False
        self._down = {console.stdout: bytearray(), console.stderr: bytearray()}
        self._gone: set[int] = set()  # descriptors that nobody reads any more
        self._is_open, self._kill_at, self._leave_at = True, 0.0, 0.0
        self._quiet_since = time.monotonic()

    def run(self, signals: Signals) -> None:
        """Until the program has ended, as far as can be known."""
        with ExitStack() as stack:
            if self._terminal is not None:
                stack.callback(self._terminal.restore)
                self._terminal.make_raw()
                self._program.resize(*self._terminal.size)
            while not self._is_over():
                self._turn(signals)

    def _is_over(self) -> bool:
        if not self._is_open:
            return not any(self._down.values())
        return bool(self._leave_at) and time.monotonic() > self._leave_at

    def _turn(self, signals: Signals) -> None:
        ready, writable = self._wait(signals)
        for number in signals.read():
            self._heed(number)
        if self._console.stdin in ready:
            self._take_input()
        if self._is_open and (self._stream.fileno() in ready or self._stream.has_pending()):
            self._take_output()
        if self._is_open and self._stream.fileno() in writable:
            self._give_input()
        for descriptor in set(writable) & set(self._down):
            self._give_output(descriptor)
        if self._is_open:
            self._close_write()
        self._look_at_the_clock()

    def _wait(self, signals: Signals) -> tuple[list[int], list[int]]:
        reading, writing = [signals.fileno()], [one for one, data in self._down.items() if data]
        if self._is_open:
            if not writing:  # a reader that is slow holds the program up, as a pipe would
                reading.append(self._stream.fileno())
            if self._up:
                writing.append(self._stream.fileno())
            elif self._has_input:
                reading.append(self._console.stdin)
        timeout = 0.0 if self._is_open and not writing and self._stream.has_pending() else LOOK / 4
        ready, writable, _ = select.select(reading, writing, [], timeout)
        return ready, writable

    def _take_input(self) -> None:
        try:
            data = os.read(self._console.stdin, CHUNK)
        except OSError:  # of a terminal that was closed
            data = b""
        self._up += data
        if not data:
            self._has_input = False
            if self._terminal is not None:
                self._pass_on(signal.SIGHUP)

    def _give_input(self) -> None:
        try:
            del self._up[: self._stream.write(bytes(self._up))]
        except OSError:  # the program reads no more; what it writes still comes
            self._up.clear()
            self._has_input, self._is_half_closed = False, True

    def _close_write(self) -> None:
        if not (self._up or self._has_input or self._is_half_closed):
            self._is_half_closed = self._stream.close_write()

    def _take_output(self) -> None:
        found = self._stream.read()
        if found is None:
            self._is_open = False
            return
        for number, data in found:
            descriptor = self._console.stderr if number == 2 else self._console.stdout
            if descriptor not in self._gone:
                self._down[descriptor] += data
            self._quiet_since = time.monotonic()

    def _give_output(self, descriptor: int) -> None:
        data = self._down[descriptor]
        try:
            del data[: os.write(descriptor, data[:READY])]
        except BlockingIOError:
            return
        except OSError:
            data.clear()
            self._gone.add(descriptor)
            if descriptor == self._console.stdout:  # as a program that writes to it itself would be told
                self._pass_on(signal.SIGPIPE)

    def _heed(self, number: int) -> None:
        if number in PASSED_ON:
            self._pass_on(number)
        elif self._terminal is None:
            return
        elif number == signal.SIGTSTP:
            self._terminal.restore()
            os.kill(os.getpid(), signal.SIGSTOP)  # from here on when the user's shell lets it go on
            self._terminal.make_raw()
        elif number == signal.SIGCONT:
            self._terminal.make_raw()  # a shell has had it meanwhile
        if self._terminal is not None and number in (signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT):
            self._program.resize(*self._terminal.size)

    def _pass_on(self, number: int) -> None:
        self._program.signal(number)
        if number in ENDING and not self._kill_at:
            self._kill_at = time.monotonic() + self._console.grace

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        if self._kill_at and now > self._kill_at and not self._leave_at:
            self._program.signal(signal.SIGKILL)
            self._leave_at = now + FAREWELL
        if self._is_open and not self._leave_at and now - self._quiet_since > LOOK:
            self._quiet_since = now
            if self._program.has_ended():
                self._leave_at = now + REST
