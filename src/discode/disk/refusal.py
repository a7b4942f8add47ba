"""What the operating system refuses, in words. Told by errno, never by text."""

from __future__ import annotations

import errno
import os
from typing import NamedTuple

from .folders import StrPath

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM}


class Refusal(NamedTuple):
    """`key`: `disk-full`, `read-only`, `no-permission` or `disk`. `reason` goes into a sentence, `advice` is one."""

    key: str
    reason: str
    advice: str


def is_full(error: OSError) -> bool:
    return error.errno in _FULL


def refusal(path: StrPath, error: OSError) -> Refusal:
    """Of reading or writing `path`."""
    folder = os.path.dirname(os.fspath(path))
    if is_full(error):
        advice = f"Free some space on the disk of {folder}, then run the command again."
        return Refusal("disk-full", "the disk is full", advice)
    if error.errno == errno.EROFS:
        advice = "A failing disk can turn read-only: see dmesg. Make it writable, then run the command again."
        return Refusal("read-only", "its file system is read-only", advice)
    if error.errno in _FORBIDDEN:
        who = "this user" if os.geteuid() else "root"
        return Refusal("no-permission", f"{who} may not", _as_owner(folder))
    return Refusal("disk", str(error.strerror), "Check the disk: see dmesg.")


def _as_owner(folder: str) -> str:
    return f"Run the command as the owner of {folder}." if os.geteuid() else "See lsattr and the mount's options."
