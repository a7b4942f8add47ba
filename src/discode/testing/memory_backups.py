"""Backups in memory: repositories that keep what is saved, a staging folder, and plans.

Volumes are folders in memory: `files` has the contents of each by its path. What is told of a repository's trouble is
raised by each of its calls.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..core.backup_errors import BackupFailed, NoRepository, NoSuchSnapshot, RepositoryMissing, WrongPassword
from ..core.backup_plan import BackupPlan
from ..core.errors import DiscodeError
from ..core.room import Disk
from ..core.snapshot import Snapshot, SnapshotRecord
from ..ports.backups import Backups, Saved, Staging, Survey
from ..ports.report import Report
from .memory_swaps import files_in

HEADER = b"SQLite format 3\0"


@dataclass
class MemoryStorage:
    """What a repository is kept on. `password`: None until it is made. `trouble`: what it answers instead."""

    password: str | None = None
    kept: dict[str, tuple[Snapshot, dict[Path, bytes]]] = field(default_factory=dict)
    trouble: DiscodeError | None = None
    number: int = 0


class MemoryBackups:
    """The port Backups. `files` is the disk."""

    def __init__(self, app: str, storage: MemoryStorage, password: str, files: dict[Path, bytes], host: str = "memory"):
        self._app, self._storage, self._password, self._files, self._host = app, storage, password, files, host

    def create(self) -> None:
        self._answer()
        if self._storage.password is not None:
            raise BackupFailed("There is a repository already.", "Join it.")
        self._storage.password = self._password

    def look(self) -> None:
        self._opened()

    def save(
        self, record: SnapshotRecord, staged: Path, volumes: Sequence[Path], excluded: Sequence[Path], report: Report
    ) -> Saved:
        self._opened()
        roots = (staged, *volumes)
        found = {
            path: data
            for path, data in self._files.items()
            if any(map(path.is_relative_to, roots)) and not any(map(path.is_relative_to, excluded))
        }
        size = sum(map(len, found.values()))
        self._storage.number += 1
        one = Snapshot(
            id=f"{self._storage.number:08x}", taken=record.taken, host=self._host, app=record.app,
            version=record.version, cause=record.cause, folder=str(staged), size=record.size,
            missing=record.missing,
        )  # fmt: skip
        self._storage.kept[one.id] = one, found
        report.progress(size, size)
        return Saved(one.id, size, size)

    def snapshots(self) -> list[Snapshot]:
        self._opened()
        ours = [one for one, _ in self._storage.kept.values() if one.app == self._app]
        return sorted(ours, key=lambda one: (one.taken, one.id))

    def read(self, snapshot: Snapshot, name: str) -> bytes:
        files = self._one(snapshot)
        path = Path(snapshot.folder) / name
        if path not in files:
            raise NoSuchSnapshot(f"The snapshot {snapshot.id} has no {name}.")
        return files[path]

    def restore(self, snapshot: Snapshot, target: Path, report: Report) -> None:
        for path, data in self._one(snapshot).items():
            self._files[target / path.relative_to("/")] = data

    def apps(self) -> list[str]:
        self._opened()
        return sorted({one.app for one, _ in self._storage.kept.values()})

    def read_folder(self, snapshot: Snapshot, name: str) -> Mapping[str, bytes]:
        folder = Path(snapshot.folder) / name
        found = {path.name: data for path, data in self._one(snapshot).items() if path.parent == folder}
        if not found:
            raise NoSuchSnapshot(f"The snapshot {snapshot.id} has no {name}.")
        return found

    def check(self, report: Report, *, data: bool = False) -> None:
        self._opened()

    def forget(self, snapshots: Sequence[Snapshot], report: Report) -> None:
        self._opened()
        for one in snapshots:
            self._storage.kept.pop(one.id, None)

    def _one(self, snapshot: Snapshot) -> dict[Path, bytes]:
        self._opened()
        if snapshot.id not in self._storage.kept:
            raise NoSuchSnapshot(f"There is no snapshot {snapshot.id}.", "See which there are: discode backup list APP")
        return self._storage.kept[snapshot.id][1]

    def _opened(self) -> None:
        self._answer()
        if self._storage.password is None:
            raise RepositoryMissing("There is no repository.", "Make one.")
        if self._storage.password != self._password:
            raise WrongPassword("The password does not open the repository.", "Give the right one.")

    def _answer(self) -> None:
        if self._storage.trouble is not None:
            raise self._storage.trouble


class MemoryStaging:
    """The port Staging. `copying` is told each copy of a volume: what it raises, the copy raises."""

    def __init__(self, path: Path, files: dict[Path, bytes], copying: Callable[[Path, float | None], None]):
        self._path, self._files, self._copying = path, files, copying

    @property
    def path(self) -> Path:
        return self._path

    def clear(self) -> None:
        for path in files_in(self._path, self._files):
            del self._files[path]

    def free(self) -> Disk:
        return Disk("/memory/staging", 10**12)

    def document(self, name: str, data: bytes) -> None:
        self._files[self._path / name] = data

    def folder(self, target: str) -> Path:
        return self.places(target)

    def survey(self, volume: Path, without: Collection[str] = ()) -> Survey:
        found = {str(path.relative_to(volume)): data for path, data in self._in(volume, without).items()}
        databases = {name: len(data) for name, data in found.items() if data.startswith(HEADER)}
        return Survey(sum(map(len, found.values())), databases)

    def copy_database(self, volume: Path, name: str, target: str) -> None:
        self._files[self.places(target) / name] = self._files[volume / name]

    def copy_volume(
        self, volume: Path, target: str, seconds: float | None = None, *, without: Collection[str] = ()
    ) -> None:
        self._copying(volume, seconds)
        place = self.places(target)
        for path in self._in(place):
            del self._files[path]
        for path, data in self._in(volume, without).items():
            self._files[place / path.relative_to(volume)] = data

    def places(self, target: str) -> Path:
        return self._path / target

    def _in(self, folder: Path, without: Collection[str] = ()) -> dict[Path, bytes]:
        left_out = [folder / name for name in without]
        return {
            path: self._files[path]
            for path in files_in(folder, self._files)
            if not any(map(path.is_relative_to, left_out))
        }


class MemoryRepositories:
    """The port Repositories: one storage for all apps. `files` is the disk of the host."""

    def __init__(self) -> None:
        self.plans: dict[str, BackupPlan] = {}
        self.storage = MemoryStorage()
        self.files: dict[Path, bytes] = {}
        self.copying: Callable[[Path, float | None], None] = lambda volume, seconds: None

    def set_up(self, app: str, **fields: object) -> None:
        self.plans[app] = BackupPlan.checked(app=app, repository="/memory/repository", **fields)
        if self.storage.password is None:
            self.storage.password = "memory"

    def plan(self, app: str) -> BackupPlan | None:
        return self.plans.get(app)

    def open(self, app: str) -> Backups:
        if app not in self.plans:
            raise NoRepository(f"Backups of {app} are not set up.", f"discode backup setup {app} --to REPOSITORY")
        return MemoryBackups(app, self.storage, "memory", self.files)

    def staging(self, app: str) -> Staging:
        return MemoryStaging(Path("/memory/staging") / app, self.files, self.copying)

    def documents(self, app: str) -> Mapping[str, bytes]:
        return {}

    def adopt(self, app: str, documents: Mapping[str, bytes], *, seat: bool) -> None:
        """There is nothing in memory that another host would have kept."""

    def fill(self, source: Path, places: Mapping[str, Path]) -> None:
        for name, place in places.items():
            for path in files_in(place, self.files):
                del self.files[path]
            for path in files_in(source / name, self.files):
                self.files[place / path.relative_to(source / name)] = self.files.pop(path)

    def lay_out(self, tree: Path, record: SnapshotRecord, target: Path) -> None:
        for kind in ("volume", "databases"):
            for part in record.parts:
                source = tree / part.path.lstrip("/")
                for path in files_in(source, self.files) if part.kind == kind else []:
                    self.files[target / part.name / path.relative_to(source)] = self.files[path]
        for path in files_in(tree, self.files):
            del self.files[path]

    def host(self) -> str:
        return "memory"

    def architecture(self) -> str:
        return "amd64"
