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
    from ..flows.drill import drill
    from .running import run_flow

    def flow(world: World) -> Result:
        return drill(world, name, snapshot)

    run_flow("backup drill", as_json, flow)
