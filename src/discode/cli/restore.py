"""`discode restore`: bring a snapshot back in place, elsewhere, or beside the app."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import UsageError
from .backup_setup import CredentialsFile
from .foreign import one_line
from .host_names import SkipChecks
from .https import TlsChoice
from .install import Hosts, HttpPort, HttpsPort, LicenseFile, PathPrefix, ProxyChoice
from .options import App, Assignments, FromEnvironment, Json
from .restore_elsewhere import As, Repository, Source, Which
from .settings import collect

if TYPE_CHECKING:
    from ..flows.world import Result, World

Yes = Annotated[
    str, typer.Option("--yes", metavar="APP", show_default=False, help="Do not ask: the name of the app again.")
]
PasswordFile = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", show_default=False,
        help="With --from: the repository's password, on one line; - reads standard input. Default: "
        "$DISCODE_BACKUP_PASSWORD.",
    ),
]  # fmt: skip
NoSnapshot = Annotated[bool, typer.Option("--no-snapshot", help="Take no snapshot of what is replaced.")]


def restore(
    app: App,
    snapshot: Which = "",
    from_: Repository = None,
    as_: As = None,
    yes: Yes = "",
    no_snapshot: NoSnapshot = False,
    password_file: PasswordFile = None,
    credentials_file: CredentialsFile = None,
    host: Hosts = [],
    path_prefix: PathPrefix = "/",
    tls: TlsChoice = None,
    set_: Assignments = [],
    set_from_env: FromEnvironment = [],
    source: Source = None,
    license_file: LicenseFile = None,
    proxy: ProxyChoice = None,
    http_port: HttpPort = None,
    https_port: HttpsPort = None,
    skip_checks: SkipChecks = False,
    as_json: Json = False,
) -> None:
    """Bring back an app's data, settings and version of a snapshot: in place, elsewhere, or beside it.

    In place, it is made ready while the app serves. Then requests wait for a moment, and none fails. What was written
    since the snapshot is undone: a snapshot of it is taken first. With --from, on a machine that does not have the app:
    its newest snapshot there. With --as, under another name and address, with data of its own.

    \b
        discode restore myapp
        discode restore myapp 4bf1a2c3
        discode restore myapp --from sftp:user@host:/backup
        discode restore myapp latest --as myapp2 --host myapp2.example.com
    """
    if from_ is None and as_ is None:
        others = (source, license_file, tls, proxy, http_port, https_port, password_file, credentials_file)
        _must_stay([*host, *set_, *set_from_env, *filter(None, others)], is_moved=path_prefix != "/" or skip_checks)
        _in_place(app, snapshot, yes, no_snapshot, as_json)
        return
    from .restore_elsewhere import Given, elsewhere

    given = Given(
        app, snapshot, as_ or app, from_, host, path_prefix, tls, None, None, collect(set_, set_from_env, None),
        source, password_file, credentials_file, license_file, skip_checks,
    )  # fmt: skip
    elsewhere(given, (proxy, http_port, https_port), as_json)


def _must_stay(given: Sequence[object], *, is_moved: bool) -> None:
    """Raises UsageError."""
    if given or is_moved:
        raise UsageError(
            "A restore in place keeps the app's addresses, source, license and repository, and its settings are the "
            "snapshot's. Nothing was changed.",
            "Omit these options, or add --as NAME or --from REPOSITORY, to which they belong. To change an address: "
            "discode domain --help",
        )


def _in_place(app: str, snapshot: str, yes: str, no_snapshot: bool, as_json: bool) -> None:
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
    from . import wiring
    from .asking import can_ask, shown
    from .interruption import explaining, restored
    from .running import run_flow

    if yes and yes != app:
        raise UsageError(f"--yes {yes} is not the name of the app. Nothing was changed.", f"Give: --yes {app}")

    def run(sure: bool) -> None:
        run_flow(name, as_json, lambda world: flow(world, sure))

    with explaining([app], restored(app, name, "its data and settings are as they were", wiring.now())):
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
        typer.echo(f"To restore one, or the latest: discode restore {app} SNAPSHOT", err=True)
