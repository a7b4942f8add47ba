"""How others wake the agent: a FIFO in its folder. What it is woken for it finds out itself."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from ..disk.folders import make_private
from .state import folder

_NAME = "bell"


def ring(home: Path) -> None:
    """Whoever has changed a schedule. Where no agent lives there is nobody to wake."""
    with suppress(OSError):
        descriptor = os.open(folder(home) / _NAME, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                os.write(descriptor, b".")
        finally:
            os.close(descriptor)


def hung_up(home: Path) -> int:
    """The agent's side: a descriptor that can be read once somebody has rung. Open for writing, too, or it could always
    be read after the first one."""
    make_private(folder(home))
    path = folder(home) / _NAME
    with suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


def silence(descriptor: int) -> None:
    with suppress(BlockingIOError):
        while os.read(descriptor, 4096):
            pass
