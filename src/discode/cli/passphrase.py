"""The passphrase of an exported file: typed twice, from a file or the environment; never an argument."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from ..core.errors import UsageError
from ..core.export import LEAST
from .asking import can_ask, hidden
from .backup_setup import password_in

VARIABLE = "DISCODE_PASSPHRASE"
PassphraseFile = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", show_default=False,
        help=f"A file with the passphrase on one line; - reads standard input. Default: ${VARIABLE}.",
    ),
]  # fmt: skip
LOST = "Without it nobody can read the file, and nobody can help."


def new_passphrase(file: str | None, as_json: bool) -> str:
    """Raises UsageError for one that is too short, or that two tries typed differently."""
    given = _given(file, as_json)
    if given is None:
        typer.echo(f"Choose a passphrase for the file, and keep it. {LOST}", err=True)
        given = hidden("Passphrase: ")
        if hidden("The same again: ") != given:
            raise UsageError("The two passphrases differ. Nothing was changed.", "Run the command again.")
    if len(given) < LEAST:
        raise UsageError(
            f"The passphrase has fewer than {LEAST} characters, and who has the file can try as often as they like. "
            "Nothing was changed.",
            "Choose a longer one, such as five words.",
            key="short-passphrase",
        )
    return given


def known_passphrase(file: str | None, as_json: bool, of: str) -> str:
    given = _given(file, as_json)
    return given if given is not None else hidden(f"Passphrase of {of}: ")


def _given(file: str | None, as_json: bool) -> str | None:
    """None where it is to be asked for."""
    if file is not None:
        return password_in(file)
    if given := os.environ.get(VARIABLE):
        return given
    if not can_ask(as_json):
        raise UsageError(
            "The passphrase is missing. Nothing was changed.",
            f"Give it: --passphrase-file FILE, or in the environment: ${VARIABLE}",
            key="no-passphrase",
        )
    return None
