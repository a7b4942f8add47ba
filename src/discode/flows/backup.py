"""Back an app up: one snapshot holds all of it, or there is none; the app goes on as if nothing were.

1. see that the repository is there, before anything else
2. take the app's lock, settle whatever an earlier run left; from here to 5 nobody changes what is installed
3. stage what must be consistent: what Discode knows of the app; databases, by themselves, while the app writes
4. volumes that nothing else makes consistent: copy them, then hold requests and copy what has changed since. This has
   a journal, and a crash is settled: requests go on
5. let go of the lock: what the storage takes keeps nobody waiting
6. one snapshot of what is staged and of the other volumes as they are; forget it if the app is another one by now
7. history; what is staged goes, however it ended

A repository that fails has touched nothing but itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .. import __version__
from ..core.backup_errors import BackupFailed
from ..core.errors import Busy, DiscodeError, Failed, PreflightError
from ..core.history import BACKUP, HistoryEntry
from ..core.installation import Installation
from ..core.journal import Journal
from ..core.quantity import format_size
from ..core.snapshot import RECORD, Cause, Part, SnapshotRecord
from ..ports.backups import Backups, Saved, Staging, Survey
from ..ports.proxy import Mode
from .conclude import conclude_at_once
from .record import is_told
from .settle import settle
from .world import Result, Site, Steps, World

ROOM = 64 * 1024 * 1024  # bytes that stay free beside what is staged
DOCUMENTS, VOLUMES, DATABASES = "documents", "volumes", "databases"
SIDES = ("-wal", "-shm", "-journal")  # of a SQLite file that is open


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


def take(world: World, app: str, steps: Steps, cause: Cause) -> Taken:
    """A snapshot, with a line in the history whether it was taken or not. The caller does not hold the app's lock."""
    with world.store.backing_up(app):
        begun = world.clock.now()
        staging = world.repositories.staging(app)
        try:
            taken = _take(world, app, staging, steps, cause, begun)
        except DiscodeError as error:
            _tell_history(world, app, begun, steps, None, error)
            raise
        finally:
            staging.clear()
        _tell_history(world, app, begun, steps, taken, None)
    return taken


def _take(world: World, app: str, staging: Staging, steps: Steps, cause: Cause, begun: float) -> Taken:
    repository = world.repositories.open(app)
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

    def staged(self) -> SnapshotRecord:
        with self.steps("stage", "Copying what must be consistent"):
            volumes = self.site.runtime.volume_paths(self.before.app)
            seen = {name: self.staging.survey(path) for name, path in volumes.items()}
            held = {name: path for name, path in volumes.items() if self._has_to_be_held(seen[name])}
            self._check_room(seen, held)
            self._documents()
            for name, path in volumes.items():
                if name not in held:
                    self._read_live(name, path, seen[name])
        if held:
            self._hold(held, seen)
        one = self.before
        record = SnapshotRecord(
            app=one.app, version=one.version, key=one.release.key, kind=one.kind,
            architecture=self.world.repositories.architecture(), taken=self._taken, discode=__version__,
            cause=self.cause, held=round(self._held, 3), parts=tuple(self._parts),
        )  # fmt: skip
        self.staging.document(RECORD, record.as_json().encode())
        return record

    def _has_to_be_held(self, seen: Survey) -> bool:
        """The vendor says `hold` of an app that must be alone with its data, and no database of it can be copied by
        itself."""
        is_single = self.before.release.manifest.update.strategy == "hold" and self.before.state == "running"
        return is_single and not seen.databases

    def _check_room(self, seen: Mapping[str, Survey], held: Mapping[str, Path]) -> None:
        """Raises PreflightError."""
        needed = ROOM + sum(seen[name].size for name in held)
        needed += sum(sum(one.databases.values()) for one in seen.values()) if self.before.state == "running" else 0
        if (free := self.staging.free()) < needed:
            raise PreflightError(
                f"The backup of {self.before.app} needs {format_size(needed)} of disk space for copies, but only "
                f"{format_size(free)} are free. Nothing was changed.",
                "Free some space, then run the command again.",
                key="disk-full",
            )

    def _documents(self) -> None:
        """What another machine has to know to run the app as it is."""
        one, store = self.before, self.world.store
        found = dict(self.world.repositories.documents(one.app))
        found["installation.json"] = one.as_json().encode()
        found["settings.json"] = _as_json(store.settings(one.app, one.settings))
        certificate = store.certificate(one.app, one.route.certificate) if one.route.certificate else None
        if certificate is not None:
            found["certificate.pem"], found["certificate.key"] = certificate.chain, certificate.key
        for name, data in found.items():
            self.staging.document(f"{DOCUMENTS}/{name}", data)
        self._add("documents", DOCUMENTS, self.staging.places(DOCUMENTS), sum(map(len, found.values())))

    def _read_live(self, name: str, path: Path, seen: Survey) -> None:
        self.live.append(path)
        is_running = self.before.state == "running"
        databases = seen.databases if is_running else {}  # of a stopped app all is read as it is
        size = seen.size - sum(databases.values())
        self._parts.append(
            Part(kind="volume", name=name, path=str(path), size=size, how="live" if is_running else "stopped")
        )
        for database in databases:
            self.staging.copy_database(path, database, f"{DATABASES}/{name}")
            self.excluded += [path / f"{database}{side}" for side in ("", *SIDES)]
        if databases:
            self._add("databases", name, self.staging.places(f"{DATABASES}/{name}"), sum(databases.values()))

    def _hold(self, held: Mapping[str, Path], seen: Mapping[str, Survey]) -> None:
        longest = self.before.release.manifest.update.hold
        with self.steps("copy", "Copying volumes"):
            for name, path in held.items():
                self.staging.copy_volume(path, f"{VOLUMES}/{name}")
        with self.steps("hold", "Holding requests while the last changes are copied"):
            begun = self.world.clock.monotonic()
            with _requests_held(self.site, self.before, longest, self._begun):
                for name, path in held.items():
                    left = 0.9 * longest - (self.world.clock.monotonic() - begun)
                    self.staging.copy_volume(path, f"{VOLUMES}/{name}", left)
            self._held = self.world.clock.monotonic() - begun
        for name in held:
            place = self.staging.places(f"{VOLUMES}/{name}")
            self._parts.append(Part(kind="volume", name=name, path=str(place), size=seen[name].size, how="held"))

    def _add(self, kind: str, name: str, place: Path, size: int) -> None:
        self._parts.append(Part.checked(kind=kind, name=name, path=str(place), size=size))


@contextmanager
def _requests_held(site: Site, before: Installation, longest: float, begun: float) -> Iterator[None]:
    """No request is under way inside. An app that a proxy holds already, or has stopped, is left as it is.

    Raises BackupFailed when the block takes too long; whatever it raises, and a signal too, requests go on.
    """
    site.proxy.ensure()
    serving = site.proxy.serving(before.app)
    if serving is None or serving.mode is not Mode.RUNNING:
        yield
        return
    journal = Journal(flow="backup", started=begun, before=before, after=before)
    with site.system.guarded(before.app):
        try:
            site.store.write_journal(journal)
            site.proxy.pause(before.app, longest)
            yield
            site.proxy.resume(before.app)
            site.store.clear_journal(before.app)
        except BaseException as error:  # noqa: BLE001 - whatever it is, requests go on
            conclude_at_once(site, journal, error)
            raise _too_long(before, longest) if isinstance(error, TimeoutError) else error from None


def _too_long(before: Installation, longest: float) -> BackupFailed:
    return BackupFailed(
        f"Requests to {before.app} would have to wait for more than {longest:g} s, the vendor's longest, while its "
        "data is copied. They were let go, and there is no snapshot.",
        f"Try it when the app has less to do; or with the app stopped: discode stop {before.app}",
        key="held-too-long",
    )


def _as_json(settings: Mapping[str, str]) -> bytes:
    import json

    return json.dumps(settings).encode()


def _tell_history(
    world: World, app: str, begun: float, steps: Steps, taken: Taken | None, error: DiscodeError | None
) -> None:
    """Who was told that another command is at work knows it: that is no failure of backups."""
    if isinstance(error, Busy) and error.name == Busy.key:
        return
    serves = world.store.installation(app)
    if is_told(world.store, app, begun, serves.version if serves else None):
        return  # its journal was settled
    entry = HistoryEntry(
        started=begun, at=world.clock.now(), flow=BACKUP, outcome="failed" if error else "done",
        serves=serves.version if serves else None, instance=str(serves.instance) if serves else None,
        seconds={step: round(seconds, 3) for step, seconds in steps.seconds.items()},
        snapshot=taken.saved.id if taken else None, error=error.sentence if error else None,
    )  # fmt: skip
    world.store.append_history(app, entry)


def _told(taken: Taken) -> str:
    saved, held = taken.saved, taken.record.held
    waited = f" Requests were held for {held:.2g} s." if held else ""
    return f"{format_size(saved.read)} were read, {format_size(saved.added)} of them new.{waited}"
