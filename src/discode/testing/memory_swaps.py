"""The swap of an app's data in memory: files below folders, and the volumes of what is beside it.

A folder with nothing in it is none. What is beside an app has its volumes by the name of the app; those that are away
from their place have the path of the folder that they are in instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

VOLUMES, SWAPS = Path("/memory/volumes"), Path("/memory/swaps")  # of each app


@dataclass
class Volume:
    """Of a database: `lines` are its data, `writer` the generation of the database that wrote them first. `state`: one
    that nobody has found healthy is `being made`; whoever is ended before that leaves it `torn`, and nobody can
    start on that."""

    lines: list[str] = field(default_factory=list)
    writer: str | None = None
    state: Literal["empty", "being made", "made", "torn"] = "empty"


class MemorySwaps:
    """`files` is the disk; `beside` are the volumes, as `MemoryAccessories.data`."""

    def __init__(self, files: dict[Path, bytes], beside: dict[tuple[str, str], Volume]):
        self._files, self._beside = files, beside

    def incoming(self, app: str, swap: str) -> Path:
        return SWAPS / app / swap / "incoming"

    def swap(self, app: str, swap: str) -> bool:
        """Whether there was anything to do."""
        incoming, replaced = self.incoming(app, swap), SWAPS / app / swap / "replaced"
        if not self._has(incoming):
            return False
        if not self._has(replaced):
            emptied = [name for owner, name in self._beside if owner == app]
            self._move(VOLUMES / app, replaced)
            self._beside.update({(app, name): Volume() for name in emptied})
        self._move(incoming, VOLUMES / app)
        return True

    def swap_back(self, app: str, swap: str) -> bool:
        incoming, replaced = self.incoming(app, swap), SWAPS / app / swap / "replaced"
        if not self._has(replaced):
            return False
        self._move(VOLUMES / app, incoming)
        self._move(replaced, VOLUMES / app)
        return True

    def is_swapped(self, app: str, swap: str) -> bool:
        return any(self._has(SWAPS / app / swap / name) for name in ("replaced", "kept"))

    def keep(self, app: str, swap: str) -> None:
        self._move(SWAPS / app / swap / "replaced", SWAPS / app / swap / "kept")

    def open_swap(self, app: str) -> str:
        found = sorted(self._folders(app), reverse=True)
        return next((swap for swap, kind, *_ in found if kind in ("replaced", "incoming")), "")

    def drop(self, app: str, *, replaced: bool) -> bool:
        swaps = {swap for swap, *_ in self._folders(app)}
        kept = {swap for swap in swaps if self.is_swapped(app, swap)}
        for swap in swaps if replaced else swaps - kept:
            folder = SWAPS / app / swap
            for path in self._in(folder):
                del self._files[path]
            for key in [one for one in self._beside if Path(one[0]).is_relative_to(folder)]:
                del self._beside[key]
        return bool(kept) and replaced

    def _folders(self, app: str) -> list[tuple[str, ...]]:
        place = SWAPS / app
        owners = [Path(owner) for owner, _ in self._beside if Path(owner).is_relative_to(place)]
        return [path.relative_to(place).parts for path in (*self._in(place), *owners)]

    def _has(self, folder: Path) -> bool:
        return bool(self._in(folder)) or any(owner == _owner(folder) for owner, _ in self._beside)

    def _in(self, folder: Path) -> list[Path]:
        return files_in(folder, self._files)

    def _move(self, source: Path, target: Path) -> None:
        for path in self._in(source):
            self._files[target / path.relative_to(source)] = self._files.pop(path)
        for owner, name in [one for one in self._beside if one[0] == _owner(source)]:
            self._beside[_owner(target), name] = self._beside.pop((owner, name))


def files_in(folder: Path, files: Iterable[Path]) -> list[Path]:
    """`is_relative_to` of pathlib would make a new path for each answer, millions of times."""
    parts = folder.parts
    count = len(parts)
    return [path for path in files if path.parts[:count] == parts]


def _owner(folder: Path) -> str:
    return folder.name if folder.parent == VOLUMES else str(folder)
