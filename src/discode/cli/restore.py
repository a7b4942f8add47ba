"""`discode restore`: bring a snapshot back in place."""

from __future__ import annotations

from collections.abc import Callable
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
    from ..flows.restore_data import restore_data

    if not snapshot:
        _list(app, as_json)
        return

    def restored(world: World, sure: bool) -> Result:
        return restore_data(world, app, snapshot, sure=sure, snapshot_before=not no_snapshot)

    run_undoing("restore", app, yes, restored, as_json)


def run_undoing(name: str, app: str, yes: str, flow: Callable[[World, bool], Result], as_json: bool) -> None:
    """A flow that undoes what was written to the app, and has to be told that this is wanted: by the name of the app,
    which `yes` has or a terminal is asked for."""
    from ..flows.restore_data import WouldUndo
    from .asking import can_ask, shown
    from .running import run_flow

    if yes and yes != app:
        raise UsageError(f"--yes {yes} is not the name of the app. Nothing was changed.", f"Give: --yes {app}")

    def run(sure: bool) -> None:
        run_flow(name, as_json, lambda world: flow(world, sure))

    try:
        run(bool(yes))
    except WouldUndo as refused:
        if not can_ask(as_json):
            raise
        typer.echo(one_line(refused.question), err=True)
        if shown("Type the name of the app to go on: ").strip() != app:
            raise typer.Abort from None
        run(True)


def _list(app: str, as_json: bool) -> None:
    from .backup import list_

    list_(app, as_json)
    if not as_json:
        typer.echo(f"To restore one: discode restore {app} SNAPSHOT (or: latest)", err=True)
