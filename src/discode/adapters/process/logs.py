"""Logs of an instance: the last lines over the rotated files, and what comes.

Each program of an instance writes into a file of its own, which its supervisor rotates. Lines have no times. Where the
file stood at which time is in `marks` beside it, so that lines are told from a second too early, never too late.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import IO

from .layout import WEB, InstanceFolder

POLL = 0.2
LONGEST = 1 << 16  # bytes of a line that are looked back for


def last_lines(folder: InstanceFolder, roles: list[str], tail: int | None, since: float | None) -> list[str]:
    """Oldest first, at most `tail`. Those of several programs are put in order by the marks."""
    read = [_Log(folder, role, is_marked=len(roles) > 1) for role in roles]
    merged = heapq.merge(*(one.timed(since) for one in read), key=lambda line: line[0])
    return list(deque((line for _, line in merged), maxlen=tail))


def follow(folder: InstanceFolder, roles: list[str], tail: int | None, since: float | None) -> Iterator[str | None]:
    """The last lines, then every line as it comes, until the instance is removed; None when there is none."""
    logs = [_Log(folder, role, is_marked=len(roles) > 1) for role in roles]
    try:
        for log in logs:
            log.open()
        yield from last_lines(folder, roles, tail, since)
        there = True
        while there:
            there = folder.path.exists()
            found = [line for log in logs for line in log.new()]
            yield from found
            if there and not found:
                yield None
                time.sleep(POLL)
        yield from (line for log in logs for line in log.rest())
    finally:
        for log in logs:
            log.close()


class _Log:
    """Of one program. Open, it can be read to its end after the instance was removed."""

    def __init__(self, folder: InstanceFolder, role: str, *, is_marked: bool):
        self._path = folder.log_of(role)
        self._prefix = f"[{role}] " if is_marked and role != WEB else ""
        self._file: IO[bytes] | None = None
        self._rest = b""

    def timed(self, since: float | None) -> Iterator[tuple[float, str]]:
        """Each line with the time at which it was there, as far as that is known."""
        older = sorted(self._path.parent.glob("old.*"), key=lambda path: int(path.suffix[1:]), reverse=True)
        for path in [*older, self._path]:
            marks = _marks(path)
            try:
                with path.open("rb") as file:
                    at = _begin(file, path, marks, since)
                    for line in file:
                        at += len(line)
                        if path == self._path and self._is_still_to_come(line, at):
                            break
                        yield _time_at(marks, at), self._text(line)
            except FileNotFoundError:
                continue

    def open(self) -> None:
        try:
            self._file = self._path.open("rb")
            end = self._file.seek(0, 2)
            self._file.seek(max(end - LONGEST, 0))
            self._rest = self._file.read().rpartition(b"\n")[2]
        except FileNotFoundError:
            self._file = None

    def _is_still_to_come(self, line: bytes, end: int) -> bool:
        """Whoever follows tells it when it is whole."""
        return self._file is not None and (end > self._file.tell() or not line.endswith(b"\n"))

    def new(self) -> Iterator[str]:
        if self._file is None:
            self.open_when_there()
        if self._file is None:
            return
        if self._path.exists() and self._path.stat().st_size < self._file.tell():
            yield from self._rotated()
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        yield from (self._text(line) for line in lines)

    def open_when_there(self) -> None:
        """A program's file comes with its first start: all of it is new."""
        try:
            self._file = self._path.open("rb")
        except FileNotFoundError:
            return

    def rest(self) -> Iterator[str]:
        """What no line feed ends."""
        if self._rest:
            yield self._text(self._rest)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _rotated(self) -> Iterator[str]:
        """The file was copied and cut: what was not read yet is at the end of the copy."""
        assert self._file is not None
        at = self._file.tell()
        self._file.seek(0)
        try:
            with self._path.with_name("old.1").open("rb") as copy:
                copy.seek(at)
                *lines, self._rest = (self._rest + copy.read()).split(b"\n")
        except FileNotFoundError:
            return
        yield from (self._text(line) for line in lines)

    def _text(self, line: bytes) -> str:
        return self._prefix + line.rstrip(b"\r\n").decode(errors="replace")


def _marks(log: Path) -> list[tuple[float, int]]:
    """Times, and how long the file was then. Empty for a log of an earlier version, or when there is none."""
    name = "marks" if log.name == "current" else f"marks{log.suffix}"
    try:
        pairs = [line.split() for line in log.with_name(name).read_text().splitlines()]
        return [(float(pair[0]), int(pair[1])) for pair in pairs if len(pair) == 2]
    except (OSError, ValueError):
        return []


def _begin(file: IO[bytes], path: Path, marks: list[tuple[float, int]], since: float | None) -> int:
    """Seek to the first line that may have come since then; where that is."""
    if since is None:
        return 0
    if not marks and path.stat().st_mtime < since:
        return file.seek(0, 2)
    at = max((size for _, size in takewhile(lambda mark: mark[0] <= since, marks)), default=0)
    back = min(at, LONGEST)
    file.seek(at - back)
    before = file.read(back).rpartition(b"\n")
    return file.seek(at - len(before[2]) if before[1] or at <= LONGEST else at)


def _time_at(marks: list[tuple[float, int]], at: int) -> float:
    """Of the first mark behind it; what came after the last one came just now."""
    low, high = 0, len(marks)
    while low < high:
        middle = (low + high) // 2
        if marks[middle][1] < at:
            low = middle + 1
        else:
            high = middle
    return marks[low][0] if low < len(marks) else float("inf")
