"""Where exported files are unpacked. Apart from what brings them back, for every `settle` looks here."""

from __future__ import annotations

from pathlib import Path

from ..disk.owned import sweep


def imports(home: Path) -> Path:
    return home / "imports"


def sweep_imports(home: Path) -> None:
    """What imports that were killed have unpacked goes."""
    sweep(imports(home))
