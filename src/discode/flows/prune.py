"""Prune: give up earlier releases, and drop what no release of an app needs."""

from __future__ import annotations

from contextlib import suppress

from ..core.errors import Busy, UsageError
from ..core.installation import KEPT
from . import accessories, accessory_data
from .settle import settle
from .world import Result, Site, World


def prune(world: World, app: str, *, keep: int = KEPT) -> Result:
    """`keep`: how many earlier releases stay for a rollback. What serves, its data and settings are not touched."""
    if not 0 <= keep <= KEPT:
        raise UsageError(f"--keep must be between 0 and {KEPT}.", f"For example: discode prune {app}")
    steps = world.steps()
    with world.store.lock(app):
        settle(world, app, steps)
        before = world.installed(app)
        after = before.changed(previous=before.previous[:keep])
        with steps("prune", f"Removing what {app} does not need"):
            # First the promise, then the bytes: a rollback is never offered to what is gone.
            if after != before:
                world.store.save_installation(after)
            site = world.site(before.kind, steps)
            site.runtime.sweep(app)
            site.runtime.prune(app, after.kept_keys())
            has_replaced = _drop_replaced(site, app)
            dropped = accessory_data.drop_earlier(site, after)
            if accessories.has_any(before):
                accessories.prune_images(site, after)
    kept = ", ".join(release.version for release in after.previous) or "none"
    message = f"Kept for a rollback: {kept}."
    if dropped:
        message += f" Data from before an upgrade is deleted: {', '.join(dropped)}."
    if has_replaced:
        message += " Data that a restore has replaced is deleted."
    return Result("prune", app, "pruned", before.version, before.version, str(before.instance), steps.seconds, message)


def _drop_replaced(site: Site, app: str) -> bool:
    """Data that restores have replaced. Not while another one makes its own ready: that is beside it."""
    with suppress(Busy), site.store.backing_up(app):
        return site.runtime.drop_swaps(app, replaced=True)
    return False
