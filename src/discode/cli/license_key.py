"""A customer's license key on the command line: from a file, the environment, or asked for; never an argument."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import typer

from ..core.errors import DiscodeError, Refused, UsageError
from ..core.pasted import LONGEST, required

VARIABLE = "DISCODE_LICENSE"


def given(file: str | None) -> str | None:
    """Raises UsageError; never repeats the key."""
    text: str | bytes | None
    try:
        if file is None:
            text = os.environ.get(VARIABLE) or None
        else:
            text = sys.stdin.buffer.read(LONGEST) if file == "-" else _beginning(Path(file))
    except OSError as error:
        raise UsageError(f"The license file {file} cannot be read.", "Give another: --license-file FILE") from error
    return None if text is None else required(text, "dlk")


def asked() -> str:
    """On the terminal. Raises UsageError."""
    return required(str(typer.prompt("License key", hide_input=True, err=True)), "dlk")


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LONGEST)


def with_license(app: str, source: str, file: str | None, as_json: bool, flow: Callable[[], None]) -> None:
    """Take a seat first, when there is a key; on a terminal ask for one when the hub wants it, and go on."""
    if (key := given(file)) is not None:
        activate(app, source, key)
        flow()
        return
    try:
        flow()
    except Refused as refused:
        if refused.name != "license-needed" or as_json or not sys.stdin.isatty():
            raise
        activate(app, source, asked())
        flow()


def activate(app: str, source: str, key: str) -> None:
    from . import wiring

    if "://" not in source:
        raise UsageError("A license needs a hub, but the source is a folder.", "Omit the license key.")
    wiring.licenses().activate(app, source, key)


def give_up(app: str, as_json: bool) -> None:
    """The seat of an app that was uninstalled with its data, so that another machine can have it; and the login of its
    source, by which the hub is asked for that."""
    from . import wiring
    from .progress import report_for

    try:
        if wiring.licenses().of(app) is not None:
            wiring.licenses().deactivate(app)
        wiring.accesses().drop(app)
    except DiscodeError as error:
        report_for(as_json).note(f"The license's seat could not be released: {error.sentence}")
