"""A file with a secret that somebody else wrote for us to read: only its owner could have read or replaced it."""

from __future__ import annotations

import errno
import os
import stat

from .folders import StrPath


class NotPrivate(OSError):
    """`strerror` says who else could read or replace the file, `remedy` the command that mends it."""

    def __init__(self, path: StrPath, why: str, remedy: str):
        super().__init__(errno.EPERM, why, os.fspath(path))
        self.remedy = remedy


def read_private(path: StrPath) -> bytes:
    """Raises OSError, and NotPrivate for a file that others may read, of another user, or in a folder in which others
    could put another one in its place; for a link that holds for the folders at both ends."""
    given = os.path.abspath(path)
    real = os.path.realpath(given)
    for folder in (*_above(given), *_above(real)):
        _check_folder(given, folder)
    # Without O_NONBLOCK a named pipe would wait for somebody to write.
    descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        _check_file(given, os.fstat(descriptor))
        return file.read()


def _above(path: str) -> list[str]:
    """The folders on the way to it, links among them resolved."""
    folder = os.path.realpath(os.path.dirname(path))
    found = [folder]
    while folder != "/":
        folder = os.path.dirname(folder)
        found.append(folder)
    return found


def _check_folder(path: str, folder: str) -> None:
    found = os.stat(folder)
    if found.st_uid not in (0, os.geteuid()):
        why = f"it is in {folder}, a folder of {_user(found.st_uid)}, who could replace it"
        raise NotPrivate(path, why, f"Move it to a folder of {_user(os.geteuid())}'s own")
    if found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX:
        why = f"it is in {folder}, where others may write and could replace it"
        raise NotPrivate(path, why, f"chmod go-w {folder}")


def _check_file(path: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise NotPrivate(path, "it is not a file", "Give a file")
    if found.st_uid != os.geteuid():
        raise NotPrivate(path, f"it belongs to {_user(found.st_uid)}", f"chown {_user(os.geteuid())} {path}")
    if found.st_mode & 0o077:
        raise NotPrivate(path, f"others may read it (mode {found.st_mode & 0o7777:04o})", f"chmod 600 {path}")


def _user(number: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
