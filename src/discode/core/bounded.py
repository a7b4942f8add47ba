"""What is read from others, bounded: by size, for it is kept in memory, and by pace, for somebody waits for it. Pure.

A limit on the time between two bytes is not enough: a byte every few seconds holds a command, and an app's lock, for
hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

WINDOW = 60.0  # seconds
LEAST = 64 << 10  # bytes that come in a window: 1 KB a second, less than the slowest line that an update could use
ANSWER = 4 << 20  # bytes of an answer that is kept in memory


class TooMuch(Exception):
    """More bytes than the answer may have."""


class TooSlow(Exception):
    """Fewer bytes than come over the slowest line."""


def paced(pieces: Iterable[bytes], now: Callable[[], float]) -> Iterator[bytes]:
    """The same pieces. `now`: a monotonic clock. Raises TooSlow when fewer than LEAST bytes come in a WINDOW."""
    begun, count = now(), 0
    for piece in pieces:
        count += len(piece)
        if now() - begun > WINDOW:
            if count < LEAST:
                raise TooSlow(f"{count} bytes in {now() - begun:.0f} s")
            begun, count = now(), 0
        yield piece


def gathered(pieces: Iterable[bytes], now: Callable[[], float], most: int = ANSWER) -> bytes:
    """All of it. Raises TooMuch, or TooSlow as `paced` does."""
    whole = bytearray()
    for piece in paced(pieces, now):
        whole += piece
        if len(whole) > most:
            raise TooMuch(f"more than {most} bytes")
    return bytes(whole)
