"""Other data in the place of an app's volumes, by two renames of folders.

    apps/<app>/volumes              the data that its instances have
    apps/<app>/swaps/<swap>/
        incoming                    what shall take its place, or had it and was taken back
        replaced, later kept        what was there before

Which of these folders are there says how far it came, so it needs no record: without `replaced` it has not begun, or is
undone; with both, it is halfway; with `replaced` alone it is done.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from ...disk.folders import make_folder, make_private, sync_folder
from ..files.disk import writing

KEPT = "kept"  # the name of `replaced` once the swap is for good


class Swaps:
    def __init__(self, home: Path):
        self._apps = home / "apps"

    def incoming(self, app: str, swap: str) -> Path:
        return self._folder(app) / swap / "incoming"

    def swap(self, app: str, swap: str) -> None:
        incoming, replaced, volumes = self._places(app, swap)
        with writing(volumes):
            if not incoming.is_dir():
                return
            make_folder(volumes)  # of an app without any
            if not replaced.is_dir():
                _rename(volumes, replaced)
            elif volumes.is_dir():
                _rename(volumes, _free(incoming.parent))
            _rename(incoming, volumes)

    def swap_back(self, app: str, swap: str) -> None:
        incoming, replaced, volumes = self._places(app, swap)
        with writing(volumes):
            if not replaced.is_dir():
                return
            if volumes.is_dir():
                _rename(volumes, _free(incoming.parent) if incoming.is_dir() else incoming)
            _rename(replaced, volumes)

    def is_swapped(self, app: str, swap: str) -> bool:
        replaced = self._places(app, swap)[1]
        return replaced.is_dir() or replaced.with_name(KEPT).is_dir()

    def keep(self, app: str, swap: str) -> None:
        replaced = self._places(app, swap)[1]
        with writing(replaced):
            if replaced.is_dir():
                _rename(replaced, replaced.with_name(KEPT))

    def open_swap(self, app: str) -> str:
        found = [path.parent.name for name in ("replaced", "incoming") for path in self._folder(app).glob(f"*/{name}")]
        return next((one for one in found if not (self._folder(app) / one / KEPT).is_dir()), "")

    def drop(self, app: str, *, replaced: bool) -> bool:
        folder = self._folder(app)
        swaps = list(folder.iterdir()) if folder.is_dir() else []
        kept = [one for one in swaps if self.is_swapped(app, one.name)]
        with writing(folder):
            for one in swaps if replaced else (one for one in swaps if one not in kept):
                shutil.rmtree(one)
        return bool(kept) and replaced

    def _folder(self, app: str) -> Path:
        return self._apps / app / "swaps"

    def _places(self, app: str, swap: str) -> tuple[Path, Path, Path]:
        incoming = self.incoming(app, swap)
        return incoming, incoming.with_name("replaced"), self._apps / app / "volumes"


def _rename(source: Path, target: Path) -> None:
    make_private(target.parent)
    source.rename(target)
    for folder in {source.parent, target.parent}:
        sync_folder(folder)


def _free(folder: Path) -> Path:
    """For volumes that somebody made halfway, when there were none: never deleted unseen."""
    return next(path for number in range(1, 1000) if not (path := folder / f"found-{number}").exists())
