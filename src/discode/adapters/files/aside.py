"""Damaged files, kept for whoever wants to look at them: `<name>.damaged-<unix time>`, in the same folder."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ...disk.folders import sync_folder
from .disk import writing

_MARK = ".damaged-"


def keep_damaged(path: Path) -> str:
    """The other name of the file, which stays when the first one is written anew. Raises PreflightError."""
    now = int(time.time())
    while (aside := path.with_name(f"{path.name}{_MARK}{now}")).exists():
        now += 1
    with writing(aside):
        os.link(path, aside)
        sync_folder(path.parent)
    return str(aside)


def files_aside(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if _MARK in path.name]
