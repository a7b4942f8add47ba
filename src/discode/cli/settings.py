"""Settings on the command line: from options, the environment, a file, or asked for. `config get|set`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import UsageError
from .options import App, Json, group
from .output import emit, table
from .running import run_flow

app = group("Show and change an app's settings.")
_HIDDEN_WORDS = re.compile("SECRET|PASSWORD|TOKEN|KEY|CREDENTIAL|DSN", re.IGNORECASE)


def collect(assignments: list[str], from_env: list[str], file: str | None) -> dict[str, str]:
    """Raises UsageError; never repeats a value."""
    from ..flows.install import parse_assignments

    return {**parse_assignments(_file_lines(file)), **_from_environment(from_env), **parse_assignments(assignments)}


def ask(questions: Mapping[str, str]) -> dict[str, str]:
    """Ask on the terminal; what looks like a secret is not echoed."""
    return {
        name: typer.prompt(f"{question} ({name})", hide_input=bool(_HIDDEN_WORDS.search(name)), err=True)
        for name, question in questions.items()
    }


@app.command("get")
def get(
    name: App,
    setting: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this setting.")] = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Print the value of NAME, which is hidden otherwise.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show an app's settings. Values that you gave or that were generated are hidden."""
    from ..core.settings import environment, visible
    from . import wiring

    world = wiring.world(as_json, "discode config")
    installation = world.installed(name)
    manifest, values = installation.release.manifest, world.store.settings(name, installation.settings)
    if reveal:
        if setting is None or as_json or setting not in environment(manifest, values):
            raise UsageError(
                "--reveal needs the name of one setting that has a value, without --json.",
                f"See: discode config get {name}",
            )
        print(environment(manifest, values)[setting])
        return
    shown = {key: value for key, value in visible(manifest, values).items() if setting in (None, key)}
    unset = [key for key, v in manifest.env.items() if v.ask and key not in values and setting in (None, key)]
    rows = [[key, value if value is not None else "(set, hidden)"] for key, value in sorted(shown.items())]
    rows += [[key, "(not set)"] for key in unset]
    told = {
        "app": name,
        "settings": {key: {"set": True, "value": value} for key, value in shown.items()},
        "unset": unset,
    }
    emit(told, table(rows, ["SETTING", "VALUE"]) if rows else f"{name} has no settings.", as_json=as_json)


@app.command("set")
def set_(
    name: App,
    assignments: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=VALUE]...",
            help="Settings; not for secrets, which other users of this machine could see while the command runs.",
        ),
    ] = [],
    unset: Annotated[list[str], typer.Option(metavar="NAME", help="Remove a setting.")] = [],
    from_env: Annotated[
        list[str], typer.Option(metavar="NAME", help="A setting whose value is taken from the environment.")
    ] = [],
    file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A file of settings, one NAME=VALUE per line; - reads standard input."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Change settings, without an outage: the same version is started with them and takes over.

    discode config set myapp SMTP_ADDRESS=mail.example.com
    """
    from ..flows.configure import configure

    changes: dict[str, str | None] = {**collect(assignments, from_env, file), **dict.fromkeys(unset)}
    if not changes:
        raise UsageError("No setting was given.", f"For example: discode config set {name} NAME=VALUE")
    run_flow("config", as_json, lambda world: configure(world, name, changes))


def _from_environment(names: list[str]) -> dict[str, str]:
    absent = [name for name in names if name not in os.environ]
    if absent:
        raise UsageError(f"The environment has no {', '.join(absent)}.", f"Set it first: export {absent[0]}=…")
    return {name: os.environ[name] for name in names}


def _file_lines(file: str | None) -> list[str]:
    if file is None:
        return []
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{file} cannot be read: {getattr(error, 'strerror', None) or error}.", "Give another file."
        ) from None
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
