"""A file of lines that only grows. A line is there when its line end is.

A power loss can cut the last line off. Readers leave such a rest out; the next append removes it first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from .folders import StrPath, make_folder, sync_folder


def append_line(path: StrPath, line: bytes, mode: int = 0o644) -> None:
    """When it returns, the line outlives a power loss. When it raises, the file holds the lines that it held before.

    One writer at a time: whoever calls it has a lock. `mode` is that of a file that is made by this, narrowed by the
    umask.
    """
    with _opened(path, mode) as descriptor:
        whole = _end_of_last_line(descriptor)
        os.ftruncate(descriptor, whole)
        os.lseek(descriptor, whole, os.SEEK_SET)
        try:
            _write_all(descriptor, line + b"\n")
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, whole)
            raise


def read_lines(path: StrPath) -> list[bytes]:
    """Whole lines, oldest first; none when there is no file."""
    try:
        with open(path, "rb") as file:
            return file.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return []


@contextmanager
def _opened(path: StrPath, mode: int) -> Iterator[int]:
    folder = os.path.dirname(os.fspath(path)) or "."
    make_folder(folder)
    is_new = not os.path.exists(path)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, mode)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
    if is_new:
        sync_folder(folder)


def _write_all(descriptor: int, data: bytes) -> None:
    """The system may take less than it is given: a disk that fills up says so at the next try only."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _end_of_last_line(descriptor: int) -> int:
    """The length of the file up to and with its last line end."""
    end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - 4096)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
