"""How the backups of an app stand, by what was set up and by the history: no storage is asked. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .backup_plan import BackupPlan
from .history import BACKUP, DRILL, RESTORE, HistoryEntry

DAY = 86400.0
LATE_BY_SCHEDULE, LATE = 2 * DAY, 8 * DAY  # seconds after which the last backup is too old, with a schedule and without


def described(plan: BackupPlan | None, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """What is set up, and how the last backups ended."""
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


def is_late(told: Mapping[str, Any], now: float, begun: float = 0.0) -> bool:
    """Whether the last one is too old. `begun`: Unix time before which none was expected."""
    return bool(now - max(told["last"] or 0.0, begun) > (LATE_BY_SCHEDULE if told["at"] else LATE))
