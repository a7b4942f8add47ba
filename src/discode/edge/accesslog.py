"""The access log: where HAProxy's lines go, and what keeps their file small.

HAProxy writes them itself, to the standard output that it was started with. Where somebody reads that of the
controller (a container's engine, a journal, a terminal), it is the same one; else it is a file in the state folder.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LARGEST = 64 << 20  # bytes of the file; one more of them is kept


@contextmanager
def destination(path: Path) -> Iterator[int]:
    """A file descriptor for a child's standard output."""
    try:
        mode = os.fstat(1).st_mode
    except OSError:
        mode = stat.S_IFREG  # closed
    if not stat.S_ISREG(mode):
        yield 1
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def rotate(path: Path, largest: int = LARGEST) -> bool:
    """Keep a copy and empty the file, for HAProxy goes on writing to the same one; whether that was needed.

    Lines that come in between are lost: a few, at most once in so many megabytes.
    """
    try:
        if path.stat().st_size < largest:
            return False
        shutil.copyfile(path, path.with_name(f"{path.name}.1"))
        os.truncate(path, 0)
    except OSError:
        return False
    return True
