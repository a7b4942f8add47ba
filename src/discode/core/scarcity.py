"""What a machine is short of. Pure.

A shortage that was told is over a little later than it began: what goes up and down around one figure is told once.
"""

from __future__ import annotations

LITTLE_DISK = 512 << 20  # bytes: less than this and an update may not fit
LITTLE_MEMORY = 96 << 20  # bytes that a program could have: with less, the system ends one of those that run
BACK = 1.25  # times as much has to be free before a shortage is over


def is_short(free: int, least: int, *, was_short: bool) -> bool:
    return free < least * (BACK if was_short else 1)
