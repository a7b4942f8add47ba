"""`discode domain …`: the addresses of an app, changed while it serves."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..core.errors import Unreachable, UsageError
from .host_names import checked, tell_international
from .options import App, Json, group
from .output import emit, table
from .running import run_flow

if TYPE_CHECKING:
    from ..core.certificate import NameState
    from ..core.https import Https
    from ..flows.world import Result, World

app = group("Show and change an app's addresses, without an outage.")

Names = Annotated[list[str], typer.Argument(metavar="HOST...", help="Host names.", show_default=False)]
SkipChecks = Annotated[
    bool,
    typer.Option(
        "--skip-checks",
        help="Go on where DNS says that a name does not lead here, or the name that is left has no certificate.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command("list")
def list_(name: App, as_json: Json = False) -> None:
    """Show an app's host names, and where each leads."""
    from ..core.https import Https
    from ..flows.prove import look_by_https
    from . import wiring

    world = wiring.world(as_json, "discode domain")
    installation = world.installed(name)
    site, route = world.site(installation.kind, world.steps()), installation.route
    try:
        https = look_by_https(site, route)
    except Unreachable as error:  # what is recorded is shown all the same
        print(error.sentence, file=sys.stderr)
        https = Https((), world.clock.now())
    states = {state["host"]: state for state in https.as_dict()["names"]}
    words = {state.host: _https(https, state) for state in https.names}
    told = {
        "app": name, "address": site.proxy.url(route), "path_prefix": route.path_prefix, "tls": route.tls,
        "domains": [
            {"host": host, "redirect_to": route.redirects.get(host), "https": states.get(host)} for host in route.hosts
        ],
    }  # fmt: skip
    absent = "unknown" if route.is_secure and not https.names else "off"
    rows = [[host, route.redirects.get(host, "the app"), words.get(host, absent)] for host in route.hosts]
    every = f"{name} answers at every name that no other app has."
    text = table(rows, ["HOST", "LEADS TO", "HTTPS"]) if rows else every
    emit(told, f"{text}\nAddress: {told['address']}", as_json=as_json)


def _https(https: Https, state: NameState) -> str:
    if not state.is_proved:
        return f"{https.state(state)}: {https.why(state)}"
    assert state.certificate is not None
    return f"{state.certificate.issuer}, {state.certificate.days_left(https.now)} days left"


@app.command()
def add(
    name: App,
    hosts: Names,
    tls: Annotated[
        Literal["auto", "off"] | None, typer.Option(help="HTTPS of the app from now on.", show_default=False)
    ] = None,
    require_https: Annotated[
        bool,
        typer.Option("--require-https", help="If a name has no trusted certificate at the end, take all back, exit 5."),
    ] = False,
    skip_checks: SkipChecks = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Add host names to an app.

    \b
        discode domain add myapp shop.example.com
    """
    from ..flows import domains

    names = checked(hosts)
    tell_international(names, as_json)

    def flow(world: World, sure: bool) -> Result:
        options: dict[str, Any] = {"tls": tls, "require_https": require_https, "skip_checks": skip_checks}
        return domains.add(world, name, names, sure=sure, **options)

    _with_consent(as_json, yes, flow)


@app.command()
def remove(name: App, hosts: Names, skip_checks: SkipChecks = False, yes: Yes = False, as_json: Json = False) -> None:
    """Take host names from an app.

    One with a certificate is only given up when the app's address has one, too.
    """
    from ..flows import domains

    names = checked(hosts)

    def flow(world: World, sure: bool) -> Result:
        return domains.remove(world, name, names, sure=sure, skip_checks=skip_checks)

    _with_consent(as_json, yes, flow)


@app.command()
def redirect(
    name: App,
    host: Annotated[str, typer.Argument(metavar="HOST", help="The name that is sent on.", show_default=False)],
    to: Annotated[
        str | None, typer.Option("--to", metavar="HOST", help="The app's name that answers.", show_default=False)
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Let the app answer at HOST again.")] = False,
    skip_checks: SkipChecks = False,
    as_json: Json = False,
) -> None:
    """Send one name on to another one of the app. The path stays the same (301).

    \b
        discode domain redirect myapp www.example.com --to example.com
        discode domain redirect myapp www.example.com --undo
    """
    from ..flows import domains

    [source] = checked([host])
    tell_international([source], as_json)
    if undo == (to is not None):
        raise UsageError(
            f"A redirect needs --to HOST or --undo{', not both' if undo else ''}. Nothing was changed.",
            f"For example: discode domain redirect {name} {source} --to HOST",
            key="invalid-redirect",
        )
    if to is None:
        run_flow("domain", as_json, lambda world: domains.answer(world, name, source))
        return
    [target] = checked([to])
    run_flow("domain", as_json, lambda world: domains.redirect(world, name, source, target, skip_checks=skip_checks))


@app.command()
def path(
    name: App,
    prefix: Annotated[str, typer.Argument(metavar="PATH", help="Such as /shop; / is all.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Send only paths below this one to the app.

    \b
        discode domain path myapp /shop
    """
    from ..core.path_prefix import check_path_prefix
    from ..flows import domains

    below = check_path_prefix(prefix, f"discode domain path {name} /shop")
    run_flow("domain", as_json, lambda world: domains.move(world, name, below))


def _with_consent(as_json: bool, yes: bool, flow: Callable[[World, bool], Result]) -> None:
    from ..flows.domains import NeedsConsent
    from .asking import can_ask

    try:
        run_flow("domain", as_json, lambda world: flow(world, yes))
    except NeedsConsent as refused:
        if not can_ask(as_json):
            raise
        typer.confirm(refused.question, abort=True, err=True)
        run_flow("domain", as_json, lambda world: flow(world, True))
