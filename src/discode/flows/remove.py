"""Uninstall an app. Its data, settings and history stay unless the customer wants them gone too, now or later."""

from __future__ import annotations

from typing import Literal

from ..core.artifact import KINDS
from ..core.errors import RuntimeUnreachable
from ..core.journal import Journal
from ..core.kept import Kept
from ..core.names import check_slug
from .conclude import carry_out
from .forward import drop_data, take_away, uninstall
from .settle import settle, sweep_staging
from .world import Result, Steps, World


def remove(world: World, app: str, *, purge: bool = False) -> Result:
    steps = world.steps()
    sweep_staging(world, check_slug(app))  # of an app that is not installed nobody would look for it
    with world.store.lock(app):
        settle(world, app, steps)
        before = world.store.installation(app)
        if before is None:
            if not purge:
                raise world.not_installed(app)
            return _purge_kept(world, app, steps)
        site = world.site(before.kind, steps)
        journal = Journal(flow="uninstall", started=world.clock.now(), before=before, after=None, purge=purge)
        with steps("remove", f"Removing {before.instance}"):
            site.proxy.ensure()
            # A signal too must not leave it half removed.
            carry_out(site, journal, lambda: uninstall(site, journal))
    kept = "Its data is deleted." if purge else "Its data and settings are kept; --purge deletes them."
    return Result("uninstall", app, "uninstalled", before.version, None, None, steps.seconds, kept)


def must_be_here(world: World, app: str) -> None:
    """Installed, on its way, or something of it: there is what to remove. Raises NoSuchApp, UsageError."""
    store = world.store
    if store.journal(check_slug(app)) is None and store.installation(app) is None and store.kept(app) is None:
        raise world.not_installed(app)


def _purge_kept(world: World, app: str, steps: Steps) -> Result:
    """Of an app that is not installed any more, or never was: its install failed. Without a journal: each part can be
    repeated, and the record of what is left goes last, with the store's own files."""
    kept = world.store.kept(app)
    if kept is None:
        raise world.not_installed(app)
    with steps("remove", f"Deleting what is left of {app}"):
        for kind in _kinds(world, kept):
            _drop(world, kept, kind, steps)
        world.store.purge(app)
    return Result("uninstall", app, "purged", seconds=steps.seconds)


def _kinds(world: World, kept: Kept) -> tuple[Literal["archive", "image"], ...]:
    """Where its data can be. Settings come before anything runs: without any it has none."""
    if kept.kind is not None:
        return (kept.kind,)
    return KINDS if world.store.latest_settings(kept.app)[0] else ()


def _drop(world: World, kept: Kept, kind: Literal["archive", "image"], steps: Steps) -> None:
    """Raises RuntimeUnreachable while it cannot be seen whether there is data of that kind."""
    try:
        site = world.site(kind, steps)
        take_away(site, kept.app)
        drop_data(site, kept.app)
        if not world.store.apps():
            site.proxy.retire(purge=True)
    except RuntimeUnreachable as error:
        if kept.kind is not None or error.name != "docker-missing":
            raise
