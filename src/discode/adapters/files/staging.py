"""The staging folder of an app: `apps/<app>/backup/discode-snapshot`, where a snapshot is made ready.

Its path is the same for every snapshot, and so restic compares it with the one before. It is nobody else's: what is in
it is the app's data and its secrets.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from ...core.room import Disk
from ...disk.folders import free_space, make_private
from ...ports.backups import Survey
from .belongings import STAGED
from .disk import disk_refusals, write_whole, writing

FOLDER = "discode-snapshot"
_CLOCK = 2.0  # seconds: changes of so little before the first copy may not show in a file's times


class FileStaging:
    def __init__(self, home: Path, app: str):
        self._above = home / "apps" / app / STAGED
        self._copied: dict[Path, float] = {}  # when the first copy of a volume began

    @property
    def path(self) -> Path:
        return self._above / FOLDER

    def clear(self) -> None:
        with writing(self.path):
            if self._above.is_dir():
                shutil.rmtree(self._above)

    def free(self) -> Disk:
        return Disk(str(self.path), free_space(self.path))

    def document(self, name: str, data: bytes) -> None:
        self._ready()
        write_whole(self.path / name, data, mode=0o600)

    def folder(self, target: str) -> Path:
        self._ready()
        with writing(self.path):
            self.places(target).mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.places(target)

    def survey(self, volume: Path, without: Collection[str] = ()) -> Survey:
        from . import sqlite

        size, databases = 0, {}
        for entry in _files(volume, _paths(volume, without)):
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            size += found.st_size
            if stat.S_ISREG(found.st_mode) and sqlite.is_database(entry.path, found.st_size):
                databases[os.path.relpath(entry.path, volume)] = found.st_size
        return Survey(size, databases)

    def copy_database(self, volume: Path, name: str, target: str) -> None:
        from . import sqlite

        self._ready()
        with disk_refusals(self.path):
            sqlite.copy_database(volume / name, self.places(target) / name)

    def copy_volume(
        self, volume: Path, target: str, seconds: float | None = None, *, without: Collection[str] = ()
    ) -> None:
        self._ready()
        end = None if seconds is None else time.monotonic() + seconds
        since = self._copied.setdefault(volume, time.time() - _CLOCK)
        with disk_refusals(self.path):
            _mirror(volume, self.places(target), since, end, _paths(volume, without))

    def places(self, target: str) -> Path:
        return self.path / target

    def _ready(self) -> None:
        with writing(self.path):
            make_private(self._above)
            make_private(self.path)


def _paths(volume: Path, names: Collection[str]) -> frozenset[str]:
    return frozenset(str(volume / name) for name in names)


def _files(folder: Path | str, without: frozenset[str]) -> Iterator[os.DirEntry[str]]:
    """All below it but folders; of one that goes meanwhile nothing."""
    for entry in _entries(folder):
        if entry.path in without:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path, without)
        else:
            yield entry


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []


def mirror(source: Path, target: Path) -> None:
    """A copy with all owners, modes and times. Raises OSError."""
    _mirror(source, target, time.time() + _CLOCK, None, frozenset())


def _mirror(source: Path, target: Path, since: float, end: float | None, without: frozenset[str]) -> None:
    """`since`: what was changed before then, and is the same in size and time, was copied by an earlier call."""
    target.mkdir(parents=True, exist_ok=True)
    there = {entry.name: entry for entry in _entries(source) if entry.path not in without}
    for entry in _entries(target):
        if entry.name not in there or not _is_alike(there[entry.name], entry):
            _remove(entry)
    for name, entry in there.items():
        if end is not None and time.monotonic() > end:
            raise TimeoutError(f"{source} is not copied in time")
        with suppress(FileNotFoundError):  # the app deleted it meanwhile
            if entry.is_dir(follow_symlinks=False):
                _mirror(Path(entry.path), target / name, since, end, without)
            elif not _is_copied(entry, target / name, since):
                _copy(entry, target / name)
    _as(source.stat(), target)


def _is_alike(one: os.DirEntry[str], other: os.DirEntry[str]) -> bool:
    return one.is_dir(follow_symlinks=False) == other.is_dir(follow_symlinks=False)


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path)
    else:
        Path(entry.path).unlink()


def _is_copied(entry: os.DirEntry[str], target: Path, since: float) -> bool:
    found = entry.stat(follow_symlinks=False)
    if found.st_ctime >= since or not os.path.lexists(target):
        return False
    copy = os.lstat(target)
    return (copy.st_size, copy.st_mtime_ns) == (found.st_size, found.st_mtime_ns)


def _copy(entry: os.DirEntry[str], target: Path) -> None:
    """What is neither a file nor a link holds no data: sockets and pipes are made by who needs them."""
    found = entry.stat(follow_symlinks=False)
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)):
        return
    target.unlink(missing_ok=True)
    shutil.copy2(entry.path, target, follow_symlinks=False)
    _as(found, target)


def _as(found: os.stat_result, target: Path) -> None:
    if os.geteuid() == 0:
        os.chown(target, found.st_uid, found.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(found.st_mode):
        target.chmod(found.st_mode & 0o7777)
        os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
