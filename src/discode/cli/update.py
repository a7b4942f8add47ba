"""`discode update`: one app, all of them, what is due by itself, or only a look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import DiscodeError, Interrupted, UsageError
from .customer import NoSnapshot
from .foreign import one_line, tame
from .options import Assignments, FromEnvironment, Json, SettingsFile
from .output import emit, table
from .running import asking, run_and_show
from .source_login import CredentialsFile, PlainHttp

if TYPE_CHECKING:
    from ..flows.world import Result, World

Flow = Callable[["World", str], "Result"]
SomeApp = Annotated[
    str | None,
    typer.Argument(metavar="[APP]", help="The app's short name, as in: discode update myapp.", show_default=False),
]


def update(
    app: SomeApp = None,
    all_: Annotated[bool, typer.Option("--all", help="Every app on this machine, one after the other.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only show what an update would do.")] = False,
    to: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Update to this version instead of the newest.")
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="Do not wait for a staged rollout to reach this machine.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try a release again that failed here before.")] = False,
    automatic: Annotated[
        bool, typer.Option("--automatic", help="Only what is due by itself now: see discode auto --help.")
    ] = False,
    no_snapshot: NoSnapshot = False,
    set_: Assignments = [],
    set_from_env: FromEnvironment = [],
    settings: SettingsFile = None,
    credentials_file: CredentialsFile = None,
    plain_http: PlainHttp = False,
    as_json: Json = False,
) -> None:
    """Update an app without an outage.

    The new version starts beside the old one, is checked, and takes over. If anything goes wrong, the old version keeps
    serving. The settings are for what only the new version asks for; to change others: discode config set.

    \b
        discode update myapp --check
        discode update --all
    """
    from .settings import collect
    from .source_login import change

    own = {"--to": to, "--set": set_, "--set-from-env": set_from_env, "--settings": settings,
           "--credentials-file": credentials_file, "--plain-http": plain_http}  # fmt: skip
    _must_go_together(app, all_, own)
    if automatic:
        _must_be_alone({**own, "--check": check, "--now": now, "--retry": retry, "--no-snapshot": no_snapshot})
        _each(app, as_json, _when_due, _outlook)
        return
    if app is not None:
        change(app, credentials_file, plain_http)
    if check:
        _check_each(app, as_json)
        return
    values = collect(set_, set_from_env, settings)
    _each(app, as_json, _to_newest(values, as_json, to, retry, now, no_snapshot))


def _must_go_together(app: str | None, all_: bool, own: Mapping[str, Any]) -> None:
    """`own`: options that are one app's alone. Raises UsageError."""
    given = [name for name, value in own.items() if value]
    if (app is None) != all_:
        raise UsageError("Give an app's name, or --all.", "For example: discode update myapp")
    if all_ and given:
        raise UsageError(
            f"{given[0]} is for one app, and --all is all of them. Nothing was changed.",
            "Name the app. See: discode update --help",
        )


def _must_be_alone(others: Mapping[str, Any]) -> None:
    if given := [name for name, value in others.items() if value]:
        raise UsageError(
            f"{given[0]} does not go with --automatic, which does what was set up. Nothing was changed.",
            "Leave one of the two out.",
        )


def _to_newest(values: Mapping[str, str], as_json: bool, to: str | None, retry: bool, ahead: bool, bare: bool) -> Flow:
    """`bare`: without a snapshot."""
    from ..flows.update import update

    def flow(world: World, app: str) -> Result:
        def go(given: Mapping[str, str]) -> Result:
            every = {**values, **given}
            return update(world, app, to=to, retry=retry, ahead=ahead, settings=every, without_snapshot=bare)

        return asking(go, as_json)

    return flow


def _when_due(world: World, app: str) -> Result:
    from ..flows.automatic import update_when_due
    from . import wiring
    from .wiring_automatic import plans

    kept = plans(wiring.home())
    return update_when_due(world, app, kept.of(app), kept.outlook(app), lambda outlook: kept.found(app, outlook))


def _outlook(app: str) -> dict[str, Any]:
    from .automatic_told import described

    return {"automatic": described(app)}


def _each(app: str | None, as_json: bool, flow: Flow, more: Callable[[str], dict[str, Any]] = lambda app: {}) -> None:
    """One app, or all of them with a summary."""
    from . import wiring

    host = wiring.host(as_json)
    host.ask_ahead()
    world = wiring.world(as_json, "discode update", on=host)
    if app is not None:
        run_and_show(world, lambda: flow(world, app), as_json, lambda: more(app))
        return
    _summed_up([_one_of_all(world, one, flow, more, as_json) for one in world.store.apps()], as_json)


def _one_of_all(
    world: World, app: str, flow: Flow, more: Callable[[str], dict[str, Any]], as_json: bool
) -> dict[str, Any]:
    """What came of it. What keeps one app from an update keeps no other."""
    from .errors import show

    try:
        result = run_and_show(world, lambda: flow(world, app), as_json, lambda: more(app))
    except Interrupted:
        raise
    except DiscodeError as error:
        code = show(error, as_json=as_json)
        return {"app": app, "result": error.name, "from": None, "to": None, "exit_code": code}
    told = {"result": result.outcome, "from": result.from_version, "to": result.to_version}
    return {"app": app, **told, "exit_code": 0}


def _summed_up(done: list[dict[str, Any]], as_json: bool) -> None:
    """Exits with the worst code."""
    worst = max((one["exit_code"] for one in done), default=0)
    rows = [[one["app"], one["result"], one["from"] or "-", one["to"] or "-"] for one in done]
    text = f"\n{table(rows, ['APP', 'OUTCOME', 'FROM', 'TO'])}" if rows else "No app is installed."
    emit({"result": "all", "apps": done, "exit_code": worst}, text, as_json=as_json)
    if worst:
        raise typer.Exit(worst)


def _check_each(app: str | None, as_json: bool) -> None:
    from . import wiring
    from .errors import show

    if app is not None:
        _check(app, as_json)
        return
    worst = 0
    for one in wiring.world(as_json, "discode update").store.apps():
        try:
            _check(one, as_json)
        except DiscodeError as error:
            worst = max(worst, show(error, as_json=as_json))
    if worst:
        raise typer.Exit(worst)


def _check(app: str, as_json: bool) -> None:
    from ..core.plan import NothingToDo, warning_of, withdrawn
    from ..flows.update import check
    from . import wiring

    installation, index, plan = check(wiring.world(as_json, "discode update --check"), app)
    yanked = withdrawn(installation, index)
    warning = one_line(warning_of(installation, yanked))
    if isinstance(plan, NothingToDo):
        text = f"{plan.reason} {warning}".strip()
        told = {
            "result": "nothing-to-do", "app": app, "from": installation.version, "to": None, "message": text,
            "yanked": yanked,
        }  # fmt: skip
        emit(told, text, as_json=as_json)
        return
    steps = "" if plan.entry is plan.target else f", by way of {plan.entry.version}"
    text = f"{app} {plan.target.version} can be installed (now: {installation.version}{steps})."
    told = {
        "result": "update-available", "app": app, "from": installation.version, "to": plan.target.version,
        "next": plan.entry.version, "notes": plan.target.notes, "yanked": yanked,
    }  # fmt: skip
    text = f"{warning}\n{text}".strip()
    text = f"{text}\n\n{tame(plan.target.notes)}".strip()
    emit(told, f"{text}\nInstall it with: discode update {app}", as_json=as_json)
