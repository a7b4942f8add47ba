"""A file for a secret that the user named: opened before the secret is made, and read by its owner alone.

Afterwards would be too late: what was made irreversibly (a hub's first token, a license) would be lost for want of a
place. A pipe or a device is taken as it is, for the user chose who reads it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .folders import StrPath


class NotOurs(OSError):
    """Whoever made the file, or the link to it, would get the secret."""


@contextmanager
def secret_file(path: StrPath) -> Iterator[Callable[[str], None]]:
    """What it yields writes a line into the file, which holds nothing else then and has mode 0600.

    Raises OSError, and NotOurs for a file of another user, a second name of a file, and a link to a file. A file that
    was made here goes again when the block fails.
    """
    descriptor, is_new = _opened(path)
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)

        def write(text: str) -> None:
            if is_file:
                os.ftruncate(descriptor, 0)
            with os.fdopen(os.dup(descriptor), "w") as file:
                file.write(f"{text}\n")
            if is_file:
                os.fsync(descriptor)

        yield write
    except BaseException:
        if is_new:
            os.unlink(path)
        raise
    finally:
        os.close(descriptor)


def _opened(path: StrPath) -> tuple[int, bool]:
    new = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, new, 0o600), True
    except FileExistsError:
        is_link = os.path.islink(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode):
        if is_link or found.st_uid != os.geteuid() or found.st_nlink != 1:
            os.close(descriptor)
            raise NotOurs(errno.EPERM, "it is somebody else's, or a link", os.fspath(path))
        os.fchmod(descriptor, 0o600)
    return descriptor, False
