"""What an installer brought for a source: its root, and versions below which nothing is believed.

trust/<source>/root.json, floor.json     below Discode's home; for every app of that source

Without it the first root that a source shows is trusted, and a source whose online key was stolen could show a new
machine old releases.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ..files.disk import write_whole
from ..files.home import close_home


def folder_of(home: Path, base: str) -> Path:
    """`base` is the source's address without its last slash."""
    return home / "trust" / hashlib.sha256(base.encode()).hexdigest()[:16]


def give(home: Path, base: str, root: bytes, targets_version: int) -> None:
    """Known already: the higher floor stays."""
    folder = folder_of(home, base)
    floor = {"targets": max(targets_version, floor_of(home, base).get("targets", 0))}
    close_home(home)
    write_whole(folder / "root.json", root)
    write_whole(folder / "floor.json", json.dumps(floor).encode())


def root_of(home: Path, base: str) -> bytes | None:
    try:
        return (folder_of(home, base) / "root.json").read_bytes()
    except OSError:
        return None


def floor_of(home: Path, base: str) -> dict[str, int]:
    try:
        told = json.loads((folder_of(home, base) / "floor.json").read_bytes())
        return {str(role): int(version) for role, version in told.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
