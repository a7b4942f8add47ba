"""Forgetting an app: all files of the store's own, the settings with their secrets among them.

The journal goes last: a purge that was cut short is found by it and repeated. Files that others keep in the folder
stay, and then the folder does.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from ...disk.folders import sync_folder
from ...disk.whole import sweep
from . import revisions
from .aside import files_aside
from .automatic_plans import FILES as AUTOMATIC
from .disk import writing

_FOLDERS = ("trust", "failed", "tls", "backup", "work")
_FILES = ("installation.json", "history.jsonl", "kept.json", "backup.json", "reporting.json", *AUTOMATIC)
_LAST = "journal.json"


def purge(folder: Path) -> None:
    """Raises PreflightError; then it can be repeated."""
    if not folder.is_dir():
        return
    with writing(folder):
        sweep(folder)
        for name in _FOLDERS:
            _remove_tree(folder / name)
        small = [*(folder / name for name in _FILES), *revisions.files(folder), *files_aside(folder)]
        for path in [*small, folder / _LAST]:
            path.unlink(missing_ok=True)
        sync_folder(folder)
        _remove_if_empty(folder)


def discard(folder: Path) -> None:
    """What a restore has brought. Raises PreflightError; then it can be repeated."""
    if not folder.is_dir():
        return
    with writing(folder):
        sweep(folder)
        for name in ("trust", "tls"):
            _remove_tree(folder / name)
        names = ("kept.json", "backup.json", "access.json", "license.json", "reporting.json", *AUTOMATIC)
        for path in [*(folder / name for name in names), *revisions.files(folder)]:
            path.unlink(missing_ok=True)
        sync_folder(folder)


def _remove_tree(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()
        sync_folder(folder.parent)
