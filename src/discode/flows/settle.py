"""Settle: whatever an earlier run left, one version serves afterwards and nothing else is left."""

from __future__ import annotations

from ..core.errors import DiscodeError, Interrupted, NothingAnswers
from ..core.installation import Installation
from ..core.names import check_slug
from ..ports.runtime import Phase
from .conclude import conclude, make_serve
from .instance import retire_others
from .world import Result, Steps, World

GUARD_TRIES = 30
GUARD_PAUSE = 1.0  # seconds between two tries: a proxy that died with the command needs a moment to come back


def settle(world: World, app: str, steps: Steps, cause: Interrupted | None = None) -> None:
    """Bring an interrupted flow to its end. The caller holds the app's lock. No journal: nothing.

    `cause`: what the history says of the interruption.
    """
    journal = world.store.journal(check_slug(app))
    if journal is None:
        return
    site = world.site(journal.any_side.kind, steps)
    try:
        with steps("settle", f"Settling an interrupted {journal.flow}"), site.system.guarded(app):
            kept = conclude(site, journal, cause)
    except NothingAnswers as error:
        # Settled nevertheless: whatever comes next, a release that mends it, shall be tried.
        world.report.note(f"An earlier {journal.flow} was interrupted. {error.sentence}")
        return
    side = journal.after if kept == "after" else journal.before
    world.report.note(
        f"An earlier {journal.flow} was interrupted; "
        + (f"{side.version} is installed." if side else f"{app} is not installed.")
    )


def settle_for_the_dead(world: World, app: str) -> None:
    """What the guard of a command does that was killed. Another command may be at it already, and then settles first:
    what it does afterwards is its own."""
    left = world.store.journal(app)
    for _ in range(GUARD_TRIES):
        try:
            journal = world.store.journal(app)
            if left is None or journal is None or journal.started != left.started:
                return
            with world.store.lock(app):
                settle(world, app, world.steps(), Interrupted("The command was killed; its guard settled the app."))
            return
        except DiscodeError:
            world.clock.sleep(GUARD_PAUSE)


def restore(world: World, app: str) -> Result:
    """Settle, and bring back what a reboot or an accident took away: the proxy, the route, the instance."""
    steps = world.steps()
    with world.store.lock(app):
        settle(world, app, steps)
        installation = world.store.installation(app)
        if installation is None:
            return Result("settle", app, "not-installed")
        with steps("restore", f"Checking {installation.instance}"):
            _restore(world, installation, steps)
    return Result(
        "settle", app, installation.state, to_version=installation.version, instance=str(installation.instance),
        seconds=steps.seconds,
    )  # fmt: skip


def _restore(world: World, installation: Installation, steps: Steps) -> None:
    site = world.site(installation.kind, steps)
    site.proxy.ensure()
    if installation.state == "stopped":
        site.proxy.stop(installation.app, f"{installation.app} is stopped.")
        site.runtime.stop(installation.instance, installation.release.manifest.update.stop)
        return
    state = site.runtime.inspect(installation.instance)
    if state is None or state.phase is not Phase.RUNNING:
        # Its bytes may be gone with the instance: they are fetched again.
        releases = world.sources.open(installation.app, installation.source)
        site.runtime.fetch(installation.release, releases, world.report)
        if installation.release.manifest.update.strategy == "hold":
            retire_others(site, installation, installation.app)  # two must not run on the same volumes
    make_serve(site, installation)
    # Another one may have been serving up to now, of which no file tells any more.
    site.proxy.drained(installation.app, installation.release.manifest.update.drain)
    retire_others(site, installation, installation.app)
