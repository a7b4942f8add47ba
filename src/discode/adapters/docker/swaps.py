"""Other data in the place of an app's volumes, on the machine of the engine: by renames of the folders that it mounts.

    <app>_<volume>/_data            what containers of the app mount when they start
    <app>_.swaps/_data/<swap>/      a volume that no container has, for all of them
        incoming/<volume>           what shall take its place, or had it and was taken back
        replaced/<volume>           what was there before, later kept/<volume>

A swap is begun when there is `replaced`, and done when there is no `incoming` any more. In between each volume tells by
itself how far it came, so it needs no record. No container that has one of the volumes may run.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from ...core.errors import Refused
from ...disk.folders import make_private, sync_folder
from ..files.disk import writing
from . import volumes
from .engine import Engine

KEPT = "kept"  # the name of `replaced` once the swap is for good


class Swaps:
    def __init__(self, engine: Engine):
        self._engine = engine

    def check(self, app: str) -> None:
        """Raises Refused where a volume cannot be swapped by this process."""
        strange = [name for name, place in volumes.places(self._engine, app).items() if place.is_mount()]
        if strange:
            raise Refused(
                f"The volume {strange[0]} of {app} is of another driver than Docker's own, so Discode cannot put other "
                "data in its place. Nothing was changed.",
                "How to restore by hand, with restic: docs/backup.md, By hand",
                key="restore-by-hand",
            )

    def incoming(self, app: str, swap: str) -> Path:
        return volumes.ensure_swaps(self._engine, app) / swap / "incoming"

    def swap(self, app: str, swap: str) -> None:
        folder = self._folder(app, swap)
        if folder is None or not (incoming := folder / "incoming").is_dir():
            return
        volumes.ensure(self._engine, app, [path.name for path in incoming.iterdir()])
        replaced = folder / "replaced"
        with writing(folder):
            make_private(replaced)
            for name, place in volumes.places(self._engine, app, is_halfway=True).items():
                _put(place, incoming / name, replaced / name)
            incoming.rmdir()
            sync_folder(folder)

    def swap_back(self, app: str, swap: str) -> None:
        folder = self._folder(app, swap)
        if folder is None or not (replaced := folder / "replaced").is_dir():
            return
        incoming = folder / "incoming"
        with writing(folder):
            make_private(incoming)
            for name, place in volumes.places(self._engine, app, is_halfway=True).items():
                if not (replaced / name).is_dir():
                    continue
                if place.is_dir():
                    _rename(place, _free(incoming / name))
                _rename(replaced / name, place)
            replaced.rmdir()
            sync_folder(folder)

    def is_swapped(self, app: str, swap: str) -> bool:
        folder = self._folder(app, swap)
        return folder is not None and _is_swapped(folder)

    def keep(self, app: str, swap: str) -> None:
        folder = self._folder(app, swap)
        if folder is not None and (folder / "replaced").is_dir():
            with writing(folder):
                _rename(folder / "replaced", folder / KEPT)

    def open_swap(self, app: str) -> str:
        """Where they are out of reach nobody has swapped any."""
        found = {name: one for one in self._all(app) for name in ("incoming", "replaced") if (one / name).is_dir()}
        return next((one.name for _, one in sorted(found.items(), reverse=True) if not (one / KEPT).is_dir()), "")

    def drop(self, app: str, *, replaced: bool) -> bool:
        swaps = self._all(app)
        kept = [one for one in swaps if _is_swapped(one)]
        goners = swaps if replaced else [one for one in swaps if one not in kept]
        for one in goners:
            with writing(one):
                shutil.rmtree(one)
        if goners and len(goners) == len(swaps):
            volumes.drop_swaps(self._engine, app)
        return bool(kept) and replaced

    def _folder(self, app: str, swap: str) -> Path | None:
        place = volumes.swaps(self._engine, app)
        return place and place / swap

    def _all(self, app: str) -> list[Path]:
        try:
            place = volumes.swaps(self._engine, app)
        except Refused:
            return []
        return sorted(place.iterdir()) if place else []


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
