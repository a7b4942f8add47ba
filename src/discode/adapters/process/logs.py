"""Logs of an instance: the last lines over the rotated files, and what comes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

POLL = 0.2


def last_lines(log: Path, tail: int) -> list[str]:
    """Oldest first, at most `tail`."""
    lines: deque[str] = deque(maxlen=tail)
    rotated = sorted(log.parent.glob("old.*"), key=lambda path: int(path.suffix[1:]), reverse=True)
    for path in [*rotated, log]:
        try:
            with path.open(errors="replace") as file:
                lines.extend(line.rstrip("\n") for line in file)
        except FileNotFoundError:
            continue
    return list(lines)


def follow(log: Path, tail: int) -> Iterator[str]:
    """The last lines, then every line as it comes, until the instance is removed."""
    yield from last_lines(log, tail)
    try:
        position, rest = log.stat().st_size, b""
    except FileNotFoundError:
        return
    while log.exists():
        size = log.stat().st_size
        if size < position:  # rotated: the file was cut
            position, rest = 0, b""
        if size > position:
            with log.open("rb") as file:
                file.seek(position)
                rest += file.read(size - position)
            position = size
            *lines, rest = rest.split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)
        else:
            time.sleep(POLL)
