"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

App = Annotated[
    str, typer.Argument(metavar="APP", help="The app's short name, as in: discode update myapp.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print events as JSON lines, with the result last.")]
Assignments = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A setting; not for secrets, which other users of this machine could see while the command runs.",
    ),
]
FromEnvironment = Annotated[
    list[str], typer.Option(metavar="NAME", help="A setting whose value is taken from the environment.")
]
SettingsFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="A file of settings, one NAME=VALUE per line; - reads standard input."),
]
TypedOrAsked = Annotated[
    list[str],
    typer.Argument(
        metavar="[NAME=VALUE]...",
        help="Settings. A NAME alone is asked for on the terminal: a secret must not be typed on the command line, "
        "where other users of this machine could see it.",
    ),
]


def group(help: str) -> typer.Typer:
    """Commands below one name, like `discode release …`."""
    return typer.Typer(help=help, no_args_is_help=True, rich_markup_mode=None, add_completion=False)
