"""Whether this machine does by itself what has to be done: settle after a crash or a boot, update, back up, tell. For
`discode doctor`, and for whoever sets something up that needs it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from ..core.errors import DiscodeError

WHAT = "agent"
OFTEN = 15 * 60.0  # seconds: three times what the agent takes from one settling to the next
TOO_LONG = 6 * 3600.0  # seconds: no command takes so long, not even the backup of a large disk on most machines
NOTHING = "nothing settles after a crash or a boot, updates or backs up until somebody runs a command"


def examine(home: Path) -> tuple[bool, str, str, Any]:
    """Whether it is well, what there is, the next step, and what can be done about it."""
    from ..agent import state
    from .wiring_agent import service

    kept = service(home)
    if not kept.is_possible:
        return _without_systemd(home, kept)
    if not kept.is_installed:
        detail = "runs, but not from the next boot on" if state.lives(home) else NOTHING
        return False, detail, "Set up the agent as a service: discode doctor --fix", lambda: _install(kept)
    if trouble := kept.trouble():
        step = "Set it up again: discode doctor --fix. What systemd knows of it: systemctl status discode-agent"
        return False, trouble, step, lambda: _install(kept)
    if earlier := _earlier(home):
        step = "Start it again: discode doctor --fix. What it has started goes on."
        return False, f"runs Discode {earlier}, from before the update of Discode", step, lambda: _install(kept)
    return _living(home)


def _earlier(home: Path) -> str:
    """The version of an agent that is not this Discode's; else empty."""
    from .. import __version__
    from ..agent import state

    found = state.read(home) if state.lives(home) else None
    return found.version if found and found.version != __version__ else ""


def _living(home: Path) -> tuple[bool, str, str, Any]:
    """By what it has written down."""
    from ..agent import state

    found, now = state.read(home), time.time()
    jobs = found.jobs if found else ()
    detail = f"runs{f' (pid {found.pid})' if found else ''}; {_last(home, now)}"
    if slow := [one for one in jobs if one.ended is None and now - one.started > TOO_LONG]:
        hours = (now - slow[0].started) / 3600
        detail += f"; {slow[0].command} has been running for {hours:.0f} hours (pid {slow[0].pid})"
        return False, detail, f"See why; to end it: kill {slow[0].pid}", None
    if jobs:
        last = max(jobs, key=lambda job: job.started)
        detail += f"; the last command: {last.command}, {_minutes(now - last.started)} ago"
    return True, detail, "", None


def _last(home: Path, now: float) -> str:
    from .wiring_agent import settled_at

    last = settled_at(home)
    return f"it last settled {_minutes(now - last)} ago" if last else "it has not settled yet"


def _without_systemd(home: Path, kept: Any) -> tuple[bool, str, str, Any]:
    """Cron, or whatever starts it: the agent holds a lock, and whatever calls `settle --all` has left a trace."""
    from ..agent import state
    from .wiring_agent import settled_at

    step = f"systemd is not running here; add a line to a crontab: {kept.cron()}   and run it until then: discode agent"
    if state.lives(home):
        return _living(home)
    passed = max(time.time() - settled_at(home), 0.0)  # the kernel's time of a file may be ahead by a moment
    if passed < OFTEN:
        called = f"something calls discode settle --all, {_minutes(passed)} ago"
        detail = f"does not run, so nothing is updated by itself; {called}"
        return True, detail, step, None
    return False, NOTHING, step, None


def _minutes(seconds: float) -> str:
    return f"{max(seconds, 0.0) / 60:.0f} minutes"


def _install(kept: Any) -> str:
    try:
        kept.install()
    except DiscodeError as error:
        return f"{error.sentence} {error.next_step}"
    linger = "" if os.geteuid() == 0 else " To keep it running while you are logged out: loginctl enable-linger"
    return f"The agent is set up, and runs.{linger}"
