"""What settles this machine by itself, for `discode doctor`. Knows the adapters, like `wiring`."""

from __future__ import annotations

from pathlib import Path

from ..adapters import beat
from ..adapters.systemd import SettleTimer


def settle_timer(home: Path) -> SettleTimer:
    return SettleTimer(home)


def settled_now(home: Path) -> None:
    beat.settled_now(home)


def settled_at(home: Path) -> float:
    """Unix time of the last `settle --all`; 0 when nothing tells of any."""
    return beat.settled_at(home)
