"""Bring the bytes of a release to this machine: never while the app's lock is held.

A source or a registry may be slow, and whoever holds the lock keeps `stop`, `rollback` and `settle` waiting. So a flow
that finds under the lock that bytes are missing says which (`Missing`), lets go of the lock while they are fetched, and
begins anew: another command may have changed everything meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..core.errors import NotHere, Unreachable
from ..core.installation import Installation
from ..core.release import Release
from . import accessories
from .instance import fetch_again
from .settle import settle
from .world import Result, Site, Steps, World


@dataclass(frozen=True)
class Missing:
    """A release that a flow needs and that is not on this machine, or that lacks something beside it; `source` is where
    it comes from."""

    source: str
    release: Release
    settings: Mapping[str, str] = field(repr=False)


def lacks(site: Site, installation: Installation, release: Release) -> Missing | None:
    """None when its bytes are here, and the images of what it needs beside it, and of what runs there now: a flow may
    have to go back to that."""
    if not site.runtime.has(release):
        return _missing(site, installation, release)
    for one in (release, installation.release):
        missing = _missing(site, installation, one)
        if not accessories.have_images(site, one, missing.settings):
            return missing
    return None


def _missing(site: Site, installation: Installation, release: Release) -> Missing:
    has_any = bool(release.manifest.accessories)
    settings = site.store.settings(installation.app, installation.settings) if has_any else {}
    return Missing(installation.source, release, settings)


def with_bytes(world: World, app: str, steps: Steps, flow: Callable[[], Result | Missing], else_: str = "") -> Result:
    """`flow` under the app's lock and after settling, as often as it takes until nothing is missing to it.

    `else_`: what is said of the app when the bytes cannot be had.
    """
    while True:
        with world.store.lock(app):
            settle(world, app, steps)
            done = flow()
        if isinstance(done, Result):
            return done
        with world.store.asking(app):
            _bring(world, done, steps, else_)


def _bring(world: World, missing: Missing, steps: Steps, else_: str) -> None:
    site = world.site(missing.release.manifest.artifact.kind, steps)
    with steps("fetch", f"Fetching {missing.release.version}"):
        try:
            if not site.runtime.has(missing.release):
                fetch_again(site, missing.source, missing.release)
            app, manifest = missing.release.manifest.app, missing.release.manifest
            if manifest.accessories:
                releases = site.sources.open(app, missing.source, missing.release.product)
                accessories.fetch(site, releases, missing.release, missing.settings)
        except (NotHere, Unreachable) as error:
            raise type(error)(f"{error.sentence} {else_}".strip(), error.next_step, key=error.name) from error
