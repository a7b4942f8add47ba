"""Where exported files and releases are unpacked. Apart from what does it, for every `settle` looks here."""

from __future__ import annotations

from pathlib import Path

from ..adapters.process.unpacking import sweep_unpacking
from ..disk.owned import sweep


def imports(home: Path) -> Path:
    return home / "imports"


def sweep_unpacked(home: Path) -> None:
    """What commands that were killed have unpacked goes: of imports, and of releases."""
    sweep(imports(home))
    sweep_unpacking(home)
