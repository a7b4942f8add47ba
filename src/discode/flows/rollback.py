"""Roll back to a release that is still at hand: the same flow and the same promises as an update."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.accessory_plan import check_accessories
from ..core.errors import Refused
from ..core.installation import Installation
from ..core.journal import Journal
from ..core.plan import past_migrations, plan_rollback
from ..core.release import Release
from . import accessory_data
from .bring import Missing, lacks, with_bytes
from .prepare import check_settings, must_run, next_settings, with_given
from .replace import preflight, replace
from .rollback_data import way_with_data
from .safeguard import snapshot_before, wants_snapshot
from .settle import settle
from .waiting import await_backup
from .world import Result, Site, Steps, World

RESTORE = "restore a backup"  # what a refusal names where nothing more is known


class DataIsNewer(Refused):
    """Release commands have changed the data since the older release ran. A terminal can ask, and roll back `sure`."""

    key = "data-is-newer"

    def __init__(self, app: str, changed: tuple[str, ...], to: str):
        may = f"The release command of {' and '.join(changed)} may have changed the data of {app} in a way that"
        self.question = f"{may} {to} cannot read: it may start, and fail later. Go back to {to} with the data as it is?"
        super().__init__(
            f"{may} {to} cannot read. Nothing was changed.",
            f"If the vendor says that {to} can read it: discode rollback {app} --to {to} --yes. Otherwise {RESTORE}.",
        )


def rollback(
    world: World,
    app: str,
    *,
    to: str | None = None,
    sure: bool = False,
    settings: Mapping[str, str] = {},
    without_snapshot: bool = False,
) -> Result:
    """`sure`: also where the data has been changed since. `settings`: where the older release wants others.
    `without_snapshot`: takes none first, and waits for no backup. Raises DataIsNewer."""
    steps, snapshot = world.steps(), None
    if not without_snapshot:
        await_backup(world, app, steps)
    if not without_snapshot and wants_snapshot(world, app):
        snapshot = snapshot_before(world, _possible(world, app, to, sure, settings, steps), "rollback", steps)
    return with_bytes(world, app, steps, lambda: _rollback(world, app, to, sure, settings, snapshot, steps))


def _possible(
    world: World, app: str, to: str | None, sure: bool, settings: Mapping[str, str], steps: Steps
) -> Installation:
    """What serves. Raises what would keep it from being rolled back: before a snapshot is taken for it in vain."""
    with world.store.lock(app):
        settle(world, app, steps)
        before, release = _planned(world, app, to, sure, settings)
        site = world.site(before.kind, steps)
        given, after = _given(site, before, release, settings), before.with_release(release, before.settings)
        check_settings(release, given)
        preflight(site, after)
        accessory_data.check_data(site, before, after, given)
    return before


def _given(site: Site, before: Installation, release: Release, settings: Mapping[str, str]) -> dict[str, str]:
    return with_given(release, site.store.settings(before.app, before.settings), settings)


def _planned(
    world: World, app: str, to: str | None, sure: bool, settings: Mapping[str, str]
) -> tuple[Installation, Release]:
    before = must_run(world.installed(app))
    try:
        release = plan_rollback(before, to)
        current = world.store.settings(app, before.settings)
        check_accessories(before, release, current, with_given(release, current, settings))
        if not sure and (changed := past_migrations(before, release)):
            raise DataIsNewer(app, changed, release.version)
    except Refused as refused:
        raise _with_a_way(world, app, to, refused) from None
    return before, release


def _with_a_way(world: World, app: str, to: str | None, refused: Refused) -> Refused:
    """Where the data keeps it from going back, and there is data to go back to, that is the next step."""
    if refused.name in ("irreversible", "accessory-data", DataIsNewer.key) and (way := way_with_data(world, app, to)):
        instead, _, _ = refused.next_step.partition(RESTORE)
        refused.next_step = f"{instead}go back with the data from before the update: {way}"
    elif RESTORE in refused.next_step and world.repositories.plan(app) is not None:
        refused.next_step = f"{refused.next_step.partition(RESTORE)[0]}choose a snapshot: discode restore {app}"
    return refused


def _rollback(
    world: World, app: str, to: str | None, sure: bool, settings: Mapping[str, str], snapshot: str | None, steps: Steps
) -> Result | Missing:
    before, release = _planned(world, app, to, sure, settings)
    site = world.site(before.kind, steps)
    if missing := lacks(site, before, release):
        return missing
    with steps("preflight", "Checking disk, memory and settings"):
        site.proxy.ensure()
        after = _rolled_back(site, before, release, settings)
        preflight(site, after)
        accessory_data.check_data(site, before, after, _given(site, before, release, settings))
    replace(site, Journal(flow="rollback", started=world.clock.now(), before=before, after=after, snapshot=snapshot))
    return Result(
        "rollback", app, "rolled-back", before.version, release.version, str(after.instance), steps.seconds,
        snapshot=snapshot,
    )  # fmt: skip


def _rolled_back(site: Site, before: Installation, release: Release, settings: Mapping[str, str]) -> Installation:
    """An update will not go to the release that was left by itself: the customer had a reason."""
    after = before.with_release(release, next_settings(site, before, release, settings))
    if not before.is_newer_than(release):
        return after
    return after.remembering(before.release, "it was rolled back here.", site.clock.now(), again=False)
