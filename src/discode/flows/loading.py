"""Load the dumps of a snapshot into servers of their own, while the app and what is beside it go on.

The servers are those of the snapshot's release, and belong to an app of a name that no app can have, so no other flow
sees them. They are of one restore at a time, by the lock of backups.

1. start each, on an empty volume; load, count
2. stop it, start it, count again: what is on its disk is what it was given
3. stop it; its volumes are handed over, to be swapped for those of the app
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..core.accessory import Kind
from ..core.accessory_dumps import comparison, dump
from ..core.backup_errors import BackupFailed
from ..core.errors import DiscodeError, Refused, Unreachable
from ..core.installation import Installation
from ..core.snapshot import Part, SnapshotRecord
from ..ports.accessories import AccessorySpec
from ..ports.report import Silence
from .accessories import await_health, there
from .dumps import LONGEST
from .world import Site


def aside(app: str) -> str:
    """The name for which they run: a dot cannot stand in an app's own."""
    return f"{app}.restore"


def check_dumps(record: SnapshotRecord, wanted: Mapping[str, AccessorySpec]) -> None:
    """Raises Refused where a database that the app shall have is not in the snapshot, or one is that it shall not."""
    dumped, volumes = (
        {part.name for part in record.dumps},
        {part.name for part in record.parts if part.kind == "volume"},
    )
    missing = [
        spec.container
        for name, spec in wanted.items()
        if spec.accessory.kind is not None and name not in dumped and not set(spec.volumes) <= volumes
    ]
    if missing or not dumped <= set(wanted):
        what = f"nothing of {missing[0]}" if missing else "dumps of what its release has not beside it"
        raise Refused(
            f"The snapshot has {what}, so it would not be restored whole. Nothing was changed.",
            f"Choose another snapshot: discode backup list {record.app}",
            key="damaged-snapshot",
        )


def load(
    site: Site, before: Installation, record: SnapshotRecord, wanted: Mapping[str, AccessorySpec], tree: Path
) -> None:
    """All dumps of a snapshot that was restored below `tree`. Raises BackupFailed; the app was not touched."""
    for part in record.dumps:
        spec = replace(wanted[part.name], app=aside(record.app))
        with site.steps(
            "load", f"Loading {part.server} {part.version} into a server beside {wanted[part.name].container}"
        ):
            try:
                _start(site, before, spec)
                _load(site, spec, part, tree)
            except Unreachable:
                raise
            except DiscodeError as error:
                raise _failed(wanted[part.name], error.sentence, error.log) from error


def hand_over(site: Site, record: SnapshotRecord, wanted: Mapping[str, AccessorySpec], place: Path) -> None:
    """Their volumes, into the folder `place`; the servers go."""
    other = aside(record.app)
    for part in record.dumps:
        site.accessories.remove(other, part.name)
        for volume in wanted[part.name].volumes:
            site.accessories.hand_over(other, volume, place / volume)


def sweep(site: Site, app: str) -> None:
    """What is left of them, whatever came between."""
    other = aside(app)
    for name in there(site, other):
        site.accessories.remove(other, name)
    for volume in site.accessories.volumes(other):
        site.accessories.drop_volume(other, volume)
    site.accessories.prune(other, frozenset())
    site.runtime.forget(other)


def _start(site: Site, before: Installation, spec: AccessorySpec) -> None:
    releases = site.sources.open(before.app, before.source, before.release.product)
    site.accessories.fetch(spec.app, spec.accessory.image, releases, Silence())
    site.accessories.start(spec)
    await_health(site, spec)


def _load(site: Site, spec: AccessorySpec, part: Part, tree: Path) -> None:
    kind = part.server
    assert kind is not None
    for file in part.files:
        _run(site, spec, dump(kind, file).load, tree / part.path.lstrip("/") / file)
    counted = _count(site, spec, kind)
    site.accessories.stop(spec.app, spec.name, spec.accessory.stop)
    site.accessories.start(spec)
    await_health(site, spec)
    if _count(site, spec, kind) != counted:
        raise _Broken("it does not have on its disk what was loaded into it")
    site.accessories.stop(spec.app, spec.name, spec.accessory.stop)


def _count(site: Site, spec: AccessorySpec, kind: Kind) -> str:
    return _run(site, spec, comparison(kind))


def _run(site: Site, spec: AccessorySpec, command: Sequence[str], stdin: Path | None = None) -> str:
    done = site.accessories.execute(spec.app, spec.name, command, stdin=stdin, timeout=LONGEST)
    if done.exit_code == 0:
        return done.output
    ended = f"did not end within {LONGEST / 3600:g} h" if done.exit_code is None else f"exited with {done.exit_code}"
    raise _Broken(f"{command[0]} {ended}", log=done.errors)


class _Broken(BackupFailed):
    """Why, in words that follow a colon."""


def _failed(spec: AccessorySpec, why: str, log: Sequence[str]) -> BackupFailed:
    return BackupFailed(
        f"The snapshot's data of {spec.container} ({spec.accessory.product}) could not be loaded: {why.rstrip('.')}. "
        "Your app was not touched.",
        f"Choose another snapshot: discode backup list {spec.app}",
        key="load-failed",
        log=tuple(log),
    )
