"""A snapshot that was restored, made into an app's volumes: on the same disk, so nothing is copied."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from ...core.backup_errors import BackupFailed
from ...core.snapshot import Part, SnapshotRecord, instead
from ...disk.folders import make_private
from .disk import writing
from .staging import mirror


def lay_out(tree: Path, record: SnapshotRecord, target: Path) -> None:
    """As the port Repositories says."""
    with writing(target):
        make_private(target)
        for part in record.parts:
            if part.kind == "volume":
                _place(tree, part, record.app).rename(target / part.name)
        for part in record.parts:
            if part.kind == "databases":
                _put_over(_place(tree, part, record.app), target / part.name, record.app)
        shutil.rmtree(tree)
        os.sync()  # restic does not: after a power loss files could be empty that were there


def fill(source: Path, places: Mapping[str, Path]) -> None:
    """As the port Repositories says. Across disks it is copied."""
    for name, place in places.items():
        with writing(place):
            if place.is_dir():
                shutil.rmtree(place)
            try:
                (source / name).rename(place)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                mirror(source / name, place)
    with writing(source):
        shutil.rmtree(source)
        os.sync()


def _place(tree: Path, part: Part, app: str) -> Path:
    place = tree / part.path.lstrip("/")
    is_plain = part.name not in ("", ".", "..") and "/" not in part.name and ".." not in place.parts
    if not is_plain or not place.is_dir() or _is_led_away(tree, place):
        raise _damaged(f"The snapshot has no {part.path}, though its record says so.", app)
    return place


def _put_over(source: Path, volume: Path, app: str) -> None:
    """Each database at its path in the volume, as the files around it there belong to whom they belong."""
    for path in source.rglob("*"):
        if not path.is_dir():
            place = volume / path.relative_to(source)
            if _is_led_away(volume, place.parent):
                raise _damaged(f"The snapshot has a link where the folder of the database {place.name} belongs.", app)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.rename(place)


def _is_led_away(root: Path, place: Path) -> bool:
    """By a link, which an app may put into its volume at any time. What is done here is done as root."""
    return os.path.realpath(place) != str(Path(os.path.realpath(root)) / place.relative_to(root))


def _damaged(what: str, app: str) -> BackupFailed:
    return BackupFailed(f"{what} Nothing was changed.", instead(app), key="damaged-snapshot")
