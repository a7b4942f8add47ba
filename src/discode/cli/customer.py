"""What a customer types to change what runs: rollback, restart, stop, start, prune, uninstall. `update` is apart."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import UsageError
from .options import App, Assignments, FromEnvironment, Json, SettingsFile
from .running import asking, run_flow

if TYPE_CHECKING:
    from ..flows.world import Result, World


WithData = Annotated[
    bool, typer.Option("--with-data", help="Also to the data from before the update. What was written since is undone.")
]
Sure = Annotated[
    bool,
    typer.Option(
        "--yes", "-y", help="Go back even if a release command has changed the data since. With --with-data: --yes APP."
    ),
]
NoSnapshot = Annotated[bool, typer.Option("--no-snapshot", help="Take no snapshot first, where backups are set up.")]


def rollback(
    app: App,
    to: Annotated[
        str | None, typer.Option(metavar="VERSION", help="One of the earlier versions that `discode status APP` lists.")
    ] = None,
    with_data: WithData = False,
    yes: Sure = False,
    name: Annotated[str, typer.Argument(hidden=True)] = "",
    no_snapshot: NoSnapshot = False,
    set_: Assignments = [],
    set_from_env: FromEnvironment = [],
    settings: SettingsFile = None,
    as_json: Json = False,
) -> None:
    """Go back to an earlier version, without an outage. The data stays as it is.

    With --with-data it comes back as it was before the update, from the snapshot that was taken then. Its settings do,
    too. Requests wait for a moment, and none fails.
    """
    from ..flows.rollback import DataIsNewer, rollback
    from .settings import collect

    values = collect(set_, set_from_env, settings)
    if with_data:
        _with_data(app, name if yes else "", to, values, as_json, snapshot_before=not no_snapshot)
        return
    if name:
        raise UsageError(
            f"A name after {app} ({name}) is for --with-data alone. Nothing was changed.",
            f"See: discode rollback {app} --help",
        )

    def flow(sure: bool) -> None:
        def ask_and_go_back(world: World) -> Result:
            def go(given: Mapping[str, str]) -> Result:
                every = {**values, **given}
                return rollback(world, app, to=to, sure=sure, settings=every, without_snapshot=no_snapshot)

            return asking(go, as_json)

        run_flow("rollback", as_json, ask_and_go_back)

    try:
        flow(yes)
    except DataIsNewer as refused:
        if as_json or not sys.stdin.isatty():
            raise
        typer.confirm(refused.question, abort=True, err=True)
        flow(True)


def _with_data(
    app: str, yes: str, to: str | None, values: Mapping[str, str | None], as_json: bool, *, snapshot_before: bool
) -> None:
    from ..flows.rollback_data import rollback_with_data
    from .restore import run_undoing

    if values:
        raise UsageError(
            "With --with-data the settings are those from before the update, too. Nothing was changed.",
            f"Give none; to change one afterwards: discode config set {app} NAME=VALUE",
        )

    def go_back(world: World, sure: bool) -> Result:
        return rollback_with_data(world, app, to=to, sure=sure, snapshot_before=snapshot_before)

    run_undoing("rollback", app, yes, go_back, as_json)


def restart(app: App, as_json: Json = False) -> None:
    """Restart an app without an outage."""
    from ..flows.configure import restart

    run_flow("restart", as_json, lambda world: restart(world, app))


def stop(app: App, as_json: Json = False) -> None:
    """Stop an app. Requests are answered with 503 until it is started again."""
    from ..flows.power import stop

    run_flow("stop", as_json, lambda world: stop(world, app))


def start(app: App, as_json: Json = False) -> None:
    """Start a stopped app again."""
    from ..flows.power import start

    run_flow("start", as_json, lambda world: start(world, app))


def prune(
    app: App,
    keep: Annotated[int, typer.Option(min=0, max=2, help="How many earlier versions to keep for a rollback.")] = 2,
    as_json: Json = False,
) -> None:
    """Delete earlier versions of an app to free disk space.

    The serving version, its data and its settings are not touched.

    \b
        discode prune myapp --keep 0
    """
    from ..flows.prune import prune

    run_flow("prune", as_json, lambda world: prune(world, app, keep=keep))


def uninstall(
    app: App,
    purge: Annotated[
        bool,
        typer.Option("--purge", help="Also delete its data, settings, history, and backups in Discode's own folder."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before deleting data.")] = False,
    as_json: Json = False,
) -> None:
    """Remove an app from this machine. Its data and settings stay unless --purge is given, now or later."""
    from ..flows.remove import must_be_here, remove
    from . import wiring
    from .asking import must_be_wanted
    from .license_key import give_up

    if purge and not yes:
        must_be_here(wiring.world(as_json, "discode uninstall"), app)  # before anybody is asked
        goner = f"all data and settings of {app}, and its backups in Discode's own folder"
        must_be_wanted(f"Delete {goner}? This cannot be undone.", f"It would delete {goner}.", as_json)
    run_flow("uninstall", as_json, lambda world: remove(world, app, purge=purge))
    if purge:
        give_up(app, as_json)
