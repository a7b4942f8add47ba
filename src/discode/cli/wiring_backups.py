"""Backups set up on this host, and made when they are due. Knows the adapters, like `wiring`."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..adapters.files.backup_plans import BackupPlans, KeptPlan
from ..core.lasting import lasting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..core.export import ExportHead
    from ..core.snapshot import SnapshotRecord
    from ..ports.backups import Backups, Saved
    from ..ports.report import Report

__all__ = ["KeptPlan", "backups", "has_restic", "install_restic", "new_password", "plans", "start_scheduled"]

_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that look like others: people write it down
_GROUPS, _DIGITS = 6, 5


def new_password() -> str:
    """Of 148 random bits, in groups."""
    return "-".join("".join(secrets.choice(_SIGNS) for _ in range(_DIGITS)) for _ in range(_GROUPS))


def plans(home: Path) -> BackupPlans:
    return BackupPlans(home)


def backups(home: Path, kept: KeptPlan) -> Backups:
    from ..adapters.backups import opened

    return opened(plans(home), kept.plan.app, kept)


def repository_in(folder: Path, app: str, password: str) -> Backups:
    """The one of an exported file, with what restic caches of it beside it."""
    from ..adapters.restic import Access, ResticBackups

    return ResticBackups(Access(app, str(folder / "repository"), folder / "cache", password))


@contextmanager
def own_folder(parent: Path, prefix: str, suffix: str = "") -> Iterator[Path]:
    """For this process alone; those that killed ones have left beside it are deleted. Raises PreflightError."""
    from ..adapters.files.disk import writing
    from ..disk.owned import owned

    with ExitStack() as stack:
        with writing(parent):
            folder = stack.enter_context(owned(parent, prefix, suffix))
        yield Path(folder)


def export_head(file: Path) -> ExportHead:
    """Raises BackupFailed, Refused."""
    from ..adapters.files.export_file import head_of

    return head_of(file)


def pack_export(record: SnapshotRecord, folder: Path, target: Path, report: Report) -> int:
    """Bytes of the file. Raises PreflightError."""
    from .. import __version__
    from ..adapters.files.export_file import pack, size_of
    from ..core.export import ExportHead

    repository = folder / "repository"
    head = ExportHead(
        app=record.app, version=record.version, taken=record.taken, size=size_of(repository), discode=__version__
    )
    pack(head, repository, target, report)
    return target.stat().st_size


def unpack_export(file: Path, folder: Path, report: Report) -> None:
    """Raises BackupFailed for a file that is cut off; PreflightError."""
    from ..adapters.files.export_file import unpack

    unpack(file, folder / "repository", report)


class Roomy:
    """A repository on a disk that has to have room for it twice: for itself, and for the file that is made of it."""

    def __init__(self, repository: Backups, folder: Path, app: str):
        self._repository, self._folder, self._app = repository, folder, app

    def save(
        self, record: SnapshotRecord, staged: Path, volumes: Sequence[Path], excluded: Sequence[Path], report: Report
    ) -> Saved:
        """Raises PreflightError, too."""
        from ..core.room import Disk, must_have_room, of_export
        from ..disk.folders import free_space

        disk = Disk(str(self._folder.parent), free_space(self._folder))
        must_have_room(
            f"The export of {self._app}", of_export(record.size), disk, advice="Or name a file on another disk."
        )
        return self._repository.save(record, staged, volumes, excluded, report)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._repository, name)


def has_restic() -> bool:
    from ..adapters.restic.program import program
    from ..core.backup_errors import NoRestic

    try:
        program()
    except NoRestic:
        return False
    return True


def install_restic() -> str:
    """What came of it, for people."""
    from .distribution import install

    return install("restic", "restic", "restic")


def start_scheduled(*words: str) -> None:
    """A command, in a process of its own: a backup takes long, and whoever settles has other apps to look after. How it
    ended is in the history. Two of them exclude each other."""
    subprocess.Popen(
        [sys.executable, "-P", "-m", "discode", *words], env=lasting(os.environ), cwd="/",
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
