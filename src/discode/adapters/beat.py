"""When the whole machine was settled last, by whatever calls `discode settle --all`: a timer, cron, a person.

Where no systemd can be asked this is all that tells whether anything settles by itself.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from ..core.errors import DiscodeError
from ..disk.whole import write_derived
from .files.home import close_home

_FILE = "settled"


def settled_now(home: Path) -> None:
    """A disk that is full keeps nobody from settling."""
    with contextlib.suppress(OSError, DiscodeError):
        close_home(home)
        write_derived(home / _FILE, f"{time.time():.0f}\n".encode())


def settled_at(home: Path) -> float:
    """Unix time; 0 when nothing tells of any."""
    try:
        return float((home / _FILE).read_text())
    except (OSError, ValueError):
        return 0.0
