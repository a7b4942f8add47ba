"""What a customer types to change what runs: install, update, rollback, restart, stop, start, uninstall."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .options import App, Json
from .running import run_and_show, run_flow

if TYPE_CHECKING:
    from ..flows.world import Result, World


def install(
    app: App,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="SOURCE",
            help="Where the vendor's releases are: a folder or a web address. Default: the hub this machine trusts.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        list[str],
        typer.Option(help="A host name of the app; repeatable. Default: every host that no other app uses."),
    ] = [],
    path_prefix: Annotated[str, typer.Option(help="Send only paths below this one to the app.")] = "/",
    channel: Annotated[str, typer.Option(help="The release channel to follow.")] = "stable",
    version: Annotated[
        str | None,
        typer.Option("--to", "--version", metavar="VERSION", help="Install this version instead of the newest."),
    ] = None,
    set_: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A setting; not for secrets, which other users of this machine could see while the command runs.",
        ),
    ] = [],
    set_from_env: Annotated[
        list[str], typer.Option(metavar="NAME", help="A setting whose value is taken from the environment.")
    ] = [],
    settings: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A file of settings, one NAME=VALUE per line; - reads standard input."),
    ] = None,
    root: Annotated[
        str | None,
        typer.Option(metavar="FINGERPRINT", help="Trust only a vendor whose root key file has this SHA-256."),
    ] = None,
    license_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="A file with the license key; - reads standard input. Default: $DISCODE_LICENSE."
        ),
    ] = None,
    http_port: Annotated[int | None, typer.Option(help="The proxy's port, for the whole machine; set once.")] = None,
    proxy: Annotated[
        Literal["docker", "edge"] | None,
        typer.Option(
            help="What takes the traffic of this machine: a container of kamal-proxy (for images, unless told "
            "otherwise), or the edge as a program. Kept from the first install on.",
            show_default=False,
        ),
    ] = None,
    proxy_image: Annotated[
        str | None, typer.Option(metavar="IMAGE", help="The image of the proxy's container.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Install an app: fetch its newest release, start it, let traffic in.

    When it does not come up nothing is left but its settings and data.

    \b
        discode install myapp --from https://releases.example.com --host app.example.com
    """
    from ..core.installation import Route
    from ..core.names import check_host, check_slug
    from ..flows.install import Wanted, install
    from . import wiring
    from .license_key import with_license
    from .settings import collect

    check_slug(app)
    route = Route(hosts=tuple(check_host(name) for name in host), path_prefix=_prefix(path_prefix))
    values = collect(set_, set_from_env, settings)
    machine = wiring.host(as_json)
    machine.configure(proxy, http_port, proxy_image)
    world, source = wiring.world(as_json, "discode install", pin=root, on=machine), wiring.source(source, machine)

    def flow(given: dict[str, str]) -> Result:
        wanted = Wanted(app, source, channel, version, route, {**values, **given})
        return install(world, wanted)

    with_license(app, source, license_file, as_json, lambda: run_and_show(lambda: _asking(flow, as_json), as_json))


def update(
    app: App,
    check: Annotated[bool, typer.Option("--check", help="Only show what an update would do.")] = False,
    to: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Update to this version instead of the newest.")
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="Do not wait for a staged rollout to reach this machine.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try a release again that failed here before.")] = False,
    as_json: Json = False,
) -> None:
    """Update an app without an outage: the new version starts beside the old one, is checked, and takes over.

    When anything goes wrong the old version goes on serving.

    \b
        discode update myapp
        discode update myapp --check
    """
    from ..flows import update as flow

    if check:
        _check(app, as_json)
        return
    _reported("update", app, as_json, lambda world: flow.update(world, app, to=to, retry=retry, ahead=now))


def rollback(
    app: App,
    to: Annotated[
        str | None, typer.Option(metavar="VERSION", help="One of the earlier versions that discode status APP lists.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Go back to an earlier version that is still on this machine, without an outage."""
    from ..flows.rollback import rollback

    _reported("rollback", app, as_json, lambda world: rollback(world, app, to=to))


def restart(app: App, as_json: Json = False) -> None:
    """Start a fresh instance of the same version and let it take over, without an outage."""
    from ..flows.configure import restart

    run_flow("restart", as_json, lambda world: restart(world, app))


def stop(app: App, as_json: Json = False) -> None:
    """Stop an app; requests are answered with 503 until it is started again."""
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
    """Free disk: drop what no version of an app needs, and earlier versions beyond --keep.

    The version that serves, its data and its settings are not touched.

    \b
        discode prune myapp --keep 0
    """
    from ..flows.prune import prune

    run_flow("prune", as_json, lambda world: prune(world, app, keep=keep))


def uninstall(
    app: App,
    purge: Annotated[bool, typer.Option("--purge", help="Also delete its data, settings and history.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before deleting data.")] = False,
    as_json: Json = False,
) -> None:
    """Remove an app from this machine. Its data and settings stay, unless --purge is given."""
    import sys

    from ..flows.remove import remove
    from .license_key import give_up

    if purge and not yes and not as_json and sys.stdin.isatty():
        typer.confirm(f"Delete all data and settings of {app}? This cannot be undone.", abort=True)
    run_flow("uninstall", as_json, lambda world: remove(world, app, purge=purge))
    if purge:
        give_up(app, as_json)


def _reported(name: str, app: str, as_json: bool, flow: Callable[[World], Result]) -> None:
    from ..core.names import check_slug
    from .report import reporting

    check_slug(app)
    run_flow(name, as_json, lambda world: reporting(world, app, flow))


def _asking(flow: Callable[[dict[str, str]], Result], as_json: bool) -> Result:
    """On a terminal the settings that only the customer knows are asked for, and the flow is run again."""
    import sys

    from ..flows.prepare import MissingSettings
    from .settings import ask

    try:
        return flow({})
    except MissingSettings as missing:
        if as_json or not sys.stdin.isatty():
            raise
        return flow(ask(missing.questions))


def _check(app: str, as_json: bool) -> None:
    from ..core.plan import NothingToDo
    from ..flows.update import check
    from . import wiring
    from .output import emit

    installation, _, plan = check(wiring.world(as_json, "discode update"), app)
    if isinstance(plan, NothingToDo):
        told = {"result": "nothing-to-do", "app": app, "from": installation.version, "to": None, "message": plan.reason}
        emit(told, plan.reason, as_json=as_json)
        return
    steps = "" if plan.entry is plan.target else f", by way of {plan.entry.version}"
    text = f"{app} {plan.target.version} can be installed (now: {installation.version}{steps})."
    told = {
        "result": "update-available", "app": app, "from": installation.version, "to": plan.target.version,
        "next": plan.entry.version, "notes": plan.target.notes,
    }  # fmt: skip
    emit(told, f"{text}\n\n{plan.target.notes}".strip() + f"\nInstall it with: discode update {app}", as_json=as_json)


def _prefix(path: str) -> str:
    from ..core.errors import UsageError

    if not path.startswith("/") or ".." in path or any(c.isspace() for c in path):
        raise UsageError(
            f"{path!r} is not a valid path prefix.", "For example: --path-prefix /shop", key="invalid-path"
        )
    return path.rstrip("/") or "/"
