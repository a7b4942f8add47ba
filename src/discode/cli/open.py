"""`discode open`: an app's address, and a browser at it where there is one."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from .options import App, Json
from .output import emit

if TYPE_CHECKING:
    from ..core.https import Https
    from ..core.installation import Route
    from ..flows.world import Site


def open_(
    app: App,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Whether a browser may be opened.")] = True,
    as_json: Json = False,
) -> None:
    """Print an app's address, and open a browser there.

    The browser is for the terminal of a desktop: not for root, and not over SSH.

    \b
        discode open myapp
        curl --head $(discode open myapp)
    """
    from ..flows.prove import address as reached_at
    from . import wiring

    world = wiring.world(as_json, "discode open")
    installation = world.installed(app)
    site, route = world.site(installation.kind, world.steps()), installation.route
    https = _https(site, route)
    address = reached_at(site, route, https)
    if https is not None and https.lacks(route.host):
        world.report.note(f"{app} has no HTTPS yet; to see why: discode status {app}")
    is_opened = browser and not as_json and sys.stdout.isatty() and _opened(address, os.environ)
    if installation.state == "stopped":
        world.report.note(f"{app} is stopped; start it with: discode start {app}")
    told = {"app": app, "address": address, "state": installation.state, "opened": is_opened}
    emit(told, address, as_json=as_json)


def _https(site: Site, route: Route) -> Https | None:
    """Of a proxy that does not answer nothing is known."""
    from ..core.errors import DiscodeError
    from ..flows.prove import look_by_https

    try:
        return look_by_https(site, route) if route.is_secure else None
    except DiscodeError:
        return None


def _opened(address: str, environment: Mapping[str, str]) -> bool:
    """Whether a browser was started. It goes its own way: nobody waits for it, and nothing it says comes here."""
    command = browser_for(address, environment, is_root=os.geteuid() == 0)
    if command is None:
        return False
    try:
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    except OSError:
        return False
    return True


def browser_for(address: str, environment: Mapping[str, str], *, is_root: bool) -> list[str] | None:
    """$BROWSER, a list with : between its commands, each with %s for the address; else what the desktop has."""
    has_display = bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
    if is_root or not (has_display or (environment.get("BROWSER") and "SSH_CONNECTION" not in environment)):
        return None
    given = [_words(one) for one in environment.get("BROWSER", "").split(":")]
    for words in [*filter(None, given), ["xdg-open"]]:
        if program := shutil.which(words[0], path=environment.get("PATH")):
            at = [word.replace("%s", address) for word in words[1:]]
            return [program, *at] if any("%s" in word for word in words) else [program, *at, address]
    return None


def _words(command: str) -> list[str]:
    """Empty for what no shell would read either."""
    try:
        return shlex.split(command)
    except ValueError:
        return []
