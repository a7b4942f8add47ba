"""`discode backup drill`: prove that the newest snapshot can be restored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .options import App, Json

if TYPE_CHECKING:
    from ..flows.world import Result, World


def drill(
    name: App,
    snapshot: Annotated[
        str, typer.Argument(metavar="[SNAPSHOT]", help="Default: the newest.", show_default=False)
    ] = "latest",
    as_json: Json = False,
) -> None:
    """Restore a snapshot where nobody sees it, look whether the app answers, and remove all of that again.

    The app itself serves all the while and is not touched. It takes the disk space and the memory of a second one.
    """
    from ..core.history import DRILL
    from ..core.scratch import scratch_of
    from ..flows.drill import drill
    from . import wiring
    from .interruption import done_since, explaining
    from .running import run_flow

    begun = wiring.now()

    def flow(world: World) -> Result:
        return drill(world, name, snapshot)

    def became(world: World) -> str:
        scratch = scratch_of(name)
        if world.store.journal(scratch) is not None:
            return f"What it had restored is not removed yet. To do so: discode settle {scratch}"
        if done_since(world, name, DRILL, begun) is not None:
            return "The drill was done, and what it had restored is removed."
        return "The drill was not finished, which says nothing about the snapshot; what it had restored is removed."

    with explaining([name], became, f"Drill when you like: discode backup drill {name}"):
        run_flow("backup drill", as_json, flow)
