"""What an installer brought for a source: its roots, and versions below which nothing is believed.

trust/<source>/root.json, floor.json     below Discode's home; for every app of that source
trust/<source>/roots/<n>.root.json       the roots after the first, so that what an earlier root's keys sign is not
                                         believed even where nothing newer was seen

Without it the first root that a source shows is trusted, and a source whose online key was stolen could show a new
machine old releases.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from ..files.disk import write_whole
from ..files.home import close_home


def folder_of(home: Path, base: str) -> Path:
    """`base` is the source's address without its last slash."""
    return home / "trust" / hashlib.sha256(base.encode()).hexdigest()[:16]


def give(home: Path, base: str, roots: Sequence[bytes], targets_version: int) -> None:
    """`roots` from the first one on. Known already: the higher floor stays."""
    folder = folder_of(home, base)
    floor = {"targets": max(targets_version, floor_of(home, base).get("targets", 0))}
    close_home(home)
    write_whole(folder / "root.json", roots[0])
    for number, root in enumerate(roots[1:], 2):
        write_whole(folder / "roots" / f"{number}.root.json", root)
    write_whole(folder / "floor.json", json.dumps(floor).encode())


def root_of(home: Path, base: str) -> bytes | None:
    try:
        return (folder_of(home, base) / "root.json").read_bytes()
    except OSError:
        return None


def later_roots(home: Path, base: str) -> list[bytes]:
    """Those after the first, oldest first."""
    folder, found = folder_of(home, base) / "roots", list[bytes]()
    with contextlib.suppress(OSError):
        while True:
            found.append((folder / f"{len(found) + 2}.root.json").read_bytes())
    return found


def floor_of(home: Path, base: str) -> dict[str, int]:
    try:
        told = json.loads((folder_of(home, base) / "floor.json").read_bytes())
        return {str(role): int(version) for role, version in told.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
