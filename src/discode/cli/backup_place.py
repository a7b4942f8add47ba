"""Whether a folder can have a repository of backups: not where the data is, and not among other files."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import DiscodeError, UsageError

if TYPE_CHECKING:
    from ..flows.world import World

# What restic makes there, and what the root of a disk has.
_ITS_OWN = frozenset({"config", "data", "index", "keys", "locks", "snapshots", "lost+found"})
_UNCHANGED = "Nothing was changed."


def place_of(text: str) -> str:
    """The address as it is kept. A shell leaves the `~` in `--to=~/backup` as it is. Raises UsageError."""
    from ..core.backup_address import check_address

    return check_address(str(Path(text).expanduser()) if text.startswith("~/") else text)


def check_place(world: World, app: str, place: str, home: Path) -> None:
    """Raises UsageError for a path where a repository would go with what it saves, or be mixed with other files."""
    from ..core.backup_address import is_path

    if not is_path(place):
        return
    another = f"Name a folder on another disk: discode backup setup {app} --to /mnt/disk/{app}"
    path = Path(os.path.realpath(place))
    for name, volume in _volumes(world, app):
        if path.is_relative_to(os.path.realpath(volume)):
            raise UsageError(
                f"{place} is in the volume {name} of {app}: backups there would save themselves, and be lost with it."
                f" {_UNCHANGED}",
                another,
            )
    if path.is_relative_to(os.path.realpath(home)):
        raise UsageError(f"{place} is in the folder where Discode keeps its own files. {_UNCHANGED}", another)
    _check_contents(path, place, app)


def _volumes(world: World, app: str) -> list[tuple[str, Path]]:
    """None where they cannot be asked for: a backup would say why."""
    with suppress(DiscodeError):
        return list(world.site(world.installed(app).kind, world.steps()).runtime.volume_paths(app).items())
    return []


def _check_contents(path: Path, place: str, app: str) -> None:
    """What cannot be listed is left to restic, which says why it cannot be opened."""
    try:
        with os.scandir(path) as entries:
            other = sorted(entry.name for entry in entries if entry.name not in _ITS_OWN)
    except NotADirectoryError:
        raise UsageError(
            f"{place} is a file, or below one, and backups need a folder. {_UNCHANGED}",
            f"Name a folder: discode backup setup {app} --to /mnt/disk/{app}",
        ) from None
    except OSError:
        return
    if other:
        raise UsageError(
            f"The folder {place} has other files in it, such as {other[0]}. {_UNCHANGED}",
            f"Name a folder of its own in it: discode backup setup {app} --to {Path(place) / app}",
        )
