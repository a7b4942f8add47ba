"""The agent's eyes on this host, and what keeps it alive. Knows the adapters, like `wiring`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..agent.chores import Due, Words
from ..core.errors import DiscodeError

if TYPE_CHECKING:
    from ..adapters.systemd import AgentService
    from ..core.backup_plan import BackupPlan
    from ..core.history import HistoryEntry


class HostLook:
    """What is due, by the files of this home. Nobody is asked, and nothing is written."""

    def __init__(self, home: Path):
        from ..adapters.files import FileStore
        from ..adapters.files.automatic_plans import AutomaticPlans
        from ..adapters.files.backup_plans import BackupPlans

        self._home, self._store = home, FileStore(home)
        self._automatic, self._backups = AutomaticPlans(home), BackupPlans(home)

    def updates(self, now: float) -> Iterator[Due]:
        from ..adapters.files.automatic_plans import is_on

        for app in self._store.apps():
            if is_on(self._home, app):
                found = self._automatic.outlook(app)
                at = now if found is None or found.is_due(now) else found.next
                yield Due(("update", app, "--automatic", "--json"), at)

    def backups(self, now: float) -> Iterator[Due]:
        for app in self._store.apps():
            with suppress(DiscodeError):  # a plan that is damaged is told of by `status` and `doctor`
                kept = self._backups.of(app)
                if kept is not None and (kept.plan.at or kept.plan.drill_days):
                    words = backup_due(kept.plan, self._store.readable_history(app)[0], now)
                    if words is not None:
                        yield Due((*words, "--json"), now)

    def notices(self, now: float) -> Iterator[Due]:
        if (self._home / "notices").is_dir():
            yield Due(("notify", "check", "--json"), now)


def backup_due(plan: BackupPlan, history: list[HistoryEntry], now: float) -> Words | None:
    """The command for what is due now, or None. What a clock that was far ahead has written counts for nothing, or
    there would be no backup until it is that late."""
    from ..core.backup_plan import DAY
    from ..core.history import BACKUP, DRILL

    past = [one for one in history if one.at <= now + DAY]
    backups = [one for one in past if one.flow == BACKUP]
    done = max((one.at for one in backups if one.outcome == "done"), default=0.0)
    tried = max((one.at for one in backups), default=0.0)
    drilled = max((one.at for one in past if one.flow == DRILL), default=0.0)
    if plan.is_due(now, done, tried):
        return "backup", "now", plan.app, "--scheduled"
    if done and plan.is_drill_due(now, drilled):
        return "backup", "drill", plan.app
    return None


def service(home: Path) -> AgentService:
    from ..adapters.systemd import AgentService

    return AgentService(home)


def settled_now(home: Path) -> None:
    from ..adapters import beat

    beat.settled_now(home)


def settled_at(home: Path) -> float:
    """Unix time of the last `settle --all`; 0 when nothing tells of any."""
    from ..adapters import beat

    return beat.settled_at(home)
