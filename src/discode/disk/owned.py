"""A folder that goes with its process: what a killed one has left, the next one deletes; that of a living one stays.

States: owned (a process holds the lock of the file `LOCK` in it), abandoned (nobody does). Names are never used twice,
so unlike other locks this one may be deleted. Where a file system knows no locks, folders count as owned.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .folders import StrPath, make_private

LOCK = "discode-owner.lock"


@contextmanager
def owned(parent: StrPath, prefix: str, suffix: str = "") -> Iterator[str]:
    """A new folder for this process alone; abandoned ones beside it, with that suffix, are deleted first. Raises
    OSError."""
    make_private(parent)
    sweep(parent, suffix)
    folder, descriptor = _made(parent, prefix, suffix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def sweep(parent: StrPath, suffix: str = "") -> None:
    """Raises nothing: what cannot be deleted now is left to the next one."""
    with suppress(OSError):
        for name in os.listdir(parent):
            if name.endswith(suffix):
                with suppress(OSError):
                    _delete_abandoned(os.path.join(parent, name))


def _made(parent: StrPath, prefix: str, suffix: str) -> tuple[str, int]:
    while True:
        folder = os.path.join(parent, f"{prefix}{secrets.token_hex(4)}{suffix}")
        os.mkdir(folder, 0o700)
        try:
            descriptor = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except FileNotFoundError:
            continue  # somebody who sweeps took it for abandoned
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        except OSError:
            return folder, descriptor  # no locks here
        if os.fstat(descriptor).st_nlink:
            return folder, descriptor
        os.close(descriptor)


def _delete_abandoned(folder: str) -> None:
    """Only what is this user's, and has the file of an owner; or is empty, for want of the moment to make that."""
    if os.lstat(folder).st_uid != os.geteuid() or os.path.islink(folder):
        return
    try:
        descriptor = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        os.rmdir(folder)
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    finally:
        os.close(descriptor)
