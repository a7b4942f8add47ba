"""The large files of a flow under way: `work/` in the app's folder, for the owner alone. It goes before the journal."""

from __future__ import annotations

import shutil
from pathlib import Path

from ...disk.folders import make_private
from .disk import writing

FOLDER = "work"


def make(folder: Path) -> Path:
    """Empty, in an app's folder. Raises PreflightError."""
    clear(folder)
    with writing(folder / FOLDER):
        make_private(folder / FOLDER)
    return folder / FOLDER


def clear(folder: Path) -> None:
    """Raises PreflightError."""
    if (folder / FOLDER).is_dir():
        with writing(folder / FOLDER):
            shutil.rmtree(folder / FOLDER)
