"""Discode's home: below it are the apps' data, which nobody else on the machine may read, whatever each file's mode is."""

from __future__ import annotations

from pathlib import Path

from ...disk.folders import make_private
from .disk import writing


def close_home(home: Path) -> None:
    """Before anything is written below it: make it the owner's alone, also when an earlier version left it open.

    Raises PreflightError.
    """
    with writing(home):
        make_private(home)
