"""A file of lines that only grows: the history. A line is there when its line end is.

A power loss can cut the last line off. Readers leave such a rest out; the next append removes it first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .atomic import make_folder, sync_folder, write_all
from .disk import reading, writing


def append_line(path: Path, line: bytes) -> None:
    """Raises PreflightError; then the file holds the lines that it held before."""
    with writing(path), _opened(path) as descriptor:
        whole = _end_of_last_line(descriptor)
        os.ftruncate(descriptor, whole)
        os.lseek(descriptor, whole, os.SEEK_SET)
        try:
            write_all(lambda left: os.write(descriptor, left), line + b"\n")
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, whole)
            raise


def read_lines(path: Path) -> list[bytes]:
    """Whole lines, oldest first; none when there is no file."""
    try:
        with reading(path):
            data = path.read_bytes()
    except FileNotFoundError:
        return []
    return data.split(b"\n")[:-1]


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    make_folder(path.parent)
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
    if is_new:
        sync_folder(path.parent)


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
