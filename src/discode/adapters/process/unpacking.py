"""Folders in which releases are not whole yet: `archives/<app>/<random>.unpacking/`, each its process's own.

Apart from what unpacks them, for every `settle` looks here.
"""

from __future__ import annotations

from pathlib import Path

from ...disk.owned import sweep

ARCHIVES = "archives"
UNPACKING = ".unpacking"  # how their names end


def sweep_unpacking(home: Path) -> None:
    """What killed commands have left goes, of apps that never came, too."""
    for folder in (home / ARCHIVES).glob("*"):
        sweep(folder, UNPACKING)
