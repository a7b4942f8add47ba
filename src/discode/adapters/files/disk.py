"""What the operating system refuses, in the words of a refusal. Translated by errno, never by text."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...core.errors import PreflightError, Refused

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises PreflightError for what the system refuses inside: `disk-full`, `read-only`, `no-permission`, `disk`."""
    try:
        yield
    except OSError as error:
        raise _write_refused(path, error) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raises Refused with the key `no-permission`, or `disk` for anything else but a missing file."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _read_refused(path, error) from error


def free_space(folder: Path) -> int:
    """Bytes free where `folder` is, or will be: it need not be there yet."""
    folder = folder.absolute()
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _write_refused(path: Path, error: OSError) -> PreflightError:
    unchanged = "Nothing was changed by this write, and your app goes on running."
    if error.errno in _FULL:
        return PreflightError(
            f"{path} cannot be written: the disk is full. {unchanged}",
            f"Free some room on the disk of {path.parent}, then run the command again.",
            key="disk-full",
        )
    if error.errno == errno.EROFS:
        return PreflightError(
            f"{path} cannot be written: its file system is read-only. {unchanged}",
            "Systems go read-only when a disk fails: see dmesg. Make it writable, then run the command again.",
            key="read-only",
        )
    if error.errno in _FORBIDDEN:
        return PreflightError(
            f"{path} cannot be written: {_user()} may not. {unchanged}", _as_owner(path), key="no-permission"
        )
    return PreflightError(
        f"{path} cannot be written: {error.strerror}. {unchanged}", "Look after the disk: see dmesg.", key="disk"
    )


def _read_refused(path: Path, error: OSError) -> Refused:
    if error.errno in _FORBIDDEN:
        sentence = f"{path} cannot be read: {_user()} may not. Nothing was changed, and your app goes on running."
        return Refused(sentence, _as_owner(path), key="no-permission")
    sentence = f"{path} cannot be read: {error.strerror}. Nothing was changed, and your app goes on running."
    return Refused(sentence, "Look after the disk: see dmesg. Then: discode doctor", key="disk")


def _user() -> str:
    return "this user" if os.geteuid() else "root"


def _as_owner(path: Path) -> str:
    return f"Run the command as the owner of {path.parent}." if os.geteuid() else "See lsattr and the mount's options."
