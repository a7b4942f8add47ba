"""A backup that is under way is waited for: a scheduled one begins when it likes, and keeps nobody from an update."""

from __future__ import annotations

from ..core.errors import Busy
from .world import Steps, World

LONGEST = 1800.0  # seconds
INTERVAL = 0.5


def await_backup(world: World, app: str, steps: Steps) -> None:
    """Nobody holds a lock of the app's. Raises Busy when it takes too long."""
    if _is_over(world, app):
        return
    with steps("backup", f"Waiting until a backup of {app} is done"):
        begun = world.clock.monotonic()
        while not _is_over(world, app):
            waited = world.clock.monotonic() - begun
            if waited > LONGEST:
                raise Busy(
                    f"A backup of {app} has been at work for more than {LONGEST / 60:g} minutes. Nothing was changed.",
                    f"When it is done, run the command again; how far it is: discode status {app}",
                )
            world.report.waiting("it is at work")
            world.clock.sleep(INTERVAL)


def _is_over(world: World, app: str) -> bool:
    try:
        with world.store.backing_up(app):
            return True
    except Busy:
        return False
