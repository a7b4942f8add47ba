"""Discode's home: below it are the apps' data, which nobody else may read, whatever the mode of each file is."""

from __future__ import annotations

from pathlib import Path

from ...disk.folders import close_to_others, make_private
from .disk import writing

_OURS = ("locks", "apps")  # any command makes the first, the second one that found something to do


def close_home(home: Path) -> None:
    """Before anything is written below it: make it the owner's alone, also when an earlier version left it open.

    A folder that was there before Discode, which $DISCODE_HOME may name, stays as open as it is until Discode has been
    at work in it, and for good when it is a user's own home. Raises PreflightError.
    """
    with writing(home):
        make_private(home)
        if all((home / name).is_dir() for name in _OURS) and home != _users_own():
            close_to_others(home)


def _users_own() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:  # the user is in no table of users, as in a container
        return None
