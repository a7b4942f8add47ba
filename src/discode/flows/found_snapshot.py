"""A snapshot of an app, found in a repository and read before anything is touched."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ..core import installation as schema
from ..core import manifest
from ..core.backup_errors import NoSuchSnapshot
from ..core.errors import Refused
from ..core.installation import Installation
from ..core.model import ValidationError
from ..core.snapshot import RECORD, Part, Snapshot, SnapshotRecord, check_architecture, instead, read_record
from ..ports.backups import Backups
from .backup import DOCUMENTS
from .world import Steps

LATEST = "latest"
_SHOWN = 5  # ids told in a sentence
# A volume of the app, or of what is beside it, with dots in it: `db.data.16`. What begins with one is Discode's own.
_NAME = re.compile(r"[a-z][a-z0-9.-]*")


@dataclass(frozen=True)
class Found:
    """What it says of itself and of the installation; `settings` and `documents`, by name, hold secrets."""

    snapshot: Snapshot
    record: SnapshotRecord
    installation: Installation
    settings: Mapping[str, str] = field(repr=False)
    documents: Mapping[str, bytes] = field(repr=False)

    @property
    def dumps(self) -> dict[str, Part]:
        """Accessories that it has a dump of, by name; also of one that the app had elsewhere."""
        return {part.name: part for part in self.record.parts if part.kind in ("dump", "elsewhere")}

    @property
    def volumes(self) -> list[str]:
        return [part.name for part in self.record.parts if part.kind == "volume"]

    def age(self, now: float) -> str:
        """How old its data is, for a sentence."""
        taken = datetime.fromtimestamp(self.record.taken).astimezone().strftime("%Y-%m-%d %H:%M")
        return f"of {taken}, {_ago(max(now - self.record.taken, 0.0))} ago"


def find(repository: Backups, app: str, which: str, machine: str, steps: Steps) -> Found:
    """`which`: the id of a snapshot, or `latest`; `machine`: this one's architecture.

    Raises NoSuchSnapshot, and as `read`.
    """
    with steps("repository", "Reading the repository"):
        return read(repository, _chosen(repository, app, which), machine)


def read(repository: Backups, one: Snapshot, machine: str) -> Found:
    """Raises Refused for one of a newer Discode, of another architecture or app, or damaged; what the port Backups
    raises."""
    record = read_record(repository.read(one, RECORD), one.app)
    check_architecture(record, machine)
    _check_names(record)
    documents = repository.read_folder(one, DOCUMENTS)
    return Found(one, record, *_installation(one, documents), documents)


def _chosen(repository: Backups, app: str, which: str) -> Snapshot:
    there = repository.snapshots()
    found = there[-1:] if which == LATEST else [one for one in there if one.id == which]
    if found:
        return found[0]
    if there:
        newest = ", ".join(one.id for one in reversed(there[-_SHOWN:]))
        step = f"The newest of it are {newest}; or: latest"
    elif others := repository.apps():
        step = f"It has snapshots of: {', '.join(others)}. Give the app's name as it was there."
    else:
        step = "See that the address is right: nothing was ever backed up there."
    raise NoSuchSnapshot(
        f"The repository has no snapshot {which if there else ''}".rstrip() + f" of {app}. Nothing was changed.", step
    )


def _installation(one: Snapshot, documents: Mapping[str, bytes]) -> tuple[Installation, dict[str, str]]:
    """Raises Refused."""
    try:
        raw = json.loads(documents["installation.json"])
        settings = {str(name): str(value) for name, value in json.loads(documents["settings.json"]).items()}
        if _is_newer(raw):
            raise Refused(
                f"The snapshot {one.id} was taken by a newer Discode. Nothing was changed.",
                "Update Discode, then run the command again.",
                key="newer-snapshot",
            )
        installation = Installation.read(raw)
    except (ValidationError, ValueError, KeyError, AttributeError, TypeError):
        raise _damaged(one.app, f"What the snapshot {one.id} says of the installation is damaged.") from None
    releases = installation.release, *installation.previous
    if others := {installation.app, *(each.manifest.app for each in releases)} - {one.app}:
        raise _damaged(one.app, f"What the snapshot {one.id} says of the installation is of {min(others)}.")
    return installation, settings


def _check_names(record: SnapshotRecord) -> None:
    """Volumes are made by these names, before any is laid out. Raises Refused."""
    for part in record.parts:
        if not _NAME.fullmatch(part.name):
            raise _damaged(record.app, f"The snapshot's record has a part that no app can have ({part.name!r}).")


def _damaged(app: str, what: str) -> Refused:
    return Refused(f"{what} Nothing was changed.", instead(app), key="damaged-snapshot")


def _is_newer(raw: dict[str, object]) -> bool:
    told = json.dumps(raw["release"])
    number = json.loads(told)["manifest"].get("manifest_schema", 1)
    return int(str(raw.get("installation_schema", 1))) > schema.SCHEMA or int(number) > manifest.SCHEMA


def _ago(seconds: float) -> str:
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {unit}{'s' if number != 1 else ''}"
    return "less than a minute"
