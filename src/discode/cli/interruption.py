"""A signal in the middle of a command about an app's data: what became of that, and what the app does now.

All of it is looked at when the flow has been settled, in a world made anew: a flow that was cut off between two lines
does not know what it has done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..core.errors import DiscodeError, Interrupted

if TYPE_CHECKING:
    from ..core.history import HistoryEntry
    from ..flows.world import World

AGAIN = "Run the command again when you like."


@contextmanager
def explaining(apps: Sequence[str], became: Callable[[World], str], step: str = AGAIN) -> Iterator[None]:
    """`became`: a sentence on the work. Each of the `apps` is looked at, too."""
    try:
        yield
    except Interrupted as error:
        if error.is_explained:
            raise
        from ..flows.seen import what_became
        from . import wiring

        world = wiring.world(True, "discode")
        seen = [_of_the_work(world, became), *(what_became(world, app) for app in dict.fromkeys(apps))]
        explained = Interrupted(" ".join([error.sentence, *seen]), step, key=error.name, log=error.log)
        explained.is_explained = True
        raise explained from error


def done_since(world: World, app: str, flow: str, begun: float) -> HistoryEntry | None:
    """What the history has of a flow that came to its end since then. Raises DiscodeError."""
    entries = reversed(world.store.readable_history(app)[0])
    return next((one for one in entries if one.flow == flow and one.started >= begun and one.outcome == "done"), None)


def restored(app: str, name: str, what_stays: str, begun: float) -> Callable[[World], str]:
    """Of a flow called `name` that brings an app's data back."""

    def became(world: World) -> str:
        from ..core.history import BACKUP

        if done_since(world, app, "restore", begun) is not None:
            return f"The {name} was done."
        saved = done_since(world, app, BACKUP, begun)
        kept = f" The snapshot {saved.snapshot}, taken before it, is kept." if saved else ""
        return f"The {name} was not finished: {what_stays}.{kept}"

    return became


def _of_the_work(world: World, became: Callable[[World], str]) -> str:
    try:
        return became(world)
    except DiscodeError as error:
        return f"What became of it could not be seen: {error.sentence}"
