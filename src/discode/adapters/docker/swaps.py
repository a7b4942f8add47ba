"""Other data in the place of an app's volumes, on the machine of the engine: by renames of the folders that it mounts.

    <volume>/_data                      what containers of the app mount when they start
    <volume>/discode-swaps/<swap>/      in one of the volumes, for all of them
        incoming/<volume>               what shall take its place, or had it and was taken back
        replaced/<volume>, later kept   what was there before

A swap is begun when there is `replaced`, and done when there is no `incoming` any more. In between each volume tells by
itself how far it came, so it needs no record. No container of the app may run.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from ...core.errors import Refused
from ...disk.folders import make_private, sync_folder
from ..files.disk import writing
from . import volumes
from .engine import Engine

FOLDER = "discode-swaps"
KEPT = "kept"  # the name of `replaced` once the swap is for good


class Swaps:
    def __init__(self, engine: Engine):
        self._engine = engine

    def incoming(self, app: str, swap: str) -> Path:
        """Raises Refused where a volume cannot be swapped by this process, or there is none."""
        places = volumes.places(self._engine, app)
        if not places or any(place.is_mount() for place in places.values()):
            raise Refused(
                f"{app} has {'a volume of another driver' if places else 'no volume'}, so its data cannot be restored "
                "by Discode. Nothing was changed.",
                "How to restore by hand, with restic: docs/backup.md, By hand",
                key="restore-by-hand",
            )
        return self._found(places, swap) / "incoming"

    def swap(self, app: str, swap: str) -> None:
        folder = self._found(volumes.places(self._engine, app, is_halfway=True), swap)
        incoming, replaced = folder / "incoming", folder / "replaced"
        if not incoming.is_dir():
            return
        volumes.ensure(self._engine, app, [path.name for path in incoming.iterdir()])
        with writing(folder):
            make_private(replaced)
            for name, place in volumes.places(self._engine, app, is_halfway=True).items():
                _put(place, incoming / name, replaced / name)
            incoming.rmdir()
            sync_folder(folder)

    def swap_back(self, app: str, swap: str) -> None:
        places = volumes.places(self._engine, app, is_halfway=True)
        folder = self._found(places, swap)
        incoming, replaced = folder / "incoming", folder / "replaced"
        if not replaced.is_dir():
            return
        with writing(folder):
            make_private(incoming)
            for name, place in places.items():
                if not (replaced / name).is_dir():
                    continue
                if place.is_dir():
                    _rename(place, _free(incoming / name))
                _rename(replaced / name, place)
            replaced.rmdir()
            sync_folder(folder)

    def is_swapped(self, app: str, swap: str) -> bool:
        return _is_swapped(self._found(volumes.places(self._engine, app, is_halfway=True), swap))

    def keep(self, app: str, swap: str) -> None:
        folder = self._found(volumes.places(self._engine, app, is_halfway=True), swap)
        with writing(folder):
            if (folder / "replaced").is_dir():
                _rename(folder / "replaced", folder / KEPT)

    def open_swap(self, app: str) -> str:
        """Where the volumes are out of reach nobody has swapped any."""
        try:
            places = volumes.places(self._engine, app, is_halfway=True)
        except Refused:
            return ""
        folders = [place.parent / FOLDER for place in places.values()]
        found = [one.parent for name in ("replaced", "incoming") for each in folders for one in each.glob(f"*/{name}")]
        return next((one.name for one in found if not (one / KEPT).is_dir()), "")

    def drop(self, app: str, *, replaced: bool) -> bool:
        """Where the volumes are out of reach nobody has swapped any."""
        try:
            places = volumes.places(self._engine, app, is_halfway=True)
        except Refused:
            return False
        swaps = [one for place in places.values() for one in place.parent.glob(f"{FOLDER}/*")]
        kept = [one for one in swaps if _is_swapped(one)]
        for one in swaps if replaced else (one for one in swaps if one not in kept):
            with writing(one):
                shutil.rmtree(one)
        return bool(kept) and replaced

    def _found(self, places: Mapping[str, Path], swap: str) -> Path:
        """Where the swap is, or would be: a volume that came later may be the first one now."""
        all_ = [place.parent / FOLDER / swap for place in places.values()]
        return next((one for one in all_ if one.is_dir()), all_[0] if all_ else Path("/nowhere"))


def _is_swapped(folder: Path) -> bool:
    return (folder / "replaced").is_dir() or (folder / KEPT).is_dir()


def _put(place: Path, incoming: Path, replaced: Path) -> None:
    """A volume that the snapshot does not have is empty then, and belongs to whom it belonged."""
    if not replaced.is_dir():
        _rename(place, replaced)
    if incoming.is_dir():
        _rename(incoming, place)
    elif not place.is_dir():
        place.mkdir()
        shutil.copystat(replaced, place)
        shutil.chown(place, replaced.stat().st_uid, replaced.stat().st_gid)


def _rename(source: Path, target: Path) -> None:
    source.rename(target)
    for folder in {source.parent, target.parent}:
        sync_folder(folder)


def _free(place: Path) -> Path:
    return next(path for number in range(1000) if not (path := place.with_name(f"{place.name}{'+' * number}")).exists())
