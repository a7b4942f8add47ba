"""A model of the core as a JSON file: read strictly, written atomically, never guessed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from ...core import automatic_plan, backup_plan, history, installation, journal, kept, manifest
from ...core.errors import StateError
from ...core.model import Model, ValidationError, field_of
from .disk import reading, write_whole

M = TypeVar("M", bound=Model)
SETTINGS_SCHEMA = 1

# Every number that says how a part of a file is to be read, and the highest that this Discode understands.
_KNOWN = {
    "installation_schema": installation.SCHEMA,
    "journal_schema": journal.SCHEMA,
    "manifest_schema": manifest.SCHEMA,
    "kept_schema": kept.SCHEMA,
    "settings_schema": SETTINGS_SCHEMA,
    "history_schema": history.SCHEMA,
    "backup_schema": backup_plan.SCHEMA,
    "automatic_schema": automatic_plan.SCHEMA,
    "notices_schema": 1,  # core.notice_book's, which few commands import
}


def load(path: Path, model: type[M]) -> M | None:
    """None when there is no such file. Raises StateError when it is damaged or newer than we are."""
    raw = load_object(path)
    if raw is None:
        return None
    try:
        return model.read(raw)
    except ValidationError as error:
        raise damaged(path, f"its field {field_of(error) or '(all)'} is invalid") from None


def load_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file, its schema numbers checked."""
    try:
        with reading(path):
            data = path.read_bytes()
    except FileNotFoundError:
        return None
    if not data.strip():
        raise damaged(path, "it is empty")
    try:
        raw = json.loads(data)
    except ValueError:
        raise damaged(path, "it is cut off or not JSON") from None
    if not isinstance(raw, dict):
        raise damaged(path, "it is not an object")
    refuse_newer(path, raw)
    return raw


def save(path: Path, document: Model) -> None:
    """Fields of the file that a later Discode of the same schema added stay in it."""
    fields = document.as_dict()
    write_whole(path, encode({**_unknown_fields(path, type(document)), **fields}))


def encode(fields: dict[str, Any]) -> bytes:
    # ASCII, so that values which were no UTF-8 on the command line (lone surrogates) survive the round trip.
    return (json.dumps(fields, indent=1) + "\n").encode("ascii")


def damaged(path: Path, detail: str) -> StateError:
    return StateError(
        f"{path} is damaged: {detail}. Nothing was changed, and your app was not touched.",
        "See how to fix it: discode doctor",
    )


def _unknown_fields(path: Path, model: type[Model]) -> dict[str, Any]:
    """None of a damaged file: what replaces it is whole again."""
    try:
        raw = load_object(path) or {}
    except StateError as error:
        if error.name == "newer-schema":
            raise
        return {}
    return {name: value for name, value in raw.items() if name not in model.__struct_fields__}


def refuse_newer(path: Path, raw: Any) -> None:
    """Raises StateError for a number that this Discode does not know."""
    for name, number in _schemas(raw):
        if number > _KNOWN[name]:
            raise StateError(
                f"{path} was written by a newer Discode ({name} {number}; this one knows {_KNOWN[name]}). "
                "Nothing was changed, and your app was not touched.",
                "Update Discode, then run the command again.",
                key="newer-schema",
            )


def _schemas(value: Any) -> Iterator[tuple[str, int]]:
    """Schema numbers anywhere in a document: a journal holds installations, and those hold manifests."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name in _KNOWN and isinstance(part, int):
                yield name, part
            yield from _schemas(part)
    elif isinstance(value, list):
        for part in value:
            yield from _schemas(part)
