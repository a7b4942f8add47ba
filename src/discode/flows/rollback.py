"""Roll back to a release that is still at hand: the same flow and the same promises as an update."""

from __future__ import annotations

from ..core.installation import Installation
from ..core.journal import Journal
from ..core.plan import plan_rollback
from ..core.release import Release
from .prepare import must_run, next_settings
from .replace import preflight, replace
from .settle import settle
from .world import Result, Site, World


def rollback(world: World, app: str, *, to: str | None = None) -> Result:
    steps = world.steps()
    with world.store.lock(app):
        settle(world, app, steps)
        before = must_run(world.installed(app))
        release = plan_rollback(before, to)
        site = world.site(before.kind, steps)
        with steps("preflight", "Checking disk, memory and settings"):
            site.proxy.ensure()
            after = _rolled_back(site, before, release)
            preflight(site, after)
        with steps("fetch", f"Checking that {release.version} is on this machine"):
            site.runtime.fetch(release, world.sources.open(app, before.source), world.report)
        replace(site, Journal(flow="rollback", started=world.clock.now(), before=before, after=after))
    return Result("rollback", app, "rolled-back", before.version, release.version, str(after.instance), steps.seconds)


def _rolled_back(site: Site, before: Installation, release: Release) -> Installation:
    """An update will not go to the release that was left by itself: the customer had a reason."""
    after = before.with_release(release, next_settings(site, before, release))
    if not before.is_newer_than(release):
        return after
    return after.remembering(before.release, "it was rolled back here.", site.clock.now(), again=False)
