"""Revisions of an app's settings: one file each, `env.<revision>`, readable by the owner alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from pathlib import Path

from .disk import reading, write_whole
from .documents import SETTINGS_SCHEMA, damaged, encode, load_object

_NAME = re.compile(r"env\.([1-9]\d*)")


def read_revision(folder: Path, revision: int) -> dict[str, str]:
    """Empty when there are none. Raises StateError, which never tells a value."""
    path = _path(folder, revision)
    raw = load_object(path)
    if raw is None:
        return {}
    values = raw.get("values")
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise damaged(path, "its values are not strings")
    return dict(values)


def write_revision(folder: Path, revision: int, values: dict[str, str]) -> None:
    document = {"settings_schema": SETTINGS_SCHEMA, "values": values}
    write_whole(_path(folder, revision), encode(document), mode=0o600)


def latest_revision(folder: Path) -> int:
    """0 when there is none."""
    return max((revision for revision, _ in _revisions(folder)), default=0)


def drop_revisions(folder: Path, needed: Set[int]) -> None:
    """A file that cannot be deleted now stays for the next time: what was just saved holds all the same."""
    for revision, path in list(_revisions(folder)):
        if revision not in needed:
            try:
                path.unlink(missing_ok=True)
            except OSError:
                continue


def files(folder: Path) -> list[Path]:
    return [path for _, path in _revisions(folder)]


def _revisions(folder: Path) -> Iterator[tuple[int, Path]]:
    try:
        with reading(folder):
            names = list(folder.iterdir())
    except FileNotFoundError:
        return
    for path in names:
        if match := _NAME.fullmatch(path.name):
            yield int(match[1]), path


def _path(folder: Path, revision: int) -> Path:
    return folder / f"env.{revision}"
