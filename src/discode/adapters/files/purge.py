"""Forgetting an app: all files of the store's own, the settings with their secrets among them.

The journal goes last: a purge that was cut short is found by it and repeated. Files that others keep in the folder
stay, and then the folder does.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from ...disk.folders import sync_folder
from ...disk.whole import sweep
from . import revisions
from .aside import files_aside
from .belongings import FILES, FOLDERS
from .disk import writing


def purge(folder: Path) -> None:
    """Raises PreflightError; then it can be repeated."""
    if not folder.is_dir():
        return
    with writing(folder):
        sweep(folder)
        _remove_trees(folder / one.name for one in FOLDERS if one.is_purged)
        *small, last = (folder / one.name for one in FILES if one.is_purged)
        _remove([*small, *revisions.files(folder), *files_aside(folder), last])
        sync_folder(folder)
        _remove_if_empty(folder)


def discard(folder: Path) -> None:
    """What a restore has brought. Raises PreflightError; then it can be repeated."""
    if not folder.is_dir():
        return
    with writing(folder):
        sweep(folder)
        _remove_trees(folder / one.name for one in FOLDERS if one.is_brought)
        _remove([*(folder / one.name for one in FILES if one.is_brought), *revisions.files(folder)])
        sync_folder(folder)


def _remove_trees(folders: Iterable[Path]) -> None:
    for folder in folders:
        if folder.is_dir():
            shutil.rmtree(folder)


def _remove(files: Iterable[Path]) -> None:
    for path in files:
        path.unlink(missing_ok=True)


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()
        sync_folder(folder.parent)
