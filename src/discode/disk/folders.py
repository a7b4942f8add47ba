"""Folders and names that outlive a power loss."""

from __future__ import annotations

import os
import stat

StrPath = str | os.PathLike[str]


def make_folder(folder: StrPath, mode: int = 0o777) -> None:
    """The folder and those above it that are missing, each with `mode` as far as the umask allows, and durable."""
    folder = os.fspath(folder)
    if os.path.isdir(folder):
        return
    above = os.path.dirname(folder.rstrip("/")) or "."
    make_folder(above, mode)
    try:
        os.mkdir(folder, mode)
    except FileExistsError:
        if not os.path.isdir(folder):
            raise
    sync_folder(above)


def make_private(folder: StrPath) -> None:
    """The folder, for its owner alone, unless it is there. Those above it that are missing are made as `make_folder`
    makes them."""
    folder = os.fspath(folder)
    make_folder(os.path.dirname(folder.rstrip("/")) or ".")
    make_folder(folder, 0o700)


def close_to_others(folder: StrPath) -> None:
    """Take from others what they may do with it, if it is this user's. Not one that is shared on purpose, as its bits
    for sharing say (sticky, or its group's for all that is made in it)."""
    found = os.stat(folder)
    is_shared = found.st_mode & (stat.S_ISVTX | stat.S_ISGID)
    if found.st_mode & 0o077 and found.st_uid == os.geteuid() and not is_shared:
        os.chmod(folder, found.st_mode & 0o7700)


def sync_folder(folder: StrPath) -> None:
    """Makes names durable that were made, renamed or deleted in the folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def free_space(folder: StrPath) -> int:
    """Bytes free where `folder` is, or will be: it need not be there yet."""
    folder = os.path.abspath(folder)
    while not os.path.isdir(folder) and folder != "/":
        folder = os.path.dirname(folder)
    system = os.statvfs(folder)
    return system.f_bavail * system.f_frsize
