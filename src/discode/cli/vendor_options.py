"""Options of the commands that sign: where the releases are, and with which keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..ports.repository import Repository

Repo = Annotated[Path, typer.Option("--repo", metavar="DIR", help="The repository: the folder to publish.")]
KeyFolder = Annotated[
    Path, typer.Option("--keys", metavar="DIR", help="The folder with your keys. It is never published; back it up.")
]
Hub = Annotated[
    str | None,
    typer.Option(
        metavar="URL", envvar="DISCODE_HUB", help="A hub instead of a folder; its API token is in $DISCODE_HUB_TOKEN."
    ),
]
TokenFile = Annotated[Path | None, typer.Option(metavar="FILE", help="A file with the hub's API token.")]
REPO, KEYS = Path("releases"), Path("~/.config/discode/keys")


def repository_of(repo: Path, keys: Path, hub: str | None, token_file: Path | None) -> Repository:
    from .wiring_vendor import hub_repository, repository

    if hub is not None:
        return hub_repository(hub, token_file, keys.expanduser())
    return repository(repo.expanduser(), keys.expanduser())
