"""The time zone of this machine, by name: tz(5) calls it by a link to its file, and $TZ may name another one."""

from __future__ import annotations

import os
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LINK, NAMED = Path("/etc/localtime"), Path("/etc/timezone")
_FOLDER = "zoneinfo/"


def local_zone() -> str:
    """UTC where none is known, as the C library has it."""
    for name in (os.environ.get("TZ", "").removeprefix(":"), _linked(), _read(NAMED)):
        if name and _is_zone(name):
            return name
    return "UTC"


def _linked() -> str:
    try:
        target = str(LINK.resolve())
    except OSError:
        return ""
    return target.partition(_FOLDER)[2].removeprefix("posix/").removeprefix("right/")


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, ValueError):
        return ""


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
