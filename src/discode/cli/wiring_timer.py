"""The timer of this machine, for `discode doctor`. Knows the adapters, like `wiring`."""

from __future__ import annotations

from pathlib import Path

from ..adapters.systemd import SettleTimer


def settle_timer(home: Path) -> SettleTimer:
    return SettleTimer(home)
