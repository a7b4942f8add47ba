"""The data of what is beside an app: whether a release can go on with it, and the end of what nobody needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from ..core.accessory import Accessory, volume_of
from ..core.accessory_dumps import size
from ..core.errors import CannotRun, NoSuchCommand, PreflightError, Refused
from ..core.external import wanted_accessories
from ..core.installation import Installation
from ..core.journal import Journal
from ..core.room import must_have_room, of_upgrade
from .accessories import Change, specs, there
from .world import Site

LOOK = 120.0  # seconds for a look at how large its data is


def check_data(site: Site, before: Installation | None, after: Installation, settings: Mapping[str, str]) -> None:
    """Whether the app has data, of an earlier installation, that what the release needs beside it, by these settings,
    would pass over in silence: data of other versions; and whether there is room to bring data to another version.
    Raises PreflightError."""
    was = before.release.manifest.accessories if before else {}
    wanted = wanted_accessories(after.release.manifest, settings)
    _must_have_room(site, after, {name: was[name] for name, one in wanted.items() if _is_other(was.get(name), one)})
    if new := {name: one for name, one in wanted.items() if name not in was}:
        left = site.accessories.volumes(after.app)
        for name, one in new.items():
            _must_know(after, name, one, left)


def _is_other(was: Accessory | None, one: Accessory) -> bool:
    """Whether its data goes to a new volume, by dump and restore."""
    return was is not None and was.kind == one.kind is not None and was.generation != one.generation


def _must_have_room(site: Site, after: Installation, brought: Mapping[str, Accessory]) -> None:
    """For the dump of each, and for its second volume: no more than the first one has, each."""
    if not brought:
        return
    needed = of_upgrade([_size(site, after.app, name, one) for name, one in brought.items()])
    containers = ", ".join(f"{after.app}-{name}" for name in brought)
    purpose = f"A second copy of the data of {containers}, with its dump, for {after.app} {after.version}"
    must_have_room(purpose, needed, site.runtime.free_disk())


def _size(site: Site, app: str, name: str, one: Accessory) -> int:
    """Bytes. None where it cannot be told: then the upgrade itself will see."""
    found = 0
    for path in one.volumes.values():
        with suppress(Refused, NoSuchCommand, CannotRun):
            done = site.accessories.execute(app, name, size(path), timeout=LOOK)
            number = done.output.split(None, 1)[:1]
            found += int(number[0]) if done.exit_code == 0 and number and number[0].isdecimal() else 0
    return found


def _must_know(after: Installation, name: str, one: Accessory, left: Sequence[str]) -> None:
    for volume in one.volumes:
        found = [other for other in left if other.startswith(f"{name}.{volume}.")]
        if found and volume_of(name, one, volume) not in left:
            raise PreflightError(
                f"{after.app} {after.version} has {one.product} as {name}, and there is data of another version of it "
                f"from an earlier installation: {', '.join(found)}. Nothing was changed.",
                f"Install the version that had it, then update: discode install {after.app} --version VERSION. "
                f"Or delete the data: discode uninstall {after.app} --purge",
                key="accessory-other-data",
            )


def with_unproved(site: Site, journal: Journal, volumes: Sequence[str]) -> Journal:
    """The journal of a flow, when just these volumes of its own count for nothing yet; written where that is new."""
    if journal.unproved == (wanted := tuple(sorted(volumes))):
        return journal
    changed = journal.changed(unproved=wanted)
    site.store.write_journal(changed)
    return changed


def to_be_filled(site: Site, change: Change) -> list[str]:
    """The volumes of new ones that have no data yet."""
    wanted = {volume for spec in change.new for volume in spec.volumes}
    return sorted(wanted.difference(site.accessories.volumes(change.new[0].app))) if wanted else []


def drop_unproved(site: Site, journal: Journal) -> None:
    """A database that was ended in the middle of its first start, or of a restore, would begin with what it has made so
    far, and never with all of it: the next try shall find nothing. What somebody else uses stays."""
    if not journal.unproved:
        return
    for state in there(site, journal.app).values():
        if set(state.volumes) & set(journal.unproved):
            site.accessories.remove(journal.app, state.name)
    for volume in journal.unproved:
        try:
            site.accessories.drop_volume(journal.app, volume)
        except Refused as error:
            site.report.note(f"{error.sentence} {error.next_step}")


def drop_emptied(site: Site, installation: Installation, swap: str) -> None:
    """After a restore, volumes that what it has restored does not have are empty: whoever comes with one again shall
    find none. What they had is with what the swap has replaced."""
    app = installation.app
    if not site.runtime.is_swapped(app, swap):
        return
    needed = {volume for spec in specs(site, installation).values() for volume in spec.volumes}
    for volume in site.accessories.volumes(app):
        if volume not in needed:
            with suppress(Refused):  # somebody else's container has it
                site.accessories.drop_volume(app, volume)


def drop_data(site: Site, app: str) -> None:
    """Delete their volumes, when none of them is left: the customer asked for it."""
    for volume in site.accessories.volumes(app):
        site.accessories.drop_volume(app, volume)


def drop_earlier(site: Site, installation: Installation) -> list[str]:
    """Delete the volumes with which a database was before its last major versions, or with half of what an upgrade
    would have brought. Those that were dropped."""
    app, wanted = installation.app, specs(site, installation)
    if not wanted:
        return []
    needed = {volume for spec in wanted.values() for volume in spec.volumes}
    begins = tuple(f"{name}.{one}." for name, spec in wanted.items() for one in spec.accessory.volumes)
    found = [one for one in site.accessories.volumes(app) if one not in needed and one.startswith(begins)]
    for volume in found:
        site.accessories.drop_volume(app, volume)
    return found
