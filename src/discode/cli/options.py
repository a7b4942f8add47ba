"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

App = Annotated[
    str, typer.Argument(metavar="APP", help="The app's short name, as in: discode update myapp.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print events as JSON lines, with the result last.")]


def group(help: str) -> typer.Typer:
    """Commands below one name, like `discode release …`."""
    return typer.Typer(help=help, no_args_is_help=True, rich_markup_mode=None, add_completion=False)
