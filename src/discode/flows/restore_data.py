"""Restore a snapshot in place: the app has all of its data and settings, or all of those from before.

1. settle; read the snapshot's record; see that it can be restored here, and that its consent was given
2. fetch its release, when another one serves; take a snapshot of what will be replaced
3. restore the data into a folder beside the volumes, while the app serves. Nobody holds the app's lock
4. take the lock; whoever changed the app meanwhile wins
5. journal: from here on, a crash is settled. Hold requests, stop the app, swap the data
6. start the snapshot's release with its settings, switch, see that it keeps answering. Until here all is taken back
   when something goes wrong, also when it takes longer than the vendor lets requests wait
7. let requests go on: what they write is in the restored data alone, so there is no way back but another restore
8. save. The data from before is kept until `prune`

Its addresses, its source and its certificate stay as they are now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from ..core.backup_errors import NoSuchSnapshot
from ..core.errors import DiscodeError, Failed, PreflightError, Refused
from ..core.installation import Installation
from ..core.journal import Journal, swap_of
from ..core.model import ValidationError
from ..core.quantity import format_size
from ..core.snapshot import RECORD, RESTORED, Snapshot, SnapshotRecord, check_architecture, read_record
from ..ports.backups import Backups
from .accessories import has_any
from .backup import DOCUMENTS, take
from .bring import Missing, lacks, with_bytes
from .instance import boot, confirm, retire_others, switch
from .prepare import check_settings, must_run, settled_settings
from .record import finish
from .replace import hold, preflight, settle_after
from .settle import settle
from .snapshots import snapshots
from .world import Result, Site, Steps, World

ROOM = 64 * 1024 * 1024  # bytes that stay free beside what is restored
LATEST = "latest"


class WouldUndo(Refused):
    """What was written since the snapshot would be undone, and the customer has not consented to that."""

    key = "would-undo"

    def __init__(self, app: str, snapshot: Snapshot):
        since = datetime.fromtimestamp(snapshot.taken).astimezone().strftime("%Y-%m-%d %H:%M")
        self.question = f"This undoes what was written to {app} since {since}, when the snapshot {snapshot.id} of "
        self.question += f"{snapshot.version} was taken."
        super().__init__(
            f"{self.question} Nothing was changed.",
            f"If that is what you want: discode restore {app} {snapshot.id} --yes {app}",
        )


@dataclass(frozen=True)
class Chosen:
    """A snapshot that can be restored here, with what its documents say: the installation as it was."""

    snapshot: Snapshot
    record: SnapshotRecord
    installation: Installation
    settings: Mapping[str, str] = field(repr=False)


def restore_data(world: World, app: str, which: str, *, sure: bool = False, snapshot_before: bool = True) -> Result:
    """`which`: the id of a snapshot, or `latest`. `sure`: what was written since may go. `snapshot_before`: of what is
    replaced.

    Raises WouldUndo, NoSuchSnapshot, Refused for a snapshot that cannot be restored here, what the port Backups raises;
    Failed when the data from before is back.
    """
    steps = world.steps()
    world.installed(app)
    repository = world.repositories.open(app)
    chosen = _chosen(world, repository, app, which, steps)
    before = _possible(world, chosen, sure, steps)
    saved = take(world, app, steps, "restore").saved.id if snapshot_before else None
    with world.store.backing_up(app):
        site = world.site(before.kind, steps)
        swap = swap_of(_next(before, chosen, before.settings), world.clock.now())
        try:
            _make_ready(world, site, repository, chosen, swap)
        except BaseException:
            _drop_incoming(site, app)
            raise
        with world.store.lock(app):
            settle(world, app, steps)
            after = _restored(site, _as_planned(site, before, chosen), chosen)
            journal = Journal(
                flow="restore", started=world.clock.now(), before=before, after=after, snapshot=saved, swap=swap
            )
            _replace(site, journal)
    return Result(
        "restore", app, "restored", before.version, after.version, str(after.instance), steps.seconds,
        _told(app, chosen, saved), snapshot=saved,
    )  # fmt: skip


def _drop_incoming(site: Site, app: str) -> None:
    with suppress(DiscodeError):  # then the next settling does it
        site.runtime.drop_swaps(app)


def _told(app: str, chosen: Chosen, saved: str | None) -> str:
    told = f"Data and settings are those of the snapshot {chosen.snapshot.id}. "
    back = f"What they replaced is the snapshot {saved}: to go back, discode restore {app} {saved}. " if saved else ""
    return f"{told}{back}It stays on this disk, too, until: discode prune {app}"


def _chosen(world: World, repository: Backups, app: str, which: str, steps: Steps) -> Chosen:
    found = {one.id: one for one in snapshots(world, app, steps)}
    one = found.get(which) if which != LATEST else next(reversed(found.values()), None)
    if one is None:
        raise NoSuchSnapshot(
            f"There is no snapshot {which if which != LATEST else 'yet'} of {app}. Nothing was changed.",
            f"See which there are: discode backup list {app}",
        )
    with steps("record", f"Reading what the snapshot {one.id} holds"):
        record = read_record(repository.read(one, RECORD))
        _check_record(record, app, world.repositories.architecture())
        return Chosen(one, record, *_documents(repository, one))


def _check_record(record: SnapshotRecord, app: str, machine: str) -> None:
    """Raises Refused for what cannot be restored here, or not all of it."""
    check_architecture(record, machine)
    if record.app != app:
        raise Refused(
            f"The snapshot is of {record.app}, not of {app}. Nothing was changed.",
            f"See which there are: discode backup list {app}",
            key="other-app",
        )
    if strange := [part.kind for part in record.parts if part.kind not in RESTORED]:
        raise Refused(
            f"The snapshot has a part that cannot be restored yet ({strange[0]}). Nothing was changed.",
            "How to restore by hand, with restic: docs/backup.md, By hand",
            key="restore-by-hand",
        )


def _documents(repository: Backups, one: Snapshot) -> tuple[Installation, dict[str, str]]:
    """Raises Refused for damaged ones."""
    try:
        was = Installation.read_json(repository.read(one, f"{DOCUMENTS}/installation.json"))
        settings = json.loads(repository.read(one, f"{DOCUMENTS}/settings.json"))
        return was, {str(name): str(value) for name, value in settings.items()}
    except (ValidationError, ValueError, AttributeError):
        raise Refused(
            f"What the snapshot {one.id} says of the installation is damaged. Nothing was changed.",
            f"Choose another snapshot: discode backup list {one.app}",
            key="damaged-snapshot",
        ) from None


def _possible(world: World, chosen: Chosen, sure: bool, steps: Steps) -> Installation:
    """What serves, with the bytes of the snapshot's release on this machine. Raises what keeps it from being restored,
    while nothing is touched."""
    app = chosen.record.app
    found: list[Installation] = []

    def look() -> Result | Missing:
        before = must_run(world.installed(app))
        site = world.site(before.kind, steps)
        _check_alike(before, chosen)
        site.runtime.incoming(app, chosen.snapshot.id)
        if not sure:
            raise WouldUndo(app, chosen.snapshot)
        if missing := lacks(site, before, chosen.installation.release):
            return missing
        with steps("preflight", "Checking disk, memory and settings"):
            site.proxy.ensure()
            check_settings(chosen.installation.release, chosen.settings)
            preflight(site, before.with_release(chosen.installation.release, before.settings))
            _check_room(site, chosen)
        found[:] = [before]
        return Result("restore", app, "possible")

    with_bytes(world, app, steps, look, "Nothing was changed.")
    return found[0]


def _check_alike(before: Installation, chosen: Chosen) -> None:
    """Raises Refused for what is not swapped with its volumes: what is beside it would have other data than it."""
    was, why = chosen.installation, ""
    if was.kind != before.kind:
        why = f"The snapshot is of {was.version}, which is an {was.kind}; here {before.app} is an {before.kind}."
    elif has_any(was, before):
        why = f"{before.app} has databases of its own beside it, which cannot be restored yet."
    if why:
        raise Refused(
            f"{why} Nothing was changed.",
            "How to restore by hand, with restic: docs/backup.md, By hand",
            key="restore-by-hand",
        )


def _check_room(site: Site, chosen: Chosen) -> None:
    """Raises PreflightError."""
    needed, free = ROOM + chosen.record.size, site.runtime.free_disk()
    if free < needed:
        raise PreflightError(
            f"To restore the snapshot {chosen.snapshot.id} needs {format_size(needed)} of disk space, for what it "
            f"replaces is kept, but only {format_size(free)} are free. Nothing was changed.",
            "Free some space, then run the command again.",
            key="disk-full",
        )


def _make_ready(world: World, site: Site, repository: Backups, chosen: Chosen, swap: str) -> None:
    """Raises what the ports raise; the app is not touched."""
    place = site.runtime.incoming(chosen.record.app, swap)
    tree = place.with_name("restored")
    site.runtime.drop_swaps(chosen.record.app)  # what one that was killed has left
    with site.steps("restore", f"Restoring {format_size(chosen.record.size)} beside the data"):
        repository.restore(chosen.snapshot, tree, world.report)
        world.repositories.lay_out(tree, chosen.record, place)


def _as_planned(site: Site, before: Installation, chosen: Chosen) -> Installation:
    """What serves. Raises Failed when another command has changed the app meanwhile: nobody consented to that being
    undone."""
    if site.store.installation(before.app) != before:
        _drop_incoming(site, before.app)
        raise Failed(
            f"{before.app} was changed by another command meanwhile, so it was not restored.",
            f"Run the command again: discode restore {before.app} {chosen.snapshot.id}",
            key="changed-meanwhile",
        )
    return before


def _restored(site: Site, before: Installation, chosen: Chosen) -> Installation:
    """A newer release that is left by this is not gone to again by itself, as after a rollback."""
    release, revision = chosen.installation.release, before.settings
    wanted = settled_settings(site, release, chosen.settings)
    if wanted != site.store.settings(before.app, revision):
        revision += 1
        site.store.save_settings(before.app, revision, wanted)
    after = _next(before, chosen, revision)
    if not before.is_newer_than(release):
        return after
    return after.remembering(before.release, "data from before it was restored.", site.clock.now(), again=False)


def _next(before: Installation, chosen: Chosen, revision: int) -> Installation:
    release = chosen.installation.release
    is_same = release.key == before.release.key
    return before.redeployed(revision) if is_same else before.with_release(release, revision)


def _replace(site: Site, journal: Journal) -> None:
    """Returns when `after` serves with the data of the snapshot. Raises what went wrong, in words that say what serves
    now; then it is `before`, with its data."""
    with site.system.guarded(journal.app):
        try:
            site.store.write_journal(journal)
            _swap_and_confirm(site, journal)
            _end(site, journal)
        except BaseException as error:  # noqa: BLE001 - whatever it is, and a signal too, the flow is settled
            settle_after(site, journal, error)
        finally:
            _drop_incoming(site, journal.app)


def _swap_and_confirm(site: Site, journal: Journal) -> None:
    before, after = journal.before, journal.after
    assert before is not None and after is not None
    held = hold(site, before, after)
    with site.steps("swap", "Putting the data in its place"):
        site.runtime.sweep(after.app, living=True)  # what was run in the app by hand has the volumes, too
        site.runtime.swap_data(after.app, journal.swap)
    with site.steps("boot", f"Starting {after.instance}"):
        endpoint = boot(site, after, held.left())
    with site.steps("switch", f"Switching to {after.version}"):
        switch(site, after, endpoint)
    with site.steps("confirm", f"Watching {after.version} while requests wait"):
        confirm(site, after, None, held.left())
    site.proxy.resume(after.app)


def _end(site: Site, journal: Journal) -> None:
    after = journal.after
    assert after is not None
    with site.steps("stop", "Removing the instance from before"):
        site.proxy.drained(after.app, after.release.manifest.update.drain)
        retire_others(site, after, after.app)
    with site.steps("save", "Saving"):
        finish(site, journal, "after", "done")
