"""Whether this machine settles by itself after a crash or a boot, for `discode doctor`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..core.errors import DiscodeError

WHAT = "settling"


def examine(home: Path) -> tuple[bool, str, str, Any]:
    """Whether it is well, what there is, the next step, and what can be done about it."""
    from .wiring_timer import settle_timer

    timer = settle_timer(home)
    if not timer.is_possible:
        at_boot, often = timer.cron()
        lines = f"in a crontab: {at_boot}   and: {often}"
        return True, f"systemd is not running here; to settle automatically, use cron: {lines}", "", None
    if timer.is_installed:
        return True, "by a systemd timer, at every boot and every few minutes", "", None
    step = "Set up a systemd timer: discode doctor --fix"
    return False, "nothing settles after a crash or a boot until somebody runs a command", step, lambda: _install(timer)


def _install(timer: Any) -> str:
    try:
        timer.install()
    except DiscodeError as error:
        return f"{error.sentence} {error.next_step}"
    linger = "" if os.geteuid() == 0 else " To keep it running while you are logged out: loginctl enable-linger"
    return f"The timer is set up.{linger}"
