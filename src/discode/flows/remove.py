"""Uninstall an app. Its data, settings and history stay unless the customer wants them gone too."""

from __future__ import annotations

from ..core.journal import Journal
from .conclude import carry_out
from .forward import uninstall
from .settle import settle
from .world import Result, World


def remove(world: World, app: str, *, purge: bool = False) -> Result:
    steps = world.steps()
    with world.store.lock(app):
        settle(world, app, steps)
        before = world.installed(app)
        site = world.site(before.kind, steps)
        journal = Journal(flow="uninstall", started=world.clock.now(), before=before, after=None, purge=purge)
        with steps("remove", f"Removing {before.instance}"):
            site.proxy.ensure()
            # A signal too must not leave it half removed.
            carry_out(site, journal, lambda: uninstall(site, journal))
    kept = "Its data is deleted." if purge else "Its data and settings are kept; --purge deletes them."
    return Result("uninstall", app, "uninstalled", before.version, None, None, steps.seconds, kept)
