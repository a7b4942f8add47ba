"""What another machine has kept of an app, in a snapshot: how its source is asked, whom it trusts, its license,
and whether its customer agreed to reports."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...core.model import ValidationError
from ...core.report import Agreement
from .belongings import ACCESS, LICENSE, REPORTING, SEAT, TRUST
from .disk import write_whole
from .home import close_home

ROOTS = ("root.json", "floor.json", "online.json")  # of each source: the root that counts, and nothing that is older


def trusted(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Of an app's folder, by a name that tells the source, too."""
    for path in sorted((folder / TRUST).glob("*/*")):
        if path.name in ROOTS and path.is_file():
            yield f"trust-{path.parent.name}-{path.name}", path.read_bytes()


def adopt(home: Path, app: str, documents: Mapping[str, bytes], *, seat: bool) -> None:
    """As the port Repositories says. A license that was activated here by hand stays, and what was
    agreed to here. Raises PreflightError."""
    folder = home / "apps" / app
    close_home(home)
    is_moved, seat = seat, seat and not (folder / LICENSE).exists()
    if REPORTING in documents and not (folder / REPORTING).exists():
        _agree(folder / REPORTING, documents[REPORTING], is_moved)
    for name, data in documents.items():
        if name == ACCESS or (seat and name in (LICENSE, SEAT)):
            write_whole(folder / name, data, mode=0o600)
        elif name.startswith("trust-"):
            _, source, file = name.split("-", 2)
            if source.isalnum() and file in ROOTS:
                write_whole(folder / TRUST / source / file, data)


def _agree(path: Path, data: bytes, is_moved: bool) -> None:
    """A copy beside the app is another installation, and its reports have an id of their own."""
    try:
        agreement = Agreement.read_json(data)
    except ValidationError:
        return
    if not is_moved:
        agreement = agreement.changed(installation=secrets.token_hex(16))
    write_whole(path, agreement.as_json().encode(), mode=0o600)
