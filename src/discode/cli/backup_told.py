"""What `status` and `doctor` say of an app's backups, from what this machine knows: no storage is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..core.history import BACKUP, DRILL, RESTORE

if TYPE_CHECKING:
    from ..core.history import HistoryEntry
    from ..flows.world import World


def described(world: World, name: str, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """What is set up, and how the last backups ended."""
    plan = world.repositories.plan(name)
    past = [one for one in history if one.flow == BACKUP]
    done = next((one for one in reversed(past) if one.outcome == "done"), None)
    # What failed before the app came from a snapshot is of another machine, or of an installation that is gone.
    came = max((one.at for one in history if one.flow == RESTORE and one.from_version is None), default=0.0)
    failed = past[-1] if past and past[-1].outcome != "done" and past[-1].at > came else None
    drills = [one for one in history if one.flow == DRILL]
    proved = next((one for one in reversed(drills) if one.outcome == "done"), None)
    unproved = drills[-1] if drills and drills[-1].outcome != "done" else None
    return {
        "repository": plan.repository if plan else None, "local": plan.is_local if plan else None,
        "before_updates": plan.before_updates if plan else None, "at": plan.at if plan else None,
        "last": done.at if done else None, "snapshot": done.snapshot if done else None,
        "missing": list(done.missing) if done else [],
        "failed": {"at": failed.at, "error": failed.error} if failed else None,
        "proved": proved.at if proved else None, "proved_snapshot": proved.snapshot if proved else None,
        "drill_failed": {"at": unproved.at, "error": unproved.error} if unproved else None,
        "drill_days": plan.drill_days if plan else None, "since": plan.since if plan else None,
    }  # fmt: skip


def text_of(told: dict[str, Any], name: str, now: float) -> str:
    """One line of `described`."""
    if told["repository"] is None:
        return f"not set up; to set them up: discode backup setup {name} --to PLACE"
    last = f"last {age_of(now - told['last'])} ago" if told["last"] else f"none yet (discode backup now {name})"
    daily = f", daily at {told['at']}" if told["at"] else ""
    missing = f"; without what is at your address: {', '.join(told['missing'])}" if told["missing"] else ""
    failed = f"; the last one failed: {told['failed']['error'].rstrip('.')}" if told["failed"] else ""
    local = "; on this machine, so they do not outlive its disk" if told["local"] else ""
    return f"{last}{daily}, to {told['repository']}{local}{missing}{failed}; {_proved(told, name, now)}"


def _proved(told: dict[str, Any], name: str, now: float) -> str:
    """Whether somebody has seen that a restore brings the app back."""
    if told["drill_failed"]:
        return f"the last drill failed: {told['drill_failed']['error'].rstrip('.')}"
    if told["proved"]:
        return f"a restore was last proved {age_of(now - told['proved'])} ago"
    how = f"; to do so: discode backup drill {name}" if told["last"] else ""
    return f"no restore was ever proved{how}"


def age_of(seconds: float) -> str:
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {unit}{'s' if number != 1 else ''}"
    return "less than a minute"
