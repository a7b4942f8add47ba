"""What is done with the snapshots of an app: list, check, forget. The app has no part in it."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.backup_errors import NoSuchSnapshot
from ..core.retention import Retention
from ..core.snapshot import RECORD, Snapshot, read_record
from .world import Steps, World


def snapshots(world: World, app: str, steps: Steps) -> list[Snapshot]:
    """Oldest first, of whatever machine. Raises NoRepository, and what the port Backups raises."""
    with steps("repository", "Reading the repository"):
        return world.repositories.open(app).snapshots()


def check(world: World, app: str, steps: Steps, *, data: bool) -> list[Snapshot]:
    """See that the repository is whole, and that the newest snapshot can be read. The snapshots that it has.

    Raises RepositoryDamaged, and what the port Backups raises."""
    repository = world.repositories.open(app)
    with world.store.backing_up(app):
        with steps("check", "Reading all of the repository" if data else "Checking the repository"):
            repository.check(world.report, data=data)
        found = snapshots(world, app, steps)
        if found:
            read_record(repository.read(found[-1], RECORD), app)
    return found


def to_forget(
    world: World, app: str, steps: Steps, *, named: Sequence[str] = (), retention: Retention | None = None
) -> list[Snapshot]:
    """The snapshots that are named; else those that this machine took and that its retention does not keep: of another
    machine's nobody here knows what they are for. Raises NoSuchSnapshot."""
    found = snapshots(world, app, steps)
    if named:
        known = {one.id: one for one in found}
        if missing := [one for one in named if one not in known]:
            raise NoSuchSnapshot(
                f"There is no snapshot {missing[0]} of {app}. Nothing was changed.",
                f"See which there are: discode backup list {app}",
            )
        return [known[one] for one in named]
    plan = world.repositories.plan(app)
    rule = retention or (plan.retention if plan else Retention())
    own = {one.id: one.taken for one in found if one.host == world.repositories.host()}
    kept = rule.kept(own)
    return [one for one in found if one.id in own and one.id not in kept]


def forget(world: World, app: str, steps: Steps, goners: Sequence[Snapshot]) -> None:
    if not goners:
        return
    with world.store.backing_up(app), steps("forget", "Forgetting snapshots, and freeing what no other needs"):
        world.repositories.open(app).forget(goners, world.report)
