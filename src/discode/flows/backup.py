"""Back an app up: one snapshot holds all of it, or there is none; the app goes on as if nothing were.

1. see that the repository is there, before anything else
2. take the app's lock, settle whatever an earlier run left; from here to 5 nobody changes what is installed
3. stage what must be consistent: what Discode knows of the app; dumps of the databases beside it, or at addresses of
   the customer's, before the files that they may tell of; SQLite's, by itself. The app writes all the while
4. volumes that nothing else makes consistent: copy them, then hold requests, or run the vendor's commands, and copy
   what has changed since. This has a journal, and a crash is settled: the app goes on
5. let go of the lock: what the storage takes keeps nobody waiting
6. one snapshot of what is staged and of the other volumes as they are; forget it if the app is another one by now
7. history; what is staged goes, however it ended

A repository that fails has touched nothing but itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import __version__
from ..core.errors import Busy, DiscodeError, Failed
from ..core.history import BACKUP, EXPORT, HistoryEntry
from ..core.installation import Installation
from ..core.quantity import format_size
from ..core.room import must_have_room
from ..core.snapshot import RECORD, WITH_DUMPS, WITH_ELSEWHERE, Cause, Part, SnapshotRecord
from ..ports.backups import Backups, Saved, Staging
from . import data, quiesce
from .data import Data, Volume
from .dumps import dump, dump_elsewhere
from .record import is_told
from .settle import settle
from .stillness import quiesced, requests_held
from .world import Result, Steps, World

DOCUMENTS, VOLUMES, DATABASES = "documents", "volumes", "databases"


@dataclass(frozen=True)
class Taken:
    """A snapshot that was just taken, of this installation."""

    installation: Installation
    record: SnapshotRecord
    saved: Saved


def backup(world: World, app: str, *, cause: Cause = "asked") -> Result:
    """Raises what the ports Backups and Staging raise; Failed when the app was changed meanwhile."""
    steps = world.steps()
    world.installed(app)
    taken = take(world, app, steps, cause)
    one = taken.installation
    return Result(
        "backup", app, "backed-up", one.version, one.version, str(one.instance), steps.seconds, _told(taken),
        snapshot=taken.saved.id,
    )  # fmt: skip


def take(world: World, app: str, steps: Steps, cause: Cause, into: Backups | None = None) -> Taken:
    """A snapshot, with a line in the history whether it was taken or not. The caller does not hold the app's lock.
    `into`: another repository than the app's own."""
    with world.store.backing_up(app):
        begun = world.clock.now()
        staging = world.repositories.staging(app)
        try:
            taken = _take(world, app, staging, steps, cause, begun, into or world.repositories.open(app))
        except DiscodeError as error:
            _tell_history(world, app, begun, steps, None, error, cause)
            raise
        finally:
            staging.clear()
        _tell_history(world, app, begun, steps, taken, None, cause)
    return taken


def _take(
    world: World, app: str, staging: Staging, steps: Steps, cause: Cause, begun: float, repository: Backups
) -> Taken:
    with steps("repository", "Opening the repository"):
        repository.look()
    staging.clear()
    with world.store.lock(app):
        settle(world, app, steps)
        making = _Making(world, world.installed(app), staging, steps, cause, begun)
        record = making.staged()
    with steps("save", "Saving the snapshot"):
        saved = repository.save(record, staging.path, making.live, making.excluded, world.report)
    _must_be_the_same(world, making.before, repository, saved)
    return Taken(making.before, record, saved)


def _must_be_the_same(world: World, before: Installation, repository: Backups, saved: Saved) -> None:
    """Of volumes that were read while a release command changed them nobody knows what they hold."""
    now, journal = world.store.installation(before.app), world.store.journal(before.app)
    if now is not None and now.instance == before.instance and journal is None:
        return
    repository.forget([one for one in repository.snapshots() if one.id == saved.id], world.report)
    raise Failed(
        f"{before.app} was changed by another command while it was being backed up, so there is no snapshot of it.",
        f"Once that command is done: discode backup now {before.app}",
        key="changed-meanwhile",
    )


class _Making:
    """The staging of one snapshot, under the app's lock. `live` are volumes that are read as they are, without the
    files that are `excluded`."""

    def __init__(self, world: World, before: Installation, staging: Staging, steps: Steps, cause: Cause, begun: float):
        self.world, self.before, self.staging, self.steps, self.cause = world, before, staging, steps, cause
        self.site = world.site(before.kind, steps)
        self.live: list[Path] = []
        self.excluded: list[Path] = []
        self._begun, self._taken = begun, world.clock.now()
        self._held = 0.0
        self._parts: list[Part] = []
        self._missing: list[str] = []

    def staged(self) -> SnapshotRecord:
        with self.steps("stage", "Copying what must be consistent"):
            found = data.of(self.site, self.before, self.staging)
            self._check_room(found)
            self._documents()
        self._dumps(found)
        self._volumes(found)
        one, parts = self.before, tuple(self._parts)
        record = SnapshotRecord(
            snapshot_schema=self._schema(), app=one.app, version=one.version, key=one.release.key,
            kind=one.kind, architecture=self.world.repositories.architecture(), taken=self._taken, discode=__version__,
            cause=self.cause, held=round(self._held, 3), parts=parts, missing=tuple(self._missing),
        )  # fmt: skip
        self.staging.document(RECORD, record.as_json().encode())
        return record

    def _schema(self) -> int:
        kinds = {one.kind for one in self._parts}
        return WITH_ELSEWHERE if "elsewhere" in kinds else WITH_DUMPS if "dump" in kinds else 1

    def _dumps(self, found: Data) -> None:
        own = {spec.name: spec for spec in found.dumped}
        for name in data.queues_first(self.before, [*own, *found.elsewhere]):
            if name in own:
                with self.steps("dump", f"Dumping {own[name].container}"):
                    self._parts.append(dump(self.site, own[name], self.staging))
            else:
                self._elsewhere(name)

    def _elsewhere(self, name: str) -> None:
        with self.steps("dump", f"Dumping the {name} at your address"):
            made = dump_elsewhere(self.site, self.before, name, self.staging)
        if isinstance(made, Part):
            self._parts.append(made)
            return
        self._missing.append(name)
        self.world.report.note(
            f"The {name} at your address is not in the snapshot: {made}. All else is. Back it up where it is."
        )

    def _check_room(self, found: Data) -> None:
        """Raises PreflightError."""
        must_have_room(f"The backup of {self.before.app}", found.staged_size, self.staging.free())

    def _documents(self) -> None:
        """What another machine has to know to run the app as it is."""
        one, store = self.before, self.world.store
        found = dict(self.world.repositories.documents(one.app))
        found["installation.json"] = one.as_json().encode()
        found["settings.json"] = json.dumps(store.settings(one.app, one.settings)).encode()
        certificate = store.certificate(one.app, one.route.certificate) if one.route.certificate else None
        if certificate is not None:
            found["certificate.pem"], found["certificate.key"] = certificate.chain, certificate.key
        for name, content in found.items():
            self.staging.document(f"{DOCUMENTS}/{name}", content)
        self._add("documents", DOCUMENTS, self.staging.places(DOCUMENTS), sum(map(len, found.values())))

    def _volumes(self, found: Data) -> None:
        for one in found.volumes.values():
            if one.how in ("live", "stopped"):
                self._read_live(one)
        if self.before.state == "running" and quiesce.has_commands(self.before):
            self._quiesce([one for one in found.volumes.values() if one.how == "quiesced"])
        if held := [one for one in found.volumes.values() if one.how == "held"]:
            self._hold(held)

    def _read_live(self, one: Volume) -> None:
        self.live.append(one.path)
        self.excluded += [one.path / name for name in one.left_out]
        self._parts.append(Part(kind="volume", name=one.name, path=str(one.path), size=one.rest, how=one.how))
        self._databases(one)

    def _databases(self, one: Volume) -> None:
        for database in one.databases:
            self.staging.copy_database(one.path, database, f"{DATABASES}/{one.name}")
        if one.databases:
            place = self.staging.places(f"{DATABASES}/{one.name}")
            self._add("databases", one.name, place, sum(one.databases.values()))

    def _quiesce(self, volumes: Sequence[Volume]) -> None:
        self._copy(volumes)
        step = self.steps("quiesce", "Copying the last changes between the vendor's commands")
        with step, quiesced(self.site, self.before, self._begun):
            for one in volumes:
                self.staging.copy_volume(one.path, f"{VOLUMES}/{one.name}", without=one.left_out)
                self._databases(one)
        self._are_copied(volumes)

    def _hold(self, volumes: Sequence[Volume]) -> None:
        longest = self.before.release.manifest.update.hold
        self._copy(volumes)
        with self.steps("hold", "Holding requests while the last changes are copied"):
            begun = self.world.clock.monotonic()
            with requests_held(self.site, self.before, longest, self._begun):
                for one in volumes:
                    left = 0.9 * longest - (self.world.clock.monotonic() - begun)
                    self.staging.copy_volume(one.path, f"{VOLUMES}/{one.name}", left, without=one.left_out)
            self._held = self.world.clock.monotonic() - begun
        self._are_copied(volumes)

    def _copy(self, volumes: Sequence[Volume]) -> None:
        """For the first time, while the app goes on: what is left to copy in the second one is little."""
        with self.steps("copy", "Copying volumes"):
            for one in volumes:
                self.staging.copy_volume(one.path, f"{VOLUMES}/{one.name}", without=one.left_out)

    def _are_copied(self, volumes: Sequence[Volume]) -> None:
        for one in volumes:
            place = self.staging.places(f"{VOLUMES}/{one.name}")
            self._parts.append(Part(kind="volume", name=one.name, path=str(place), size=one.rest, how=one.how))

    def _add(self, kind: str, name: str, place: Path, size: int) -> None:
        self._parts.append(Part.checked(kind=kind, name=name, path=str(place), size=size))


def _tell_history(
    world: World, app: str, begun: float, steps: Steps, taken: Taken | None, error: DiscodeError | None, cause: Cause
) -> None:
    """Who was told that another command is at work knows it: that is no failure of backups."""
    if isinstance(error, Busy) and error.name == Busy.key:
        return
    serves = world.store.installation(app)
    if is_told(world.store, app, BACKUP, begun, serves.version if serves else None):
        return  # its journal was settled
    flow = EXPORT if cause == "export" else BACKUP
    entry = HistoryEntry(
        started=begun, at=world.clock.now(), flow=flow, outcome="failed" if error else "done",
        serves=serves.version if serves else None, instance=str(serves.instance) if serves else None,
        seconds={step: round(seconds, 3) for step, seconds in steps.seconds.items()},
        snapshot=taken.saved.id if taken else None, missing=taken.record.missing if taken else (),
        error=error.sentence if error else None,
    )  # fmt: skip
    world.store.append_history(app, entry)


def _told(taken: Taken) -> str:
    saved, held = taken.saved, taken.record.held
    waited = f" Requests were held for {held:.2g} s." if held else ""
    missing = "".join(f" Without the {name} at your address." for name in taken.record.missing)
    sizes = f"{format_size(saved.read)} were read, and {format_size(saved.added)} added to the repository."
    return f"It is the snapshot {saved.id}. {sizes}{waited}{missing}"
