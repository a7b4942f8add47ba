"""The lock on an edge's state: one controller at a time holds it, and the kernel releases it when that one dies."""

from __future__ import annotations

import time
from pathlib import Path

from ...disk.lock import take
from ..services.options import CommandError

PATIENCE = 30.0  # seconds


def lock(folder: Path) -> int:
    """A descriptor that holds it. Raises CommandError when another controller does."""
    descriptor = take(folder / "controller.lock")
    if descriptor is None:
        raise CommandError(f"another controller is using this state ({folder})")
    return descriptor


def lock_again(folder: Path) -> int:
    """Lock it again once the process that failed to take over is gone. Raises CommandError if that does not happen."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return lock(folder)
        except CommandError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
