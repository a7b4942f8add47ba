"""What is beside an app, its databases and servers: as the manifest of the side that runs says, and nothing else.

Those that run as they are to run are never touched. What is to be of which side follows from its manifest and settings
alone, so whoever settles an interrupted flow needs no record of how far it came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..core.errors import NotHere, Refused, ReleaseFailed, Unreachable
from ..core.external import wanted_accessories
from ..core.installation import Installation
from ..core.release import Release
from ..core.settings import accessory_environment
from ..ports.accessories import AccessorySpec, AccessoryState
from ..ports.releases import Releases
from ..ports.runtime import Phase, Probe
from .prepare import own_address
from .world import Site

INTERVAL = 0.1  # seconds between two looks at one that gets up
SHOWN_LINES = 15
GRACE = 30.0  # seconds, of one that no release tells of any more


def specs(site: Site, installation: Installation) -> dict[str, AccessorySpec]:
    """Those of the installation, by name."""
    if not installation.release.manifest.accessories:
        return {}
    return specs_with(site, installation, site.store.settings(installation.app, installation.settings))


def specs_with(site: Site, installation: Installation, settings: Mapping[str, str]) -> dict[str, AccessorySpec]:
    """As it would have them with these settings."""
    manifest = installation.release.manifest
    own = own_address(site, manifest, installation.route)
    return {
        name: AccessorySpec(installation.app, name, one, accessory_environment(manifest, settings, name, own))
        for name, one in wanted_accessories(manifest, settings).items()
    }


@dataclass(frozen=True)
class Change:
    """What a flow does to those of an app. `new` are started, `changed` (each as it was, as far as that is known, and
    as it is to be) take the place of what runs, and only while requests wait."""

    new: tuple[AccessorySpec, ...] = ()
    changed: tuple[tuple[AccessorySpec | None, AccessorySpec], ...] = ()

    @property
    def touched(self) -> list[AccessorySpec]:
        return [*self.new, *(after for _, after in self.changed)]

    @property
    def upgrades(self) -> bool:
        """Whether data goes to a new volume: what is written from then on is not in the one before."""
        return bool(self.upgraded)

    @property
    def upgraded(self) -> list[str]:
        """The volumes that data goes to."""
        pairs = [(before, after) for before, after in self.changed if before is not None and is_upgrade(before, after)]
        return [volume for before, after in pairs for volume in after.volumes if volume not in before.volumes]


def is_upgrade(before: AccessorySpec, after: AccessorySpec) -> bool:
    """Whether the one cannot go on with the volume of the other: it gets its data by dump and restore."""
    kinds = before.accessory.kind, after.accessory.kind
    has_data = bool(before.volumes and after.volumes)
    return kinds[0] == kinds[1] is not None and has_data and set(before.volumes) != set(after.volumes)


def changes(site: Site, before: Installation | None, after: Installation) -> Change:
    """From what runs, and from the data that the app has, to what `after` says."""
    wanted = specs(site, after)
    if not wanted:
        return Change()
    was, found = specs(site, before) if before else {}, there(site, after.app)
    new, changed = [], []
    for name, spec in wanted.items():
        state, old = found.get(name), was.get(name)
        if (old and is_upgrade(old, spec)) or (state and before and state.fingerprint != spec.fingerprint):
            changed.append((old, spec))
        elif not is_so(state, spec):
            new.append(spec)
    return Change(tuple(new), tuple(changed))


def upgrades(site: Site, before: Installation | None, after: Installation | None) -> bool:
    """As `Change.upgrades`, by the manifests alone."""
    if before is None or after is None:
        return False
    was = specs(site, before)
    wanted = specs(site, after) if was else {}
    return any(is_upgrade(was[name], spec) for name, spec in wanted.items() if name in was)


def there(site: Site, app: str) -> dict[str, AccessoryState]:
    return {state.name: state for state in site.accessories.all(app)}


def have_run(site: Site, installation: Installation, left: Callable[[], float] | None = None) -> list[AccessorySpec]:
    """All of them as the installation says, and healthy: nobody's requests reach the app now. Raises ReleaseFailed,
    NotHere."""
    wanted = list(specs(site, installation).values())
    for spec in wanted:
        start(site, installation, spec)
        await_health(site, spec, left)
    return wanted


def bring_up(site: Site, installation: Installation) -> None:
    """Those that are down; one that runs, ill or not, is left alone: the app may be using it. Raises as `have_run`."""
    for spec in _down(site, installation):
        start(site, installation, spec)
        await_health(site, spec)


def are_up(site: Site, installation: Installation) -> bool:
    """Whether all of them run, however."""
    return not _down(site, installation)


def _down(site: Site, installation: Installation) -> list[AccessorySpec]:
    wanted = specs(site, installation)
    found = there(site, installation.app) if wanted else {}
    return [spec for name, spec in wanted.items() if name not in found or found[name].phase is not Phase.RUNNING]


def are_so(site: Site, installation: Installation) -> bool:
    """Whether all of them run as the installation says."""
    wanted = specs(site, installation)
    found = there(site, installation.app) if wanted else {}
    return all(is_so(found.get(name), spec) for name, spec in wanted.items())


def are_well(site: Site, installation: Installation) -> bool:
    """Whether all of them run as the installation says, and are healthy now."""
    wanted = specs(site, installation).values()
    return are_so(site, installation) and all(site.accessories.healthy(spec).ok for spec in wanted)


def is_so(state: AccessoryState | None, spec: AccessorySpec) -> bool:
    """Whether it runs, and as the spec says."""
    return state is not None and state.phase is Phase.RUNNING and state.fingerprint == spec.fingerprint


def fetch(site: Site, releases: Releases, release: Release, settings: Mapping[str, str]) -> None:
    """Bring the images of those that the release needs with these settings. Raises as `Accessories.fetch`."""
    for one in wanted_accessories(release.manifest, settings).values():
        site.accessories.fetch(release.manifest.app, one.image, releases, site.report)


def have_images(site: Site, release: Release, settings: Mapping[str, str]) -> bool:
    wanted = wanted_accessories(release.manifest, settings).values()
    return all(site.accessories.has(release.manifest.app, one.image) for one in wanted)


def start(site: Site, installation: Installation, spec: AccessorySpec) -> None:
    """Where its image is gone from this machine, it is fetched again. Raises NotHere when it cannot be had any more,
    Unreachable when whoever has it does not answer."""
    try:
        site.accessories.start(spec)
    except NotHere:
        site.report.note(f"The image of {spec.container} is no longer on this machine; fetching it again.")
        try:
            releases = site.sources.open(spec.app, installation.source, installation.release.product)
            site.accessories.fetch(spec.app, spec.accessory.image, releases, site.report)
        except (Refused, Unreachable) as error:
            kind = type(error) if isinstance(error, Unreachable) else NotHere
            raise kind(
                f"The image of {spec.container} is no longer on this machine, and it cannot be fetched again: "
                f"{error.sentence}",
                error.next_step,
                key=error.name,
            ) from error
        site.accessories.start(spec)


def await_health(site: Site, spec: AccessorySpec, left: Callable[[], float] | None = None) -> None:
    """For as long as the vendor gives it, and no longer than `left` says. Raises ReleaseFailed."""
    begun = site.clock.monotonic()
    while not (probe := site.accessories.healthy(spec)).ok:
        _must_run(site, spec)
        waited = site.clock.monotonic() - begun
        if waited >= spec.accessory.health.deadline or (left is not None and left() <= 0):
            raise failure(site, spec, f"did not get healthy within {waited:.3g} s: {probe.detail}")
        site.clock.sleep(INTERVAL)


def trouble(site: Site, touched: Iterable[AccessorySpec]) -> Probe:
    """The first of them that is not well. Raises ReleaseFailed for one that has ended."""
    for spec in touched:
        _must_run(site, spec)
        if not (probe := site.accessories.healthy(spec)).ok:
            return Probe(False, f"{spec.container}: {probe.detail}")
    return Probe(True, "they are healthy")


def _must_run(site: Site, spec: AccessorySpec) -> None:
    state = site.accessories.inspect(spec.app, spec.name)
    if state is None:
        raise ReleaseFailed(f"{spec.container} disappeared: somebody removed it.")
    if state.phase is not Phase.RUNNING or state.restarts:
        code = f"exited with {state.exit_code}" if state.exit_code is not None else "ended"
        raise failure(site, spec, f"{code}{f': {state.reason}' if state.reason else ''}")


def failure(site: Site, spec: AccessorySpec, what: str, lines: Sequence[str] = ()) -> ReleaseFailed:
    shown = tuple(lines) or tuple(site.accessories.logs(spec.app, spec.name, SHOWN_LINES))
    sentence = f"{spec.container} ({spec.accessory.image.repository}) {what}."
    return ReleaseFailed(sentence, "Send the log to the vendor; a newer release may fix it.", log=shown)


def let_go(site: Site, app: str) -> None:
    """Those that have volumes are stopped, whosever they are: other data takes its place in these."""
    for name, state in there(site, app).items():
        if state.volumes:
            site.accessories.stop(app, name, _grace(site, app, name))


def stop(site: Site, installation: Installation) -> None:
    """After the app. External ones are not ours."""
    for name, one in installation.release.manifest.accessories.items():
        site.accessories.stop(installation.app, name, one.stop)


def retire_others(site: Site, keep: Installation | None, app: str) -> None:
    """Stop and remove those that `keep` does not have; nobody uses them any more. Their volumes stay."""
    wanted = specs(site, keep) if keep else {}
    for name in there(site, app):
        if name not in wanted:
            site.accessories.stop(app, name, _grace(site, app, name))
            site.accessories.remove(app, name)


def has_any(*sides: Installation | None) -> bool:
    """Whether a release of theirs has some: of other apps nothing is asked."""
    return any(side is not None and bool(side.release.manifest.accessories) for side in sides)


def prune_images(site: Site, installation: Installation) -> None:
    """But for those of the releases that stay on the machine."""
    kept = (installation.release, *installation.previous)
    images = {one.image.reference for release in kept for one in release.manifest.accessories.values()}
    site.accessories.prune(installation.app, frozenset(images))


def _grace(site: Site, app: str, name: str) -> float:
    installation, journal = site.store.installation(app), site.store.journal(app)
    sides = [installation, journal.before if journal else None, journal.after if journal else None]
    found = (side.release.manifest.accessories.get(name) for side in sides if side)
    return next((one.stop for one in found if one), GRACE)
