"""Settle: whatever an earlier run left, one version serves afterwards and nothing else is left."""

from __future__ import annotations

from contextlib import suppress

from ..core.errors import Busy, DiscodeError, Interrupted, NothingAnswers
from ..core.history import GUARD, HistoryEntry
from ..core.journal import Journal
from ..core.names import check_slug
from . import loading
from .conclude import conclude
from .reporting import tell_vendors
from .world import Steps, World

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
    if journal.flow == "drill":
        world.report.note("An earlier drill was interrupted; what it had restored is removed.")
        return
    world.report.note(
        f"An earlier {journal.flow} was interrupted; "
        + (f"{side.version} is installed." if side else f"{app} is not installed.")
    )


def sweep(world: World, app: str) -> None:
    """End what commands were running in the app (`discode run`) that are dead."""
    if (installation := world.store.installation(app)) is not None:
        world.site(installation.kind, world.steps()).runtime.sweep(app)


def sweep_staging(world: World, app: str) -> None:
    """What a backup or a restore that was killed has made ready goes. One that lives goes on. What cannot be deleted
    keeps no app from its start: the next backup begins with it, and says why."""
    with suppress(DiscodeError), world.store.backing_up(app):
        world.repositories.staging(app).clear()
        if (installation := world.store.installation(app)) is not None:
            site = world.site(installation.kind, world.steps())
            loading.sweep(site, app)
            site.runtime.drop_swaps(app)


def settle_for_the_dead(world: World, app: str) -> None:
    """What the guard of a command does that was killed. Another command may be at it already, and then settles first:
    what it does afterwards is its own. A program that it ran in the app ends with it."""
    left, last = world.store.journal(app), None
    for _ in range(GUARD_TRIES):
        try:
            sweep(world, app)
            journal = world.store.journal(app)
            if left is not None and journal is not None and journal.started == left.started:
                with world.store.lock(app):
                    settle(world, app, world.steps(), Interrupted("The command was killed; its guard settled the app."))
            sweep_staging(world, app)
            tell_vendors(world)
            return
        except DiscodeError as error:
            last = error
            world.clock.sleep(GUARD_PAUSE)
    if left is not None and last is not None and not isinstance(last, Busy):
        _tell_of_giving_up(world, left, last)


def _tell_of_giving_up(world: World, journal: Journal, error: DiscodeError) -> None:
    """In the history: nobody reads what a guard prints."""
    entry = HistoryEntry(
        started=journal.started, at=world.clock.now(), flow=GUARD, outcome="failed",
        from_version=journal.before.version if journal.before else None,
        to_version=journal.after.version if journal.after else None,
        error=f"The guard of a killed {journal.flow} tried to settle {journal.app} for {GUARD_TRIES * GUARD_PAUSE:g} s "
        f"and gave up: {error.sentence}",
    )  # fmt: skip
    with suppress(DiscodeError):
        world.store.append_history(journal.app, entry)
