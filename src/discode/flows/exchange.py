"""Another image, other settings or another major version of what is beside an app, while its requests wait.

The data of a database goes to a new volume by dump and restore, and the old one stays as it is: whoever goes back finds
it. Until the first request is let through, the truth is in the old one, whatever the new one has.

1. dump the old one, and count what it has
2. stop it; drop a new volume that an earlier try has left half restored
3. start the new one, restore, count again: the same, or it has failed
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..core.accessory import Kind
from ..core.accessory_dumps import Dump, comparison, databases, dumps
from ..core.errors import ReleaseFailed
from ..core.installation import Installation
from ..ports.accessories import AccessorySpec, Executed
from .accessories import Change, await_health, failure, is_so, is_upgrade, start
from .world import Site

Left = Callable[[], float]  # seconds for which requests may still be held


def exchange(site: Site, after: Installation, change: Change, left: Left) -> None:
    """Requests are held, and no instance of the app runs. Raises ReleaseFailed."""
    for old, new in change.changed:
        if old is not None and is_upgrade(old, new):
            with site.steps("data", f"Bringing the data of {new.container} to {new.accessory.version}"):
                _upgrade(site, after, old, new, left)
        else:
            _replace(site, after, new, left)


def _replace(site: Site, after: Installation, new: AccessorySpec, left: Left) -> None:
    site.accessories.stop(new.app, new.name, new.accessory.stop)
    start(site, after, new)
    await_health(site, new, left)


def _upgrade(site: Site, after: Installation, old: AccessorySpec, new: AccessorySpec, left: Left) -> None:
    # Programs of people's own (`discode run`) would write what no dump has.
    site.runtime.sweep(new.app, living=True)
    _must_run_as_before(site, after, old, left)
    folder = site.store.workspace(new.app)
    parts, counted = _dump(site, old, folder, left)
    site.accessories.stop(old.app, old.name, old.accessory.stop)
    site.accessories.remove(old.app, old.name)
    for volume in set(new.volumes) - set(old.volumes):
        site.accessories.drop_volume(new.app, volume)
    start(site, after, new)
    await_health(site, new, left)
    for part in parts:
        _run(site, new, part.load, left, stdin=folder / part.file)
    if _count(site, new, left) != counted:
        raise failure(site, new, f"does not have after the restore what {old.accessory.version} had before")


def _must_run_as_before(site: Site, after: Installation, old: AccessorySpec, left: Left) -> None:
    """An earlier try may have been cut off anywhere."""
    if not is_so(site.accessories.inspect(old.app, old.name), old):
        start(site, after, old)
    await_health(site, old, left)


def _dump(site: Site, old: AccessorySpec, folder: Path, left: Left) -> tuple[list[Dump], str]:
    kind = _kind(old)
    lists = databases(kind)
    printed = _run(site, old, lists, left).output if lists else ""
    try:
        parts = dumps(kind, printed)
    except ValueError as error:
        raise failure(site, old, f"cannot be dumped: {error}") from None
    for part in parts:
        _run(site, old, part.save, left, stdout=folder / part.file)
    return parts, _count(site, old, left)


def _count(site: Site, spec: AccessorySpec, left: Left) -> str:
    return _run(site, spec, comparison(_kind(spec)), left).output


def _run(
    site: Site,
    spec: AccessorySpec,
    command: Sequence[str],
    left: Left,
    *,
    stdin: Path | None = None,
    stdout: Path | None = None,
) -> Executed:
    if (seconds := left()) <= 0:
        raise _too_long(spec)
    done = site.accessories.execute(spec.app, spec.name, command, stdin=stdin, stdout=stdout, timeout=seconds)
    if done.exit_code is None:
        raise _too_long(spec)
    if done.exit_code != 0:
        raise failure(site, spec, f"failed: {command[0]} exited with {done.exit_code}", done.errors)
    return done


def _too_long(spec: AccessorySpec) -> ReleaseFailed:
    return ReleaseFailed(
        f"The data of {spec.container} is not over in the time for which requests may be held.",
        "Ask the vendor for a longer time: update.hold in discode.yml",
    )


def _kind(spec: AccessorySpec) -> Kind:
    assert spec.accessory.kind is not None, "only what is known can be dumped"
    return spec.accessory.kind
