"""What is read from others, bounded: by size, for it is kept in memory, and by time, for somebody waits for it. Pure.

A limit on the time between two bytes is not enough: a byte every few seconds, in a header or in a body, holds a command
for hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

WINDOW = 60.0  # seconds
LEAST = 64 << 10  # bytes that come in a window: 1 KB a second, less than the slowest line that an update could use
ANSWER = 4 << 20  # bytes of an answer that is kept in memory
ANSWER_TIME = 300.0  # seconds for the whole of it


class TooMuch(Exception):
    """More bytes than the answer may have."""


class TooSlow(Exception):
    """Fewer bytes than come over the slowest line."""


class Pace:
    """Of one exchange. Its head, from connecting to the last header of the answer, has one WINDOW, which begins anew
    with each piece of an upload; of the body that follows, at least LEAST bytes come in each. `now`: of a monotonic
    clock."""

    def __init__(self, now: float, *, in_body: bool = False):
        self._since, self._count, self._in_body = now, 0, in_body

    def sent(self, now: float) -> None:
        """A piece of an upload, which may take long."""
        self._since = now

    def body(self, now: float) -> None:
        """The answer's headers have come."""
        self._since, self._count, self._in_body = now, 0, True

    def got(self, count: int) -> None:
        self._count += count

    def left(self, now: float) -> float:
        """Seconds in which more has to come. Raises TooSlow."""
        passed = now - self._since
        if passed < WINDOW:
            return WINDOW - passed
        if not self._in_body:
            raise TooSlow(f"no answer in {passed:.0f} s")
        if self._count < LEAST:
            raise TooSlow(f"{self._count} bytes in {passed:.0f} s")
        self._since, self._count = now, 0
        return WINDOW


def paced(pieces: Iterable[bytes], now: Callable[[], float], longest: float | None = None) -> Iterator[bytes]:
    """The same pieces of a body. Raises TooSlow, also when all of them take longer than `longest` seconds."""
    begun = now()
    pace = Pace(begun, in_body=True)
    for piece in pieces:
        pace.got(len(piece))
        pace.left(now())
        if longest is not None and now() - begun > longest:
            raise TooSlow(f"more than {longest:.0f} s")
        yield piece


def gathered(pieces: Iterable[bytes], now: Callable[[], float], most: int = ANSWER) -> bytes:
    """All of it. Raises TooMuch, or TooSlow as `paced` does."""
    whole = bytearray()
    for piece in paced(pieces, now, ANSWER_TIME):
        whole += piece
        if len(whole) > most:
            raise TooMuch(f"more than {most} bytes")
    return bytes(whole)
