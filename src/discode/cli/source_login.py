"""The login of a source on the command line: from a file, the environment, or asked for; better not in the address,
which every user of the machine can read while the command runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import UsageError
from ..core.login import VARIABLE, Login, read_login, split_login

if TYPE_CHECKING:
    from ..flows.world import World

CredentialsFile = Annotated[
    str | None,
    typer.Option(
        "--from-credentials-file",
        metavar="FILE",
        help=f"The source's login, one line NAME:PASSWORD; - reads standard input. Default: ${VARIABLE}.",
        show_default=False,
    ),
]
PlainHttp = Annotated[
    bool,
    typer.Option("--plain-http", help="Allow license keys and passwords to go to this app's http:// address."),
]
_MOST = 1 << 16  # bytes


def given(file: str | None) -> Login | None:
    """Raises UsageError; never repeats the password."""
    try:
        if file is None:
            text = os.environ.get(VARIABLE, "")
        else:
            text = (sys.stdin.buffer.read(_MOST) if file == "-" else Path(file).read_bytes()[:_MOST]).decode(
                "utf-8-sig"
            )
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The credentials file {file} cannot be read.", "Give another: --from-credentials-file FILE",
            key="source-login",
        ) from error  # fmt: skip
    return read_login(text) if file is not None or text.strip() else None


def taken_off(address: str, file: str | None, as_json: bool) -> tuple[str, Login | None]:
    """The address without its login, and the login to use. On a terminal a missing password is asked for."""
    from .progress import report_for

    bare, inside = split_login(address)
    login = given(file)
    if login is not None and "://" not in bare:
        raise UsageError("A folder needs no login. Nothing was changed.", "Omit the login.", key="source-login")
    if inside is None or login is not None:
        return bare, login
    if inside.password:
        report_for(as_json).note(
            "Other users of this machine could read the password in the command line. Next time give "
            f"--from-credentials-file FILE, or set ${VARIABLE}."
        )
        return bare, inside
    if as_json or not sys.stdin.isatty():
        return bare, inside
    return bare, Login(inside.username, str(typer.prompt(f"Password of {inside.username}", hide_input=True, err=True)))


def keep(app: str, address: str, login: Login | None, plain_http: bool) -> None:
    """For all that comes later."""
    from . import wiring

    if "://" in address:
        wiring.accesses().keep(app, address, login, plain_http)


def keep_new(world: World, app: str, address: str, login: Login | None, plain_http: bool) -> None:
    """Of an app that is to be installed; one that is there already keeps its own, for the install is refused."""
    if world.store.installation(app) is None:
        keep(app, address, login, plain_http)


def change(app: str, file: str | None, plain_http: bool) -> None:
    """Of an app that is installed, when its login is another now, or a switch is to be set."""
    from . import wiring

    login = given(file)
    if login is None and not plain_http:
        return
    world = wiring.world(True, "discode update")
    with world.store.lock(app):
        source = world.installed(app).source
    keep(app, source, login, plain_http)
