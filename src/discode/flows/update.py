"""Update an app: the new version starts beside the old one and takes over, or nothing has changed.

1. take the app's lock; settle whatever an earlier run left
2. ask the release source; verify; plan: nothing to do, a refusal with its reason, or from -> to
3. preflight: disk, memory, required settings. Nothing has been touched yet
4. fetch the release, with progress
5. to 11. `replace`: journal, release command, boot, switch, confirm, drain, stop the old one, save
"""

from __future__ import annotations

from ..core.installation import Installation
from ..core.journal import Journal
from ..core.plan import NothingToDo, Step, plan_update
from ..core.release import Index, Release
from ..ports.releases import Releases
from .prepare import must_run, next_settings, seeded
from .replace import preflight, replace
from .settle import settle
from .world import Result, Steps, World


def update(world: World, app: str, *, to: str | None = None, retry: bool = False, ahead: bool = False) -> Result:
    """To the newest release of the installation's channel, or to version `to`; through intermediate releases where
    the vendor requires them. `retry`: also to a release that has failed here. `ahead`: not waiting for its rollout."""
    steps = world.steps()
    with world.store.lock(app):
        settle(world, app, steps)
        while True:
            before = seeded(world, must_run(world.installed(app)))
            with steps("plan", "Looking for a newer release"):
                releases = world.sources.open(app, before.source)
                plan = _plan(world, before, releases.index(), to, retry, ahead)
            if isinstance(plan, NothingToDo):
                return Result(
                    "update", app, "nothing-to-do", before.version, before.version, str(before.instance),
                    steps.seconds, plan.reason,
                )  # fmt: skip
            result = _step(world, before, releases, plan, steps)
            if plan.entry.key == plan.target.key:
                return result


def check(world: World, app: str) -> tuple[Installation, Index, NothingToDo | Step]:
    """What `update` would do now. Changes nothing but the trusted metadata."""
    with world.store.lock(app):
        before = seeded(world, world.installed(app))
        index = world.sources.open(app, before.source).index()
        return before, index, _plan(world, before, index, None, False, False)


def _plan(
    world: World, before: Installation, index: Index, to: str | None, retry: bool, ahead: bool
) -> NothingToDo | Step:
    now = world.clock.now()
    return plan_update(before, index, to, {} if retry else before.avoided(now), now, ahead)


def _step(world: World, before: Installation, releases: Releases, plan: Step, steps: Steps) -> Result:
    with steps("plan", f"Reading the manifest of {plan.entry.version}"):
        release = releases.release(plan.entry)
    journal = _prepared(world, before, releases, release, steps)
    replace(world.site(before.kind, steps), journal)
    assert journal.after is not None
    return Result(
        "update", before.app, "updated", before.version, release.version, str(journal.after.instance), steps.seconds
    )


def _prepared(world: World, before: Installation, releases: Releases, release: Release, steps: Steps) -> Journal:
    """All that can be done before anything is touched."""
    world.platforms.choose(release.manifest.artifact.kind)
    site = world.site(release.manifest.artifact.kind, steps)
    with steps("preflight", "Checking disk, memory and settings"):
        site.proxy.ensure()
        after = before.with_release(release, next_settings(site, before, release))
        preflight(site, after)
    with steps("fetch", f"Fetching {release.version}"):
        site.runtime.fetch(release, releases, world.report)
    return Journal(flow="update", started=world.clock.now(), before=before, after=after)
