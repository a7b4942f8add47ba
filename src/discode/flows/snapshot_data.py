"""The data of a snapshot, brought to an app that has none: its volumes, and what is beside it with its dumps loaded.

The app does not run. Whoever calls has a journal: what is half there goes when it is settled.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..core.accessory_dumps import dump
from ..core.errors import ReleaseFailed
from ..core.external import password_setting, variables_of, wanted_accessories
from ..core.external_server import load_into
from ..core.installation import Installation
from ..core.quantity import format_size
from ..core.release import Release
from ..core.room import must_have_room, of_restore
from ..core.snapshot import Part
from ..ports.accessories import AccessorySpec
from ..ports.backups import Backups
from . import accessories
from .accessories import await_health, specs, start
from .found_snapshot import Found
from .world import Site, World

LONGEST = 4 * 3600.0  # seconds for one file of a dump


def check_room(world: World, site: Site, app: str, found: Found, step: str) -> None:
    """Both where it is unpacked and where it goes. Raises PreflightError; `step` is what helps beside more space."""
    disks = site.runtime.free_disk(), world.repositories.staging(app).free()
    needed = of_restore(found.record.size, [part.size for part in found.dumps.values()])
    must_have_room(f"The restore of the snapshot {found.snapshot.id}", needed, *disks, advice=step)


def own_settings(found: Found, release: Release) -> dict[str, str]:
    """For a copy that shares nothing with the original: what the snapshot has a dump of is run beside the copy, with a
    password of its own, wherever the original has it. Beside processes nothing can run."""
    if found.record.kind == "archive":
        return dict(found.settings)
    dropped = {password_setting(name) for name in found.dumps}
    for name in found.dumps:
        dropped |= set(variables_of(release.manifest, name))
    return {name: value for name, value in found.settings.items() if name not in dropped}


def shared(release: Release, settings: Mapping[str, str]) -> list[str]:
    """Accessories that are elsewhere, at the original's own address."""
    return [name for name in release.manifest.accessories if name not in wanted_accessories(release.manifest, settings)]


def bring_data(world: World, site: Site, after: Installation, found: Found, repository: Backups) -> None:
    """Raises what the ports raise; ReleaseFailed for a dump that cannot be loaded."""
    folder = site.store.workspace(after.app)
    tree, volumes = folder / "restored", folder / "volumes"
    places = site.runtime.make_volumes(after.app, found.volumes)
    with site.steps("restore", f"Restoring {format_size(found.record.size)}"):
        repository.restore(found.snapshot, tree, world.report)
    wanted, dumps = specs(site, after), found.dumps
    for name, part in dumps.items():
        if name in wanted:
            _load(site, after, wanted[name], part, tree)
    with site.steps("lay out", "Putting the data in its place"):
        world.repositories.lay_out(tree, found.record, volumes)
        world.repositories.fill(volumes, places)
    for spec in (one for name, one in wanted.items() if name not in dumps):
        with site.steps("accessories", f"Starting {spec.container}"):
            start(site, after, spec)
            await_health(site, spec)


def _load(site: Site, after: Installation, spec: AccessorySpec, part: Part, tree: Path) -> None:
    with site.steps("accessories", f"Starting {spec.container}"):
        start(site, after, spec)
        await_health(site, spec)
    kind = spec.accessory.kind
    if kind is None:
        raise ReleaseFailed(f"{spec.container} is none that a dump can be loaded into.", "Choose another snapshot.")
    with site.steps("load", f"Loading the data of {spec.container}"):
        for file in part.files:
            given = tree / part.path.lstrip("/") / file
            command = dump(kind, file).load if part.kind == "dump" else load_into(kind)
            done = site.accessories.execute(spec.app, spec.name, command, stdin=given, timeout=LONGEST)
            if done.exit_code != 0:
                how = "did not end in time" if done.exit_code is None else f"exited with {done.exit_code}"
                raise accessories.failure(site, spec, f"could not load {file}: {command[0]} {how}", done.errors)
