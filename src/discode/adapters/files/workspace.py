"""The large files of a flow under way: `work/` in the app's folder, for the owner alone. It goes before the journal."""

from __future__ import annotations

import shutil
from pathlib import Path

from ...disk.folders import make_private
from .belongings import WORK
from .disk import writing


def make(folder: Path) -> Path:
    """Empty, in an app's folder. Raises PreflightError."""
    clear(folder)
    with writing(folder / WORK):
        make_private(folder / WORK)
    return folder / WORK


def clear(folder: Path) -> None:
    """Raises PreflightError."""
    if (folder / WORK).is_dir():
        with writing(folder / WORK):
            shutil.rmtree(folder / WORK)
