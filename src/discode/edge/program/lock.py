"""The lock on an edge's state: one controller at a time has it, and the kernel takes it from a dead one."""

from __future__ import annotations

import time
from pathlib import Path

from ...disk.lock import take
from ..services.options import CommandError

PATIENCE = 30.0  # seconds that one who gave it away waits for it


def lock(folder: Path) -> int:
    """A descriptor that has it. Raises CommandError when another controller does."""
    descriptor = take(folder / "controller.lock")
    if descriptor is None:
        raise CommandError(f"another controller is using this state ({folder})")
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
