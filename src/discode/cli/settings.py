"""Settings on the command line: from options, the environment, a file, or asked for. `config get|set`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import UsageError
from .foreign import tame
from .options import App, Json, TypedOrAsked, group
from .output import emit, escaped, table
from .running import run_flow

if TYPE_CHECKING:
    from ..core.manifest import Manifest
    from ..core.settings import Setting

_BY = {"vendor": "the vendor", "default": "default", "generated": "generated", "you": "you"}

app = group("Show and change an app's settings.")


def collect(assignments: list[str], from_env: list[str], file: str | None) -> dict[str, str]:
    """Raises UsageError; never repeats a value."""
    return {**_from_file(file), **_from_environment(from_env), **_assigned(assignments)}


@app.command("get")
def get(
    name: App,
    setting: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this setting.")] = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show secrets, too; with NAME, print its value and nothing else.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show an app's settings. Secrets are hidden."""
    from ..core.settings import listed
    from ..flows.prepare import own_address
    from . import wiring

    world = wiring.world(as_json, "discode config")
    installation = world.installed(name)
    manifest, values = installation.release.manifest, world.store.settings(name, installation.settings)
    own = own_address(world.site(installation.kind, world.steps()), manifest, installation.route)
    shown = [one for one in listed(manifest, values, own) if setting in (None, one.name)]
    if setting is not None and (not shown or (reveal and shown[0].value is None)):
        raise _no_value(manifest, setting, known=bool(shown))
    if setting is not None and reveal and not as_json:
        value = shown[0].value or ""
        print(tame(value) if sys.stdout.isatty() else value)
        return
    rows = [[one.name, _BY[one.origin] if one.value is not None else "-", _told(one, reveal)] for one in shown]
    told = {
        "app": name,
        "settings": {one.name: _as_json(one, reveal) for one in shown if one.value is not None},
        "unset": [one.name for one in shown if one.value is None],
    }
    emit(told, table(rows, ["SETTING", "SET BY", "VALUE"]) if rows else f"{name} has no settings.", as_json=as_json)


@app.command("set")
def set_(
    name: App,
    assignments: TypedOrAsked = [],
    unset: Annotated[list[str], typer.Option(metavar="NAME", help="Remove a setting.")] = [],
    from_env: Annotated[
        list[str], typer.Option(metavar="NAME", help="A setting whose value is taken from the environment.")
    ] = [],
    file: Annotated[
        str | None,
        typer.Option(
            "--file",
            "--settings",
            metavar="FILE",
            help="A file of settings, one NAME=VALUE per line; - reads standard input.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also change what the vendor fixed, and secrets that were generated.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Change settings, without an outage: the same version is started with them and takes over.

    \b
        discode config set myapp SMTP_ADDRESS=mail.example.com
        discode config set myapp SMTP_PASSWORD
    """
    from ..flows.configure import configure

    given = collect([one for one in assignments if "=" in one], from_env, file)
    given |= _asked(name, [one for one in assignments if "=" not in one], as_json)
    changes: dict[str, str | None] = {**given, **dict.fromkeys(unset)}
    if not changes:
        raise UsageError("No setting was given.", f"For example: discode config set {name} NAME=VALUE")
    run_flow("config", as_json, lambda world: configure(world, name, changes, force=force))


def _asked(app_name: str, names: list[str], as_json: bool) -> dict[str, str]:
    """Of the installed app. Raises UsageError without a terminal."""
    from . import wiring
    from .asking import ask, can_ask

    if not names:
        return {}
    if not can_ask(as_json):
        raise UsageError(
            f"{names[0]} has no value, and there is no terminal to ask for it. Nothing was changed.",
            f"Write {names[0]}=VALUE, or for a secret: --from-env {names[0]}",
            key="invalid-setting",
        )
    manifest = wiring.world(as_json, "discode config").installed(app_name).release.manifest
    return ask(manifest, {one: manifest.env[one].ask or "New value" for one in names if one in manifest.env}) | {
        one: ""
        for one in names
        if one not in manifest.env  # which the flow refuses by its name
    }


def _no_value(manifest: Manifest, setting: str, *, known: bool) -> UsageError:
    names = ", ".join(sorted(manifest.env)) or "none"
    return UsageError(
        f"{manifest.app} has no setting named {setting}."
        if not known
        else f"{setting} of {manifest.app} has no value.",
        f"Its settings are: {names}. See: discode config get {manifest.app}",
        key="unknown-setting" if not known else "not-set",
    )


def _told(one: Setting, reveal: bool) -> str:
    if one.value is None:
        return "(not set)"
    return "(set, hidden)" if one.is_secret and not reveal else escaped(one.value)


def _as_json(one: Setting, reveal: bool) -> dict[str, Any]:
    value = one.value if reveal or not one.is_secret else None
    return {"set": True, "value": value, "secret": one.is_secret, "by": one.origin}


def _from_environment(names: list[str]) -> dict[str, str]:
    absent = [name for name in names if name not in os.environ]
    if absent:
        raise UsageError(f"The environment has no {', '.join(absent)}.", f"Set it first: export {absent[0]}=…")
    return {name: os.environ[name] for name in names}


def _assigned(texts: list[str]) -> dict[str, str]:
    """`NAME=value` each. Raises UsageError, without repeating the value."""
    pairs = [text.partition("=") for text in texts]
    for number, (name, equals, _) in enumerate(pairs, 1):
        if not name or not equals:
            raise UsageError(
                f"Setting {number} must look like NAME=value.", "For example: --set SMTP_ADDRESS=mail",
                key="invalid-setting",
            )  # fmt: skip
    return {name: value for name, _, value in pairs}


def _from_file(file: str | None) -> dict[str, str]:
    from ..core.settings_file import LONGEST, parse_settings

    if file is None:
        return {}
    try:
        if file == "-":
            return parse_settings(sys.stdin.buffer.read(LONGEST + 1), "standard input")
        with Path(file).open("rb") as opened:
            return parse_settings(opened.read(LONGEST + 1), file)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}.", "Give another file.") from None
