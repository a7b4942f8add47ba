"""A lock between processes: `flock` on a file, which the kernel takes from a holder that dies.

States: free (no file, or one that nobody holds), held. What the file says counts for nothing while nobody holds it.
Never delete it: two processes could then hold two files. A child that inherits the descriptor holds the lock, too.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from .folders import StrPath, make_folder


def take(path: StrPath, mode: int = 0o600, *, makes_folder: bool = True) -> int | None:
    """A descriptor that holds the lock until it is closed; None at once when another process holds it. Without
    `makes_folder` it raises FileNotFoundError where the folder is gone."""
    descriptor = _opened(path, mode) if makes_folder else os.open(path, os.O_RDWR | os.O_CREAT, mode)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return descriptor


@contextmanager
def held(path: StrPath, mode: int = 0o600) -> Iterator[None]:
    """Inside the block this process holds it; another holder is waited for, however long it takes."""
    descriptor = _opened(path, mode)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_held(path: StrPath) -> bool:
    """Whether a living process holds it. Whoever tries to take it while this looks may find it held."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _opened(path: StrPath, mode: int) -> int:
    make_folder(os.path.dirname(os.fspath(path)) or ".")
    return os.open(path, os.O_RDWR | os.O_CREAT, mode)
