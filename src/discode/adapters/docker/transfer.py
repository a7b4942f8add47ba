"""A program in a container that reads a file of ours and writes another, of any size in the memory of a few pieces.

Neither way waits for the other: a program may write before it has read everything, and stop reading when it likes.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import BinaryIO, Protocol

from .stream import CHUNK, QUIET, STDOUT, Hijacked

LOOK = 1.0  # seconds of silence after which the program is asked whether it has ended
LAST = 16384  # bytes of standard error that are kept


class Program(Protocol):
    def has_ended(self) -> bool: ...


class Transfer:
    """`given`: what the program reads, None for nothing; `take` gets what it prints."""

    def __init__(self, stream: Hijacked, given: BinaryIO | None, take: Callable[[bytes], object]):
        self._stream, self._given, self._take = stream, given, take
        self._up, self._is_told = memoryview(b""), given is None
        self._last = b""

    @property
    def errors(self) -> tuple[str, ...]:
        """The last lines of its standard error."""
        return tuple(self._last.decode(errors="replace").splitlines())

    def run(self, program: Program, deadline: float) -> bool:
        """Until the program has ended; False: it had not by the deadline. Raises what `take` does, and OSError."""
        heard = time.monotonic()
        while (now := time.monotonic()) < deadline:
            readable, writable = self._wait(min(deadline - now, LOOK))
            if readable or self._stream.has_pending():
                found = self._stream.read()
                if found is None:
                    return True
                self._keep(found)
                heard = time.monotonic()
            elif now - heard > LOOK and not writable and program.has_ended():
                return True  # another one, which it has left behind, holds its output open
            if writable:
                self._give()
                heard = time.monotonic()
            self._close()
        return False

    def _wait(self, longest: float) -> tuple[bool, bool]:
        if self._given is not None and not self._up:
            self._read_on(self._given)
        if self._stream.has_pending():
            longest = 0.0
        elif not self._up and not self._is_told:
            longest = min(longest, QUIET)  # the end could not be told yet
        readable, writable, _ = select.select([self._stream], [self._stream] if self._up else [], [], longest)
        return bool(readable), bool(writable)

    def _read_on(self, given: BinaryIO) -> None:
        self._up = memoryview(given.read(CHUNK))
        if not self._up:
            self._given = None

    def _give(self) -> None:
        try:
            self._up = self._up[self._stream.write(bytes(self._up)) :]
        except OSError:  # it reads no more; what it writes still comes
            self._up, self._given, self._is_told = memoryview(b""), None, True

    def _close(self) -> None:
        if self._given is None and not self._up and not self._is_told:
            self._is_told = self._stream.close_write()

    def _keep(self, found: list[tuple[int, bytes]]) -> None:
        for number, data in found:
            if number == STDOUT:
                self._take(data)
            else:
                self._last = (self._last + data)[-LAST:]
