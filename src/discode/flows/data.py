"""What an app's data is, and how each part of it gets into a snapshot.

Of a known kind of accessory a dump stands for its volumes. Of all else there are volumes, in one of these ways:

- stopped: nobody writes
- quiesced: the vendor has commands for it. They run in the app, so this is for the app's own volumes alone
- live: SQLite copies the databases in it; or the app may run twice on it, and so does not mind a reader
- held: of an app that must be alone with its data, and of an accessory of which nothing is known
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..core.installation import Installation
from ..ports.accessories import AccessorySpec
from ..ports.backups import Staging
from ..ports.runtime import Phase
from .accessories import specs, there
from .quiesce import has_commands
from .world import Site

SIDES = ("-wal", "-shm", "-journal")  # what belongs to a SQLite file while it is open: a copy needs none of them


@dataclass(frozen=True)
class Volume:
    """`databases`: SQLite files that SQLite copies, with their sizes in bytes; `rest` is the size of all else.
    `without`: what the vendor wants in no backup. All by their paths in it."""

    name: str
    path: Path
    rest: int
    how: Literal["live", "held", "quiesced", "stopped"]
    databases: Mapping[str, int]
    without: Sequence[str] = ()

    @property
    def left_out(self) -> list[str]:
        """Of the copy of its files."""
        return [*self.without, *(f"{database}{side}" for database in self.databases for side in ("", *SIDES))]

    @property
    def staged_size(self) -> int:
        return sum(self.databases.values()) + (self.rest if self.how in ("held", "quiesced") else 0)


@dataclass(frozen=True)
class Data:
    """`dump_size`: bytes, no less than what the dumps will have. `elsewhere`: accessories that the customer has at an
    address of their own."""

    volumes: Mapping[str, Volume]
    dumped: Sequence[AccessorySpec]
    dump_size: int
    elsewhere: Sequence[str] = ()

    @property
    def staged_size(self) -> int:
        return self.dump_size + sum(one.staged_size for one in self.volumes.values())


def of(site: Site, installation: Installation, staging: Staging) -> Data:
    """Volumes that the installed version does not use any more are not looked at, but for the app's own."""
    paths = site.runtime.volume_paths(installation.app)
    beside, dumped = _beside(site, installation)
    owners = {volume: spec for spec in beside for volume in spec.volumes}
    left_out = _left_out(installation)
    volumes = {
        name: _volume(installation, staging, name, path, left_out.get(name, ()), is_own=name not in owners)
        for name, path in paths.items()
        if ("." not in name or name in owners) and "" not in left_out.get(name, ())
    }
    sizes = [staging.survey(paths[name]).size for spec in dumped for name in spec.volumes if name in paths]
    named = {spec.name for spec in (*beside, *dumped)}
    elsewhere = [name for name in installation.release.manifest.accessories if name not in named]
    return Data(volumes, dumped, sum(sizes), elsewhere)


def queues_first(installation: Installation, names: Iterable[str]) -> list[str]:
    """In which order accessories are dumped. A job that ends between the two is gone from the queue, and what it did is
    not in a database that was dumped before: so the database comes after, and the job is in both, and runs again."""
    made = installation.release.manifest.accessories
    return sorted(names, key=lambda name: made[name].kind not in ("redis", "valkey"))


def _beside(site: Site, installation: Installation) -> tuple[list[AccessorySpec], list[AccessorySpec]]:
    """Those whose volumes are saved, and those that are dumped. What is to run and does not is for the dump to tell."""
    wanted = list(specs(site, installation).values())
    found = there(site, installation.app) if wanted else {}
    runs = {spec.name for spec in wanted if spec.name in found and found[spec.name].phase is Phase.RUNNING}
    is_up = installation.state == "running"
    dumped = [one for one in wanted if one.accessory.kind is not None and (is_up or one.name in runs)]
    return [one for one in wanted if one not in dumped], dumped


def _left_out(installation: Installation) -> dict[str, list[str]]:
    """By volume; the empty path is all of it."""
    found: dict[str, list[str]] = {}
    for path in installation.release.manifest.backup.exclude:
        volume, _, within = path.partition("/")
        found.setdefault(volume, []).append(within)
    return found


def _volume(
    installation: Installation, staging: Staging, name: str, path: Path, without: Sequence[str], *, is_own: bool
) -> Volume:
    seen = staging.survey(path, without)
    is_up = installation.state == "running"
    databases = seen.databases if is_up else {}  # of a stopped app all is read as it is
    rest = seen.size - sum(databases.values())
    return Volume(name, path, rest, _how(installation, bool(databases), is_own=is_own), databases, without)


def _how(
    installation: Installation, has_databases: bool, *, is_own: bool
) -> Literal["live", "held", "quiesced", "stopped"]:
    if installation.state != "running":
        return "stopped"
    if is_own and has_commands(installation):
        return "quiesced"
    is_alone = not is_own or installation.release.manifest.update.strategy == "hold"
    return "held" if is_alone and not has_databases else "live"
