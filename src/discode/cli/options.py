"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

App = Annotated[
    str, typer.Argument(metavar="APP", help="The app's short name, as in: discode update myapp.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Events as JSON lines, the result last.")]
