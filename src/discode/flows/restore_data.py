"""Restore a snapshot in place: the app has all of its data and settings, or all of those from before.

1. settle; read the snapshot's record; see that it can be restored here, and that its consent was given
2. fetch its release, when another one serves; take a snapshot of what will be replaced
3. restore the data into a folder beside the volumes, while the app serves, and load its dumps into servers of their own
  (`loading.py`). Nobody holds the app's lock
4. take the lock; whoever changed the app meanwhile wins
5. journal: from here on, a crash is settled. Hold requests, stop the app and the databases beside it, swap the data
6. start the snapshot's release and its databases with its settings, switch, see that they keep answering. Until here
  all is taken back when something goes wrong, also when it takes longer than the vendor lets requests wait
7. let requests go on: what they write is in the restored data alone, so there is no way back but another restore
8. save. The data from before is kept until `prune`

Its addresses, its source and its certificate stay as they are now. One that is stopped is started by it: what does not
answer is not restored, and then it is stopped as before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from ..core.backup_errors import NoSuchSnapshot
from ..core.errors import DiscodeError, Failed, Refused
from ..core.installation import Installation
from ..core.journal import Journal, swap_of
from ..core.quantity import format_size
from ..core.release import Release
from ..core.room import must_have_room, of_restore
from ..core.snapshot import Snapshot, SnapshotRecord
from ..ports.accessories import AccessorySpec
from ..ports.backups import Backups
from . import accessories, loading
from .backup import take
from .bring import Missing, lacks, with_bytes
from .found_snapshot import LATEST, Found, read
from .instance import boot, confirm, retire_others, switch
from .prepare import settled_settings
from .record import finish
from .replace import hold, preflight, settle_after
from .settle import settle
from .snapshots import snapshots
from .world import Result, Site, Steps, World


class WouldUndo(Refused):
    """What was written since the snapshot would be undone, and the customer has not consented to that."""

    key = "would-undo"

    def __init__(self, snapshot: Snapshot, command: str):
        app = snapshot.app
        since = datetime.fromtimestamp(snapshot.taken).astimezone().strftime("%Y-%m-%d %H:%M")
        self.question = f"This undoes what was written to {app} since {since}, when the snapshot {snapshot.id} of "
        self.question += f"{snapshot.version} was taken."
        super().__init__(f"{self.question} Nothing was changed.", f"If that is what you want: {command} --yes {app}")


@dataclass(frozen=True)
class Planned:
    """From `before`, which is installed, to the snapshot; `settings` and `beside` are those that there are to be
    then."""

    before: Installation
    chosen: Found
    settings: Mapping[str, str] = field(repr=False)
    beside: Mapping[str, AccessorySpec]

    def after(self, revision: int) -> Installation:
        release = self.chosen.installation.release
        is_same = release.key == self.before.release.key
        return self.before.redeployed(revision) if is_same else self.before.with_release(release, revision)


def restore_data(world: World, app: str, which: str, *, sure: bool = False, snapshot_before: bool = True) -> Result:
    """`which`: the id of a snapshot, or `latest`. `sure`: what was written since may go. `snapshot_before`: of what is
    replaced.

    Raises WouldUndo, NoSuchSnapshot, Refused for a snapshot that cannot be restored here, what the port Backups raises;
    Failed when the data from before is back.
    """
    steps = world.steps()
    world.installed(app)
    repository = world.repositories.open(app)
    chosen = choose(world, repository, app, which, steps)
    undo = None if sure else WouldUndo(chosen.snapshot, f"discode restore {app} {chosen.snapshot.id}")
    before, after, saved, message = bring_back(world, repository, chosen, undo, steps, snapshot_before=snapshot_before)
    return Result(
        "restore", app, "restored", before.version, after.version, str(after.instance), steps.seconds, message,
        snapshot=saved,
    )  # fmt: skip


def bring_back(
    world: World, repository: Backups, chosen: Found, undo: WouldUndo | None, steps: Steps, *, snapshot_before: bool
) -> tuple[Installation, Installation, str | None, str]:
    """What was before, what there is now, the id of the snapshot of what was replaced, and what to say of it. Raises
    `undo` when nothing else keeps it from being restored."""
    app = chosen.record.app
    planned = _possible(world, chosen, undo, steps)
    before = planned.before
    saved = take(world, app, steps, "restore").saved.id if snapshot_before else None
    with world.store.backing_up(app):
        site = world.site(before.kind, steps)
        swap = swap_of(planned.after(before.settings), world.clock.now())
        with _swept(site, app):
            _make_ready(world, site, repository, planned, swap)
        with world.store.lock(app):
            settle(world, app, steps)
            told = _told(site, planned, saved)
            with _swept(site, app):
                after = _restored(site, planned)
            journal = Journal(
                flow="restore", started=world.clock.now(), before=before, after=after, snapshot=saved, swap=swap
            )
            _replace(site, journal)
    return before, after, saved, told


@contextmanager
def _swept(site: Site, app: str) -> Iterator[None]:
    """What has been made ready goes with what the block raises."""
    try:
        yield
    except BaseException:
        with suppress(DiscodeError):  # then the next settling does it
            loading.sweep(site, app)
            site.runtime.drop_swaps(app)
        raise


def _told(site: Site, planned: Planned, saved: str | None) -> str:
    before, manifest = planned.before, planned.chosen.installation.release.manifest
    told = [f"Data and settings are those of the snapshot {planned.chosen.snapshot.id}."]
    here, there = accessories.specs(site, before), planned.beside
    elsewhere = [one for one in before.release.manifest.accessories if one not in here and one in there]
    told += [f"It uses the {one} beside it now; the one at your address was not touched." for one in elsewhere]
    told += [_of_an_address(planned.chosen.record, one) for one in manifest.accessories if one not in there]
    stays = f"stays on this disk until: discode prune {before.app}"
    if not saved:
        return " ".join((*told, f"What they replaced {stays}"))
    told.append(f"What they replaced is the snapshot {saved}: to go back, discode restore {before.app} {saved}.")
    return " ".join((*told, f"With what was written after that snapshot, it also {stays}"))


def _of_an_address(record: SnapshotRecord, accessory: str) -> str:
    told = f"It uses the {accessory} at your address, which was not touched."
    if any(part.kind == "elsewhere" and part.name == accessory for part in record.parts):
        return f"{told} To load what the snapshot has of it: docs/backup.md, Without Discode."
    return f"{told} Nothing of it is in the snapshot."


def choose(world: World, repository: Backups, app: str, which: str, steps: Steps) -> Found:
    found = {one.id: one for one in snapshots(world, app, steps)}
    one = found.get(which) if which != LATEST else next(reversed(found.values()), None)
    if one is None:
        raise NoSuchSnapshot(
            f"There is no snapshot {which if which != LATEST else 'yet'} of {app}. Nothing was changed.",
            f"See which there are: discode backup list {app}",
        )
    with steps("record", f"Reading what the snapshot {one.id} holds"):
        return read(repository, one, world.repositories.architecture())


def _possible(world: World, chosen: Found, undo: WouldUndo | None, steps: Steps) -> Planned:
    """With the bytes of the snapshot's release on this machine. Raises what keeps it from being restored, while nothing
    is touched."""
    app, release = chosen.record.app, chosen.installation.release
    found: list[Planned] = []

    def look() -> Result | Missing:
        before = world.installed(app)
        _check_kind(before, chosen)
        site = world.site(before.kind, steps)
        site.runtime.check_swap(app)
        wanted = settled_settings(site, release, chosen.settings)
        beside = accessories.specs_with(site, before.with_release(release, before.settings), wanted)
        loading.check_dumps(chosen.record, beside)
        if undo is not None:
            raise undo
        if missing := _lacks(site, before, release, wanted):
            return missing
        with steps("preflight", "Checking disk, memory and settings"):
            site.proxy.ensure()
            loaded = [beside[part.name].accessory for part in chosen.record.dumps if part.name in beside]
            preflight(site, before.with_release(release, before.settings), loaded)
            _check_room(site, chosen)
        found[:] = [Planned(before, chosen, wanted, beside)]
        return Result("restore", app, "possible")

    with_bytes(world, app, steps, look, "Nothing was changed.")
    return found[0]


def _lacks(site: Site, before: Installation, release: Release, settings: Mapping[str, str]) -> Missing | None:
    """As `lacks`, with the settings of the snapshot."""
    if not (site.runtime.has(release) and accessories.have_images(site, release, settings)):
        return Missing(before.source, release, settings)
    return lacks(site, before, before.release)


def _check_kind(before: Installation, chosen: Found) -> None:
    """Raises Refused."""
    was = chosen.installation
    if was.kind != before.kind:
        raise Refused(
            f"The snapshot is of {was.version}, which is an {was.kind}; here {before.app} is an {before.kind}. "
            "Nothing was changed.",
            "How to restore by hand, with restic: docs/backup.md, By hand",
            key="restore-by-hand",
        )


def _check_room(site: Site, chosen: Found) -> None:
    """For what it replaces is kept. Raises PreflightError."""
    needed = of_restore(chosen.record.size, [part.size for part in chosen.record.dumps])
    must_have_room(f"The restore of the snapshot {chosen.snapshot.id}", needed, site.runtime.free_disk())


def _make_ready(world: World, site: Site, repository: Backups, planned: Planned, swap: str) -> None:
    """Raises what the ports raise, BackupFailed for a dump that cannot be loaded; the app is not touched."""
    record, snapshot = planned.chosen.record, planned.chosen.snapshot
    loading.sweep(site, record.app)  # what one that was killed has left
    site.runtime.drop_swaps(record.app)
    place = site.runtime.incoming(record.app, swap)
    tree = place.with_name("restored")
    with site.steps("restore", f"Restoring {format_size(record.size)} beside the data"):
        repository.restore(snapshot, tree, world.report)
    loading.load(site, planned.before, record, planned.beside, tree)
    with site.steps("restore", "Making the volumes ready"):
        world.repositories.lay_out(tree, record, place)
        loading.hand_over(site, record, planned.beside, place)
        loading.sweep(site, record.app)


def _restored(site: Site, planned: Planned) -> Installation:
    """A newer release that is left by this is not gone to again by itself, as after a rollback. Raises Failed when
    another command has changed the app meanwhile: nobody consented to that being undone."""
    before, chosen = planned.before, planned.chosen
    if site.store.installation(before.app) != before:
        raise Failed(
            f"{before.app} was changed by another command meanwhile, so it was not restored.",
            f"Run the command again: discode restore {before.app} {chosen.snapshot.id}",
            key="changed-meanwhile",
        )
    revision = before.settings
    if planned.settings != site.store.settings(before.app, revision):
        revision += 1
        site.store.save_settings(before.app, revision, dict(planned.settings))
    after = planned.after(revision)
    if not before.is_newer_than(after.release):
        return after
    return after.remembering(before.release, "data from before it was restored.", site.clock.now(), again=False)


def _replace(site: Site, journal: Journal) -> None:
    """Returns when `after` serves with the data of the snapshot. Raises what went wrong, in words that say what serves
    now; then it is `before`, with its data."""
    with site.system.guarded(journal.app):
        try:
            site.store.write_journal(journal)
            _swap_and_confirm(site, journal)
            journal = journal.proved()
            site.store.write_journal(journal)
            site.proxy.resume(journal.app)
            _end(site, journal)
        except BaseException as error:  # noqa: BLE001 - whatever it is, and a signal too, the flow is settled
            settle_after(site, journal, error)
        finally:
            with suppress(DiscodeError):
                site.runtime.drop_swaps(journal.app)


def _swap_and_confirm(site: Site, journal: Journal) -> None:
    before, after = journal.before, journal.after
    assert before is not None and after is not None
    held = hold(site, before, after)
    with site.steps("swap", "Putting the data in its place"):
        site.runtime.sweep(after.app, living=True)  # what was run in the app by hand has the volumes, too
        if accessories.has_any(before, after):
            accessories.let_go(site, after.app)
        site.runtime.swap_data(after.app, journal.swap)
    with site.steps("boot", f"Starting {after.instance}"):
        beside = accessories.have_run(site, after, held.left)
        endpoint = boot(site, after, held.left())
    with site.steps("switch", f"Switching to {after.version}"):
        switch(site, after, endpoint)
    with site.steps("confirm", f"Watching {after.version} while requests wait"):
        confirm(site, after, (lambda: accessories.trouble(site, beside)) if beside else None, held.left())


def _end(site: Site, journal: Journal) -> None:
    after = journal.after
    assert after is not None
    with site.steps("stop", "Removing the instance from before"):
        site.proxy.drained(after.app, after.release.manifest.update.drain)
        retire_others(site, after, after.app)
        if accessories.has_any(journal.before, after):
            accessories.retire_others(site, after, after.app)
    with site.steps("save", "Saving"):
        finish(site, journal, "after", "done")
