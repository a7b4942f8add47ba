"""The data of what is beside an app: whether a release can go on with it, and the end of what nobody needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from ..core.accessory import Accessory, volume_of
from ..core.errors import PreflightError, Refused
from ..core.external import wanted_accessories
from ..core.installation import Installation
from ..core.journal import Journal
from .accessories import Change, specs, there
from .world import Site


def check_data(site: Site, before: Installation | None, after: Installation, settings: Mapping[str, str]) -> None:
    """Whether the app has data, of an earlier installation, that what the release needs beside it, by these settings,
    would pass over in silence: data of other versions. Raises PreflightError."""
    was = before.release.manifest.accessories if before else {}
    wanted = wanted_accessories(after.release.manifest, settings)
    if new := {name: one for name, one in wanted.items() if name not in was}:
        left = site.accessories.volumes(after.app)
        for name, one in new.items():
            _must_know(after, name, one, left)


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
