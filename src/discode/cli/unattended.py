"""Whether this machine settles by itself after a crash or a boot, for `discode doctor`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from ..core.errors import DiscodeError

WHAT = "settling"
OFTEN = 15 * 60.0  # seconds: three times what the timer takes, and the lines for a crontab
NOTHING = "nothing settles after a crash or a boot until somebody runs a command"


def examine(home: Path) -> tuple[bool, str, str, Any]:
    """Whether it is well, what there is, the next step, and what can be done about it."""
    from .wiring_timer import settle_timer, settled_at

    timer = settle_timer(home)
    if not timer.is_possible:
        return _without_systemd(timer, settled_at(home))
    if not timer.is_installed:
        return False, NOTHING, "Set up a systemd timer: discode doctor --fix", lambda: _install(timer)
    if trouble := timer.trouble():
        step = "Set it up again: discode doctor --fix. What systemd knows of it: systemctl status discode-settle.timer"
        return False, trouble, step, lambda: _install(timer)
    return True, "by a systemd timer, at every boot and every few minutes", "", None


def _without_systemd(timer: Any, last: float) -> tuple[bool, str, str, Any]:
    """Whatever calls `settle --all` has left a trace."""
    passed = max(time.time() - last, 0.0)  # the kernel's time of a file may be ahead by a moment
    if passed < OFTEN:
        return True, f"something calls discode settle --all; it last did {passed / 60:.0f} minutes ago", "", None
    at_boot, often = timer.cron()
    step = f"systemd is not running here; add two lines to a crontab: {at_boot}   and: {often}"
    return False, NOTHING, step, None


def _install(timer: Any) -> str:
    try:
        timer.install()
    except DiscodeError as error:
        return f"{error.sentence} {error.next_step}"
    linger = "" if os.geteuid() == 0 else " To keep it running while you are logged out: loginctl enable-linger"
    return f"The timer is set up.{linger}"
