"""The lock on an edge's state: one controller at a time has it, and the kernel takes it from a dead one."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from ..services.options import CommandError

PATIENCE = 30.0  # seconds that one who gave it away waits for it


def lock(folder: Path) -> int:
    """A descriptor that has it. Raises CommandError when another controller does."""
    descriptor = os.open(folder / "controller.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise CommandError(f"another controller runs on this state ({folder})") from None
    return descriptor


def lock_again(folder: Path) -> int:
    """Once the one who has failed is gone. Raises CommandError when that does not happen."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return lock(folder)
        except CommandError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
