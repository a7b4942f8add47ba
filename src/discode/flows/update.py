"""Update an app: the new version starts beside the old one and takes over, or nothing has changed.

1. wait for a backup that is under way; settle whatever an earlier run left
2. ask the release source; verify; plan: nothing to do, a refusal with its reason, or from -> to
3. preflight: disk, memory, required settings. Nothing has been touched yet
4. fetch the release, with progress; take a snapshot of the data, where backups are set up
5. take the app's lock. Whatever changed meanwhile: from 2 on once more
6. to 12. `replace`: journal, release command, boot, switch, confirm, drain, stop the old one, save

A source may be slow. So nobody holds the app's lock while it is asked: only another command that would ask it for the
same app has to wait (`asking`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..core.accessory_plan import check_accessories
from ..core.external import wanted_accessories
from ..core.installation import Installation
from ..core.journal import Journal
from ..core.plan import NothingToDo, Step, check_kind, plan_update, warning_of, withdrawn
from ..core.release import Index, Release
from ..ports.releases import Releases
from . import accessories, accessory_data
from .prepare import check_settings, must_run, next_settings, seeded, with_given
from .replace import preflight, replace
from .safeguard import snapshot_before
from .settle import settle
from .waiting import await_backup
from .world import Result, Steps, World

Choice = Callable[[Installation, Index], NothingToDo | Step]


def update(
    world: World,
    app: str,
    *,
    to: str | None = None,
    retry: bool = False,
    ahead: bool = False,
    settings: Mapping[str, str] = {},
    without_snapshot: bool = False,
    choose: Choice | None = None,
) -> Result:
    """To the newest release of the installation's channel, or to version `to`; through intermediate releases where
    the vendor requires them. `retry`: also to a release that has failed here. `ahead`: not waiting for its rollout.
    `settings`: what a newer release asks for, or wants otherwise; each goes to the releases that know it.
    `without_snapshot`: takes none first, and waits for no backup. `choose`: what decides instead of all that, in an
    update that nobody has typed."""
    steps = world.steps()
    if not without_snapshot:
        await_backup(world, app, steps)
    with world.store.asking(app):
        while True:
            before = _settled(world, app, steps)
            with steps("plan", "Looking for a newer release"):
                releases = world.sources.open(app, before.source, before.release.product)
                index = releases.index()
                plan = choose(before, index) if choose else _plan(world, before, index, to, retry, ahead)
            if isinstance(plan, NothingToDo):
                return _nothing(before, index, plan, settings, steps)
            release, given = _brought(world, before, releases, plan, settings, steps)
            snapshot = None if without_snapshot else snapshot_before(world, before, "update", steps)
            with world.store.lock(app):
                settle(world, app, steps)
                if not _is_as_planned(world, before, release, given, steps):
                    continue
                result = _step(world, before, release, given, snapshot, steps, automatic=choose is not None)
            if plan.entry.key == plan.target.key:
                return result


def check(world: World, app: str) -> tuple[Installation, Index, NothingToDo | Step]:
    """What `update` would do now. Changes nothing but the trusted metadata."""
    with world.store.asking(app):
        with world.store.lock(app):
            before = seeded(world, world.installed(app))
        releases = world.sources.open(app, before.source, before.release.product)
        index = releases.index()
        plan = _plan(world, before, index, None, False, False)
        if isinstance(plan, Step):
            check_kind(before, release := releases.release(plan.entry))
            current = world.store.settings(app, before.settings)
            check_accessories(before, release, current, current)
        return before, index, plan


def _nothing(
    before: Installation, index: Index, plan: NothingToDo, settings: Mapping[str, str], steps: Steps
) -> Result:
    yanked = withdrawn(before, index)
    unused = f"No setting was changed; to change some: discode config set {before.app}" if settings else ""
    return Result(
        "update", before.app, "nothing-to-do", before.version, before.version, str(before.instance), steps.seconds,
        " ".join(filter(None, (plan.reason, warning_of(before, yanked), unused))), yanked,
    )  # fmt: skip


def _settled(world: World, app: str, steps: Steps) -> Installation:
    """What serves, for the plan. At once: an interrupted flow does not wait until the source has answered."""
    with world.store.lock(app):
        settle(world, app, steps)
        return seeded(world, must_run(world.installed(app)))


def _plan(
    world: World, before: Installation, index: Index, to: str | None, retry: bool, ahead: bool
) -> NothingToDo | Step:
    now = world.clock.now()
    return plan_update(before, index, to, {} if retry else before.avoided(now), now, ahead)


def _brought(
    world: World, before: Installation, releases: Releases, plan: Step, settings: Mapping[str, str], steps: Steps
) -> tuple[Release, dict[str, str]]:
    """The release and the settings given for it, with all that can be done before anything is touched, and without the
    app's lock."""
    with steps("plan", f"Reading the manifest of {plan.entry.version}"):
        release = releases.release(plan.entry)
        check_kind(before, release)
    is_last = plan.entry.key == plan.target.key
    given = {name: value for name, value in settings.items() if is_last or name in release.manifest.env}
    world.platforms.choose(release.manifest.artifact.kind)
    site = world.site(release.manifest.artifact.kind, steps)
    with steps("preflight", "Checking disk, memory and settings"):
        current = site.store.settings(before.app, before.settings)
        check_accessories(before, release, current, wanted := with_given(release, current, given))
        check_settings(release, wanted)
        site.proxy.ensure()
        after = before.with_release(release, before.settings)
        was = before.release.manifest.accessories
        new = [one for name, one in wanted_accessories(release.manifest, wanted).items() if name not in was]
        preflight(site, after, new)
        accessory_data.check_data(site, before, after, wanted)
    with steps("fetch", f"Fetching {release.version}"):
        site.runtime.fetch(release, releases, world.report)
        accessories.fetch(site, releases, release, wanted)
        # For the way back: one that runs has its image, unless somebody has removed that.
        accessories.fetch(site, releases, before.release, current)
    return release, given


def _is_as_planned(
    world: World, before: Installation, release: Release, given: Mapping[str, str], steps: Steps
) -> bool:
    """Another command may have had the lock since: for one that stopped the app or pruned it the plan is over."""
    site = world.site(release.manifest.artifact.kind, steps)
    if must_run(world.installed(before.app)) != before or not site.runtime.has(release):
        return False
    current = site.store.settings(before.app, before.settings) if release.manifest.accessories else {}
    return accessories.have_images(site, release, {**current, **given})


def _step(
    world: World,
    before: Installation,
    release: Release,
    given: Mapping[str, str],
    snapshot: str | None,
    steps: Steps,
    *,
    automatic: bool,
) -> Result:
    site = world.site(release.manifest.artifact.kind, steps)
    site.proxy.ensure()
    after = before.with_release(release, next_settings(site, before, release, given))
    journal = Journal(
        flow="update", started=world.clock.now(), before=before, after=after, snapshot=snapshot, automatic=automatic
    )
    replace(site, journal)
    return Result(
        "update", before.app, "updated", before.version, release.version, str(after.instance), steps.seconds,
        snapshot=snapshot,
    )  # fmt: skip
