"""A snapshot that was restored, made into an app's volumes: on the same disk, so nothing is copied."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from ...core.backup_errors import BackupFailed
from ...core.snapshot import Part, SnapshotRecord
from ...disk.folders import make_private
from .disk import writing
from .staging import mirror


def lay_out(tree: Path, record: SnapshotRecord, target: Path) -> None:
    """As the port Repositories says."""
    with writing(target):
        make_private(target)
        for part in record.parts:
            if part.kind == "volume":
                _place(tree, part).rename(target / part.name)
        for part in record.parts:
            if part.kind == "databases":
                _put_over(_place(tree, part), target / part.name)
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


def _place(tree: Path, part: Part) -> Path:
    place = tree / part.path.lstrip("/")
    is_plain = part.name not in ("", ".", "..") and "/" not in part.name and ".." not in place.parts
    if not is_plain or not place.is_dir():
        raise BackupFailed(
            f"The snapshot has no {part.path}, though its record says so. Nothing was changed.",
            "Check the repository: discode backup check APP --data. Choose another snapshot: discode backup list APP",
            key="damaged-snapshot",
        )
    return place


def _put_over(source: Path, volume: Path) -> None:
    """Each database at its path in the volume, as the files around it there belong to whom they belong."""
    for path in source.rglob("*"):
        if not path.is_dir():
            place = volume / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.rename(place)
