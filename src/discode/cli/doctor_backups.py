"""What `discode doctor` looks at of backups: restic, each repository, and the age of the last snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..core.backup_state import DAY, is_late
from ..core.errors import DiscodeError
from .finding import Finding

if TYPE_CHECKING:
    from ..flows.world import World

UNPROVED = 92 * DAY  # seconds after which it is worth a word that no restore was proved


def examine_backups(world: World) -> Iterator[Finding]:
    """Of apps whose backups are set up."""
    from .wiring_backups import has_restic, install_restic

    planned = [app for app in world.store.apps() if _is_planned(world, app)]
    if planned and not has_restic():
        step = "Install it: apt-get install restic (or: discode doctor --fix)"
        question = "Install restic from the distribution (apt-get install restic)?"
        yield Finding("restic", False, "not installed; nothing can be backed up", step, install_restic, question)
        return
    for app in planned:
        yield _backups(world, app)


def _is_planned(world: World, app: str) -> bool:
    try:
        return world.repositories.plan(app) is not None
    except DiscodeError:
        return True  # and damaged


def _backups(world: World, app: str) -> Finding:
    from .backup_told import described, text_of

    what = f"backups of {app}"
    try:
        told = described(world, app, world.store.readable_history(app)[0])
    except DiscodeError as error:
        return Finding(what, False, error.sentence, f"Set them up again: discode backup setup {app} --to PLACE")
    try:
        world.repositories.open(app).look()
    except DiscodeError as error:
        return Finding(what, False, error.sentence, error.next_step)
    now = world.clock.now()
    text, step = text_of(told, app, now), f"Take one now: discode backup now {app}"
    if told["failed"] or is_late(told, now):
        return Finding(what, False, text, step)
    if told["drill_failed"] or now - (told["proved"] or told["since"]) > UNPROVED:
        # A warning alone: the snapshots may well be good, and nobody knows it.
        return Finding(what, True, text, f"See whether it can be restored: discode backup drill {app}", warns=True)
    if told["missing"]:
        step = f"Back up where it is what Discode cannot dump; see why: discode backup now {app}"
        return Finding(what, True, text, step, warns=True)
    elsewhere = f"Keep them elsewhere: discode backup setup {app} --to PLACE"
    return Finding(what, True, text, elsewhere, warns=bool(told["local"]))
