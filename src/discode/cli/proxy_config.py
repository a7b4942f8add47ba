"""The settings of this machine on the command line: `discode proxy config`, `… set`, `… unset`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from ..core.errors import UsageError
from ..core.host_settings import SETTINGS, HostSetting
from .options import Json, TypedOrAsked
from .output import columns, emit, escaped, natural_width, table

LONGEST = 64 << 10  # bytes of a value in a file
HELP = """Show and change the settings of this machine.

The ports, the proxy's image, the CA of automatic certificates, the DNS provider and more.

\b
    discode proxy config set acme_email=admin@example.com
    discode proxy config set acme_directory=https://ca.example.com/directory
    discode proxy config set acme_eab_kid=kid-1 acme_eab_key
"""

app = typer.Typer(help=HELP, invoke_without_command=True, rich_markup_mode=None, add_completion=False)


@app.callback()
def _shown(context: typer.Context, as_json: Json = False) -> None:
    if context.invoked_subcommand is None:
        show(as_json=as_json)


@app.command()
def show(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this setting.")] = None,
    as_json: Json = False,
) -> None:
    """Show the settings of this machine. Secrets are hidden."""
    from . import wiring
    from .wiring_settings import settings

    rows = [_row(name)] if name else list(SETTINGS.values())
    values = settings(wiring.host(as_json)).values()
    told = {row.name: _as_json(row, values) for row in rows}
    lines = [[row.name, _text(row, values), row.help] for row in rows]
    emit({"settings": told}, _fitting(lines), as_json=as_json)


@app.command("set")
def set_(
    assignments: TypedOrAsked = [],
    from_file: Annotated[
        list[str],
        typer.Option(metavar="NAME=FILE", help="A setting whose value is in a file; - reads standard input."),
    ] = [],
    skip_checks: Annotated[bool, typer.Option("--skip-checks", help="Do not ask the CA whether it is there.")] = False,
    as_json: Json = False,
) -> None:
    """Change settings. They count at once where that takes no outage; else the command says from when."""
    typed = [one for one in assignments if "=" in one]
    names = [one for one in assignments if "=" not in one]
    given = dict(_typed(one) for one in typed) | dict(_filed(one) for one in from_file)
    rows = [_row(name) for name in names]  # all of them, before the first one is asked for
    given |= {row.name: _asked(row, as_json) for row in rows}
    if not given:
        raise UsageError("No setting was given.", "For example: discode proxy config set acme_email=admin@example.com")
    _change(given, as_json, skip_checks=skip_checks)


@app.command()
def unset(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Settings.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Give settings their defaults back."""
    _change({_row(name).name: None for name in names}, as_json, skip_checks=True)


def _change(given: dict[str, Any], as_json: bool, *, skip_checks: bool) -> None:
    from . import wiring
    from .wiring_settings import settings

    words = settings(wiring.host(as_json)).change(given, skip_checks=skip_checks)
    told = {"result": "changed", "changed": sorted(given), "message": " ".join(words)}
    emit(told, "\n".join([f"Saved: {', '.join(given)}.", *words]), as_json=as_json)


def _typed(assignment: str) -> tuple[str, Any]:
    name, _, text = assignment.partition("=")
    row = _row(name)
    if row.is_secret:
        raise UsageError(
            f"{name} is a secret, and other users of this machine can see what is typed on the command line. "
            "Nothing was changed.",
            f"Have it asked for: discode proxy config set {name}; or read from a file: --from-file {name}=FILE",
            key="secret-typed",
        )
    return name, _read(row, text)


def _filed(assignment: str) -> tuple[str, Any]:
    name, equals, file = assignment.partition("=")
    row = _row(name)
    if not equals or not file:
        raise UsageError(f"--from-file {name} names no file.", f"Write --from-file {name}=FILE, or {name}=- for stdin.")
    try:
        with Path(file).open("rb") if file != "-" else open(sys.stdin.fileno(), "rb", closefd=False) as opened:
            text = opened.read(LONGEST).decode()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}.", "Give another file.") from None
    except ValueError:
        raise _wrong(row, "is not text") from None
    return name, _read(row, text.strip())


def _asked(row: HostSetting, as_json: bool) -> Any:
    from .asking import can_ask, hidden, shown

    if not can_ask(as_json):
        raise UsageError(
            f"{row.name} has no value, and there is no terminal to ask for it. Nothing was changed.",
            f"Read it from a file: --from-file {row.name}=FILE, with - for standard input"
            if row.is_secret
            else f"Write {row.name}=VALUE",
            key="invalid-setting",
        )
    question = f"{row.name} ({row.help}): "
    return _read(row, hidden(question) if row.is_secret else shown(question))


def _read(row: HostSetting, text: str) -> Any:
    try:
        value = row.read(text)
    except ValueError:
        value = None
    # What the caller means by a relative path is known here alone.
    if row.is_file and isinstance(value, str) and value:
        value = os.path.abspath(value)  # noqa: PTH100
    if value is None or not row.holds(value):
        raise _wrong(row, "has no such value" if row.is_secret else f"cannot be {escaped(text)!r}")
    return value


def _wrong(row: HostSetting, what: str) -> UsageError:
    return UsageError(
        f"{row.name} {what}. Nothing was changed.",
        f"It takes {row.expected}. For its default: discode proxy config unset {row.name}",
        key="invalid-setting",
    )


def _row(name: str) -> HostSetting:
    if (row := SETTINGS.get(name)) is None:
        from difflib import get_close_matches

        near = get_close_matches(name.strip().lower(), SETTINGS, 1)
        raise UsageError(
            f"This machine has no setting named {escaped(name)!r}. Nothing was changed.",
            f"{f'Did you mean {near[0]}? ' if near else ''}Write NAME=VALUE, without blanks around the =. "
            "To see all settings: discode proxy config",
            key="unknown-setting",
        )
    return row


def _text(row: HostSetting, values: dict[str, tuple[Any, bool]]) -> str:
    value, is_set = values[row.name]
    if row.is_secret:
        return "(set, hidden)" if is_set else "(not set)"
    if value == "" or value == ():
        return "(not set)"
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else escaped(_joined(value))
    return text if is_set else f"{text} (default)"


def _fitting(rows: list[list[str]]) -> str:
    """On a terminal that is too narrow for what each setting is, without it."""
    header = ["SETTING", "VALUE", "WHAT IT IS"]
    if not 0 < columns() < natural_width(rows, header) or len(rows) == 1:
        return table(rows, header)
    return table([row[:2] for row in rows], ["SETTING", "VALUE"]) + "\n\nWhat one is: discode proxy config show NAME"


def _joined(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, Iterable) and not isinstance(value, str) else str(value)


def _as_json(row: HostSetting, values: dict[str, tuple[Any, bool]]) -> dict[str, Any]:
    value, is_set = values[row.name]
    return {
        "value": None if row.is_secret else value,
        "set": is_set,
        "secret": row.is_secret,
        "what": row.help,
        "takes": row.expected,
        "counts": row.counts,
    }
