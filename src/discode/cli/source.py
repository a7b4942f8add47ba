"""What a customer types about where an app's releases come from: how it is asked, and to take that back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import UsageError
from .options import App, Json, group
from .output import described, emit

if TYPE_CHECKING:
    from ..flows.world import World

app = group("Show where an app's releases come from. Forget its login, or that plain HTTP is allowed.")


@app.command()
def show(name: App, as_json: Json = False) -> None:
    """Show where an app's releases come from.

    The login's name is shown, too, but never its password.
    """
    from . import wiring

    told = _told(wiring.world(as_json, "discode source"), name)
    rows = [
        ("Source", f"{told['source']} ({told['channel']})"),
        ("Login", told["login"] or "-"),
        ("Plain HTTP", "allowed" if told["plain_http"] else "not allowed"),
    ]
    emit(told, described(rows), as_json=as_json)


@app.command()
def forget(
    name: App,
    login: Annotated[bool, typer.Option("--login", help="The name and password.")] = False,
    plain_http: Annotated[
        bool, typer.Option("--plain-http", help="That secrets may go to its http:// address unencrypted.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Forget the login, or that plain HTTP is allowed.

    Takes back what was given with --from-credentials-file or --plain-http. The app goes on.

    \b
        discode source forget myapp --login
    """
    from . import wiring

    if not (login or plain_http):
        raise UsageError("Nothing was named to forget.", "Give --login, --plain-http, or both.")
    world = wiring.world(as_json, "discode source")
    with world.store.lock(world.installed(name).app):
        source = world.installed(name).source
        wiring.accesses().forget(name, source, login=login, plain_http=plain_http)
    what = " and ".join(["login"] * login + ["leave to use plain HTTP"] * plain_http)
    emit({"result": "forgotten", **_told(world, name)}, f"The {what} for {source} is forgotten.", as_json=as_json)


def _told(world: World, name: str) -> dict[str, Any]:
    from . import wiring

    installation = world.installed(name)
    access = wiring.accesses().of(name, installation.source)
    return {
        "app": name, "source": installation.source, "channel": installation.channel, "login": access.username or None,
        "plain_http": access.plain_http,
    }  # fmt: skip
