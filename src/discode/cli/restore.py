"""`discode restore`: bring a snapshot back in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import UsageError
from .foreign import one_line
from .options import App, Json

if TYPE_CHECKING:
    from ..flows.world import Result, World


def restore(
    app: App,
    snapshot: Annotated[
        str, typer.Argument(help="The snapshot, or `latest`. Without it they are listed.", show_default=False)
    ] = "",
    yes: Annotated[
        str, typer.Option("--yes", metavar="APP", show_default=False, help="Do not ask: the name of the app again.")
    ] = "",
    no_snapshot: Annotated[bool, typer.Option("--no-snapshot", help="Take no snapshot of what is replaced.")] = False,
    as_json: Json = False,
) -> None:
    """Bring back an app's data, settings and version of a snapshot.

    It is made ready while the app serves. Then requests wait for a moment, and none fails. If the app does not answer
    with it, all is as it was before. What was written since the snapshot is undone: a snapshot of it is taken first.

    \b
        discode restore myapp
        discode restore myapp 4bf1a2c3
    """
    from ..flows.restore_data import WouldUndo, restore_data
    from .asking import can_ask, shown
    from .running import run_flow

    if not snapshot:
        _list(app, as_json)
        return
    if yes and yes != app:
        raise UsageError(f"--yes {yes} is not the name of the app.", f"To restore {app}: --yes {app}")

    def flow(sure: bool) -> None:
        def restored(world: World) -> Result:
            return restore_data(world, app, snapshot, sure=sure, snapshot_before=not no_snapshot)

        run_flow("restore", as_json, restored)

    try:
        flow(bool(yes))
    except WouldUndo as refused:
        if not can_ask(as_json):
            raise
        typer.echo(one_line(refused.question), err=True)
        if shown("Type the name of the app to go on: ").strip() != app:
            raise typer.Abort from None
        flow(True)


def _list(app: str, as_json: bool) -> None:
    from .backup import list_

    list_(app, as_json)
    if not as_json:
        typer.echo(f"To restore one: discode restore {app} SNAPSHOT (or: latest)", err=True)
