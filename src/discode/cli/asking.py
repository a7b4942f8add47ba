"""Questions on the terminal: for settings that only the customer knows."""

from __future__ import annotations

import getpass
import sys
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from ..core.errors import Refused, UsageError
from ..core.rule import held, possible, words
from ..core.settings import is_secret
from .foreign import one_line, tame

if TYPE_CHECKING:
    from ..core.manifest import EnvVar, Manifest


def can_ask(as_json: bool) -> bool:
    return not as_json and sys.stdin.isatty() and sys.stderr.isatty()


def must_be_wanted(question: str, told: str, as_json: bool, step: str = "If that is what you want, add: --yes") -> None:
    """What cannot be undone. Raises Refused where nobody can be asked, typer.Abort where the answer is no."""
    if not can_ask(as_json):
        raise Refused(f"{told} Nothing was changed.", step, key="not-confirmed")
    typer.confirm(question, abort=True, err=True)


def ask(manifest: Manifest, questions: Mapping[str, str]) -> dict[str, str]:
    """Each until its answer is one that the vendor takes. Raises UsageError when a secret could be seen."""
    return {name: _answer(name, manifest.env[name], question) for name, question in questions.items()}


def _answer(name: str, variable: EnvVar, question: str) -> str:
    if variable.help:
        typer.echo(tame(variable.help), err=True)
    wanted = words(variable)
    prompt = one_line(f"{question} ({name}{f', {wanted}' if wanted else ''}): ")
    while True:
        text = hidden(prompt) if is_secret(name, variable) else shown(prompt)
        try:
            possible(name, text)
            value = held(variable, text)
        except ValueError as error:
            typer.echo(one_line(f"It {error}."), err=True)
            continue
        if value or variable.optional:
            return value


def shown(prompt: str) -> str:
    """A line from the terminal."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise typer.Abort
    return line.rstrip("\r\n")


def hidden(prompt: str) -> str:
    """A line that nobody can read over a shoulder. Raises UsageError when it could be seen."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(prompt, sys.stderr)
    except getpass.GetPassWarning:
        raise UsageError(
            "This terminal cannot hide what is typed, so no secret is asked for. Nothing was changed.",
            "Put it in the environment, and give its name: --set-from-env NAME (config set: --from-env NAME)",
            key="no-terminal",
        ) from None
    except EOFError:
        raise typer.Abort from None
