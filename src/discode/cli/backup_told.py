"""What `status` and `doctor` say of an app's backups, from what this machine knows: no storage is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..core.history import HistoryEntry
    from ..flows.world import World


def described(world: World, name: str, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """What is set up, and how the last backups ended."""
    from ..core import backup_state

    return backup_state.described(world.repositories.plan(name), history)


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
