"""Roll back with the data: to the version from before an update, and to what the app had then.

Which snapshot was taken before the update that brought the version which serves, the history says. From there it is a
restore of that snapshot.
"""

from __future__ import annotations

from contextlib import suppress

from ..core.errors import DiscodeError, Refused
from ..core.history import HistoryEntry
from ..core.installation import Installation
from ..core.plan import plan_rollback
from .restore_data import WouldUndo, bring_back, choose
from .snapshots import snapshots
from .world import Result, World

_DONE = ("done", "settled-forward")


def rollback_with_data(
    world: World, app: str, *, to: str | None = None, sure: bool = False, snapshot_before: bool = True
) -> Result:
    """`to`: the version that was left by an update; None: by the last one. `sure`: what was written since may go.
    `snapshot_before`: of what is replaced.

    Raises Refused where no snapshot was taken before that update; as `restore_data`.
    """
    steps = world.steps()
    entry = _update(world, app, to)
    if entry is None or entry.snapshot is None:
        raise _no_way(world, app, to, entry)
    repository = world.repositories.open(app)
    chosen = choose(world, repository, app, entry.snapshot, steps)
    undo = None if sure else WouldUndo(chosen.snapshot, _command(app, to))
    before, after, saved, message = bring_back(world, repository, chosen, undo, steps, snapshot_before=snapshot_before)
    return Result(
        "rollback", app, "rolled-back", before.version, after.version, str(after.instance), steps.seconds, message,
        snapshot=saved,
    )  # fmt: skip


def way_with_data(world: World, app: str, to: str | None) -> str:
    """The command for it; empty where there is no such snapshot. Where the repository does not answer, what the history
    says counts. Never raises for what cannot be read."""
    with suppress(DiscodeError):
        entry = _update(world, app, to)
        if entry is None or entry.snapshot is None or world.repositories.plan(app) is None:
            return ""
        with suppress(DiscodeError):
            if entry.snapshot not in {one.id for one in snapshots(world, app, world.steps())}:
                return ""
        return _command(app, to)
    return ""


def _command(app: str, to: str | None) -> str:
    command = f"discode rollback {app} --with-data"
    return f"{command} --to {to}" if to else command


def _update(world: World, app: str, to: str | None) -> HistoryEntry | None:
    """The one that brought what serves now; with `to`, the last one by which that version was left."""
    serves = world.installed(app).version
    done = [one for one in world.store.readable_history(app)[0] if one.flow == "update" and one.outcome in _DONE]
    if to is not None:
        found = [one for one in done if one.from_version == to and one.serves == one.to_version]
    else:
        found = [one for one in done if one.serves == one.to_version == serves]
    return found[-1] if found else None


def _other_ways(world: World, before: Installation, to: str | None) -> str:
    """Those that are open."""
    app, ways = before.app, []
    with suppress(Refused):  # then `discode rollback` would be, too
        plan_rollback(before, to)
        ways.append(f"To go back with the data as it is: discode rollback {app}{f' --to {to}' if to else ''}")
    if world.repositories.plan(app) is not None:
        ways.append(f"To choose a snapshot: discode restore {app}")
    return ". ".join(ways) or f"Go forward to a newer release: discode update {app}"


def _no_way(world: World, app: str, to: str | None, entry: HistoryEntry | None) -> Refused:
    before = world.installed(app)
    if entry is None and to is not None:
        why = f"{app} {to} was not left by an update"
    elif entry is None:
        why = f"{app} {before.version} did not come by an update"
    else:
        why = f"No snapshot was taken before the update from {entry.from_version} to {entry.to_version}"
    return Refused(
        f"{why}, so there is no data to go back to with it. Nothing was changed.",
        _other_ways(world, before, to),
        key="nothing-to-roll-back-to",
    )
