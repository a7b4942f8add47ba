"""An address as a customer gives it: it holds a password or a token, which nobody else is to see."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ..core.errors import UsageError

Url = Annotated[
    str | None,
    typer.Argument(metavar="[URL]", help="The address. Without one it is asked for.", show_default=False),
]
FromFile = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", show_default=False, help="A file with the address on one line; - reads standard input."
    ),
]
_MOST = 1 << 16  # bytes


def given(url: str | None, file: str | None, as_json: bool, question: str) -> str:
    """Raises UsageError; never repeats it."""
    from .asking import can_ask, hidden

    if url is not None and file is not None:
        raise UsageError("The address was given twice. Nothing was changed.", "Omit the URL, or --from-file.")
    if url is not None:
        return url.strip()
    if file is not None:
        return _in(file)
    if not can_ask(as_json):
        raise UsageError(
            "No address was given. Nothing was changed.",
            "Give it in a file that is yours alone: --from-file FILE; - reads standard input.",
            key="no-address",
        )
    return hidden(question).strip()


def warn_of_argument(as_json: bool) -> None:
    from .progress import report_for

    report_for(as_json).note(
        "Other users of this machine could read the address in the command line. Next time give --from-file FILE, or "
        "none: then it is asked for."
    )


def _in(file: str) -> str:
    from ..disk.given_secret import NotPrivate, read_private

    try:
        data = sys.stdin.buffer.read(_MOST) if file == "-" else read_private(file)[:_MOST]
        lines = data.decode("utf-8-sig").split("\n")
    except NotPrivate as error:
        raise UsageError(f"The file {file} is not yours alone: {error.strerror}.", error.remedy) from error
    except OSError as error:
        raise UsageError(f"The file {file} cannot be read: {error.strerror}.", "Give another.") from error
    except UnicodeDecodeError:
        raise UsageError(f"The file {file} is no text. Nothing was changed.", "Give another.") from None
    found = [line.strip() for line in lines if line.strip()]
    if len(found) != 1:
        raise UsageError(
            f"The file {file} does not have one line with an address. Nothing was changed.",
            "Put the address alone into it, on one line.",
        )
    return found[0]
