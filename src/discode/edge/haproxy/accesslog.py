"""The logs of HAProxy: where its lines go, and what keeps their files small.

HAProxy writes them itself, to the standard output that it was started with. Where somebody reads that of the
controller (a container's engine, a journal, a terminal), it is the same one; else it is a file in the state folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LARGEST = 128 << 20  # bytes of a file
PIPE = 1 << 20  # bytes: the most that a pipe may have without privileges, some 1,500 lines
_PIECE = 1 << 20  # what is cut off is a multiple of it, and of any file system's block
_COLLAPSE_RANGE = 0x08  # of fallocate(2): takes a range out of a file, without a copy of the rest; ext4 and XFS can
_PIDFD_GETFD = 438  # the number of the system call, on all of Linux's architectures


@contextmanager
def destination(path: Path) -> Iterator[int]:
    """A file descriptor for a child's standard output."""
    try:
        mode = os.fstat(1).st_mode
    except OSError:
        mode = stat.S_IFREG  # closed
    if not stat.S_ISREG(mode):
        if stat.S_ISFIFO(mode):
            _widen(1)
        yield 1
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _widen(pipe: int) -> None:
    """Room for what comes while its reader is busy: HAProxy drops a line that a pipe does not take at once."""
    with contextlib.suppress(OSError):  # less is allowed here
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)


def rotate(path: Path, find_master: Callable[[], int | None], largest: int = LARGEST) -> bool:
    """Cut the older half off the file while the HAProxy whose process id is found goes on writing to it; whether that
    was needed, and could be done.

    Where the file system cannot do so, a copy is kept and the file is emptied. Lines that come in between are lost
    then: a few, at most once in so many megabytes.
    """
    try:
        if path.stat().st_size < largest:
            return False
        if (master := find_master()) is None:
            return False
        _write_back(path)
        with _as_written_by(master, path) as descriptor:
            if descriptor is None:
                return False
            # HAProxy's first line in each worker takes this away: in the emptied file it would go on at the place where
            # it was before, behind as many zeros.
            fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_APPEND)
            if not _cut(path, largest // 2 // _PIECE * _PIECE):
                shutil.copyfile(path, path.with_name(f"{path.name}.1"))
                os.truncate(path, 0)
            os.lseek(descriptor, 0, os.SEEK_END)
    except OSError:
        return False
    return True


def _write_back(path: Path) -> None:
    """Have the file on the disk and out of the cache. A cut does both itself, and while it does HAProxy waits with its
    next line and all requests with it: 200 ms for 128 MB, 4 ms when it was done before.
    """
    with path.open("rb") as file:
        for _ in range(2):  # the second time, of what came meanwhile
            os.fdatasync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _cut(path: Path, length: int) -> bool:
    """Take that many bytes off the beginning; what is left of a line there becomes blanks."""
    call = ctypes.CDLL(None, use_errno=True).fallocate
    call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    with path.open("r+b") as file:
        if not length or call(file.fileno(), _COLLAPSE_RANGE, 0, length) != 0:
            return False
        rest = file.readline()
        os.pwrite(file.fileno(), b" " * (len(rest) - 1), 0)
    return True


@contextmanager
def _as_written_by(master: int, path: Path) -> Iterator[int | None]:
    """The open file that the process writes to, with its flags and its place, which one of our own would not have.

    None: it writes elsewhere, or the kernel keeps us from looking into it. Raises OSError when there is no process.
    """
    process = os.pidfd_open(master)
    had = [ctypes.CDLL(None).syscall(_PIDFD_GETFD, process, number, 0) for number in (1, 2)]
    opened = [descriptor for descriptor in had if descriptor >= 0]
    try:
        file = path.stat()
        yield next((each for each in opened if os.path.samestat(os.fstat(each), file)), None)
    finally:
        for descriptor in (process, *opened):
            os.close(descriptor)
