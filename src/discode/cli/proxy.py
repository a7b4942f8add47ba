"""What an operator types about the proxy: status, start, stop, update."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import DiscodeError, UsageError
from .options import Json, group
from .output import emit
from .proxy_config import app as config_app
from .proxy_dns import app as dns_app
from .proxy_renew import renew

if TYPE_CHECKING:
    from .wiring_host import Host

app = group("The proxy that takes this machine's traffic.")
app.add_typer(config_app, name="config")
app.add_typer(dns_app, name="dns")
app.command()(renew)
GAP = "a second or two"  # between two containers on the same port; the command says at the end what it was


@app.command()
def status(as_json: Json = False) -> None:
    """Show the proxy, whether it runs, and where it listens."""
    from . import wiring

    told = wiring.host(as_json).proxy_state()
    emit(told, _text(told), as_json=as_json)


@app.command()
def start(as_json: Json = False) -> None:
    """Start the proxy with its earlier routes."""
    from . import wiring

    host = wiring.host(as_json)
    host.keeper().ensure()
    told = host.proxy_state()
    emit({"result": "started", **told}, _text(told), as_json=as_json)


@app.command()
def stop(as_json: Json = False) -> None:
    """Stop the proxy. No app on this machine is reachable until it is started again."""
    from . import wiring

    wiring.host(as_json).keeper().shutdown()
    emit({"result": "stopped"}, "The proxy is stopped. Start it with: discode proxy start", as_json=as_json)


@app.command()
def update(
    image: Annotated[str | None, typer.Option(metavar="IMAGE", help="The image of the proxy's container.")] = None,
    http_port: Annotated[int | None, typer.Option(help="The port for HTTP.")] = None,
    https_port: Annotated[int | None, typer.Option(help="The port for HTTPS.")] = None,
    bind: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Listen there alone; :: is everywhere."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Change the image or the ports of the proxy's container.

    Without options those in config.toml are applied. A new container takes over from the old one with all its routes.
    Requests in progress may finish; for a second or two new ones are refused. If the new container does not answer,
    the old one is put back.

    \b
        discode proxy update --image basecamp/kamal-proxy:v0.9.2
    """
    from . import wiring

    host = wiring.host(as_json)
    config = host.config
    given = {"proxy_image": image, "http_port": http_port, "https_port": https_port, "bind": bind}
    wanted = replace(config, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    _must_be_a_container(config.proxy)
    if image is not None and config.proxy == "docker":
        host.check_image(wanted)
    host.save(wanted)
    before = host.container().state() if config.proxy == "docker" else {"running": False, "differs": ""}
    if not before["running"] or not before["differs"]:
        emit({"result": "nothing-to-do", "differs": ""}, "Saved. There is nothing to replace.", as_json=as_json)
        return
    if not yes and not as_json and sys.stdin.isatty():
        question = f"For {GAP} no app on this machine will be reachable ({before['differs']}). Go on?"
        if not typer.confirm(question, err=True):
            host.save(config)
            raise typer.Abort
    gap = _replaced(host, config)
    told = {"result": "replaced", "seconds_without_proxy": round(gap, 3), **host.proxy_state()}
    emit(told, f"The proxy was replaced; requests were refused for {gap:.1f} s.", as_json=as_json)


def _replaced(host: Host, before: Any) -> float:
    """With settings that do not work the host must not be left: the next command would try them again."""
    try:
        return host.container().replace()
    except DiscodeError:
        host.save(before)
        raise


def _must_be_a_container(kind: str) -> None:
    if kind == "edge":
        raise UsageError(
            "This machine's proxy is a program, not a container. Nothing was changed.",
            "Change its ports without an outage: discode proxy config set http_port=PORT",
            key="other-proxy",
        )


def _text(told: dict[str, Any]) -> str:
    if not told["running"]:
        state = "is not running"
    else:
        state = (
            f"is running (pid {told['pid']})" if told["pid"] else f"is running ({told['image']} in {told['container']})"
        )
    line = f"The proxy ({told['proxy']}) {state}; HTTP port {told['http_port']}."
    if not (differs := told.get("differs")):
        return line
    return f"{line}\nIts settings differ from config.toml: {differs}. To apply them: discode proxy update"
