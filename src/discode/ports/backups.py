"""Backups: a repository of snapshots, the room in which a snapshot is made ready, and what a host knows of both."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..core.room import Disk
from .report import Report

if TYPE_CHECKING:  # few commands back up
    from ..core.backup_plan import BackupPlan
    from ..core.snapshot import Snapshot, SnapshotRecord


@dataclass(frozen=True)
class Saved:
    """A snapshot that was just taken: how many bytes it read, how many of them were new to the repository."""

    id: str
    read: int
    added: int


@dataclass(frozen=True)
class Survey:
    """What is in a volume: its size in bytes, and its SQLite files, by their paths in it, with the size of each."""

    size: int
    databases: Mapping[str, int]


class Backups(Protocol):
    """The repository in which an app's snapshots are. Other apps and machines may have theirs there, too.

    Every call may raise NoRestic, RepositoryMissing, WrongPassword, RepositoryDenied, RepositoryUntrusted,
    RepositoryFull, RepositoryLocked, RepositoryDamaged or RepositoryUnreachable. A lock that a dead process left is
    removed; one of another machine when it is older than half an hour, as restic decides it. One of a process that
    lives is waited for, for some minutes.
    """

    def create(self) -> None:
        """Make it, with the password. Raises BackupFailed when there is one already."""

    def look(self) -> None:
        """See that it is there, and that the password opens it."""

    def save(
        self, record: SnapshotRecord, staged: Path, volumes: Sequence[Path], excluded: Sequence[Path], report: Report
    ) -> Saved:
        """One snapshot of what is staged and of volumes as they are, without files and folders that are excluded. A
        file that cannot be read, unless it is gone by now, is BackupFailed, and then there is no snapshot."""

    def snapshots(self) -> list[Snapshot]:
        """Those of the app, oldest first, of whatever machine."""

    def apps(self) -> list[str]:
        """Those that have snapshots there, by name."""

    def read(self, snapshot: Snapshot, name: str) -> bytes:
        """A file of what was staged, such as its record. Raises NoSuchSnapshot."""

    def read_folder(self, snapshot: Snapshot, name: str) -> Mapping[str, bytes]:
        """The files of a folder of what was staged, by name; of none below it. Raises NoSuchSnapshot."""

    def restore(self, snapshot: Snapshot, target: Path, report: Report) -> None:
        """All of it, below `target`, each file at its absolute path of then. Raises NoSuchSnapshot."""

    def check(self, report: Report, *, data: bool = False) -> None:
        """Raises RepositoryDamaged. `data`: read all of it, which moves as much as it holds."""

    def forget(self, snapshots: Sequence[Snapshot], report: Report) -> None:
        """Forget these, and free what no other needs. One that is gone already: nothing."""


class Staging(Protocol):
    """A folder of Discode's own, for one app, in which a snapshot is made ready. Its path is the same every time.

    What cannot be written raises PreflightError.
    """

    @property
    def path(self) -> Path: ...

    def clear(self) -> None:
        """Nothing of it is left. None there: nothing."""

    def free(self) -> Disk:
        """Where it is staged."""

    def document(self, name: str, data: bytes) -> None:
        """A file that its owner alone can read."""

    def folder(self, target: str) -> Path:
        """One that is there, in which others write what is to be staged: `places`, for its owner alone."""

    def survey(self, volume: Path, without: Collection[str] = ()) -> Survey:
        """`without`: files and folders that do not count, by their paths in it."""

    def copy_database(self, volume: Path, name: str, target: str) -> None:
        """A SQLite file of the volume, as it is at one moment, by SQLite itself while others write; `target` is a path
        in the staging folder. Raises BackupFailed when it cannot be copied."""

    def copy_volume(
        self, volume: Path, target: str, seconds: float | None = None, *, without: Collection[str] = ()
    ) -> None:
        """A copy as the volume is now, but for the files and folders `without`, paths in it; of what an earlier call
        copied, only what has changed since. Raises TimeoutError after `seconds`."""

    def places(self, target: str) -> Path:
        """Where that is, as an absolute path."""


class Repositories(Protocol):
    """What this host knows of backups."""

    def plan(self, app: str) -> BackupPlan | None:
        """None where backups were never set up. Raises StateError for a damaged one."""

    def open(self, app: str) -> Backups:
        """Nothing is asked yet. Raises NoRepository."""

    def staging(self, app: str) -> Staging: ...

    def documents(self, app: str) -> Mapping[str, bytes]:
        """What else the host keeps of the app that another one would need: how its source is asked, its license."""

    def adopt(self, app: str, documents: Mapping[str, bytes], *, seat: bool) -> None:
        """Keep what another host has kept of the app, as `documents` tells it. `seat`: its license, too."""

    def fill(self, source: Path, places: Mapping[str, Path]) -> None:
        """Each folder of `source` in the place of its name, whatever an earlier call has put there; owners and times
        stay. It is durable then, and nothing is left of `source`. Raises PreflightError for what cannot be written."""

    def lay_out(self, tree: Path, record: SnapshotRecord, target: Path) -> None:
        """Make the app's volumes, each a folder of `target`, of a snapshot that was restored below `tree`, with its
        databases at their places. It is durable then, and nothing is left of `tree`. Raises BackupFailed where a part
        is not in it; PreflightError for what cannot be written."""

    def host(self) -> str:
        """The name of this machine, as snapshots have it that it took."""

    def architecture(self) -> str:
        """Of this machine, as an image's: amd64, arm64."""
