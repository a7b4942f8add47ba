"""The edge's state: all services in one file, written whole, with the previous copy next to it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ...disk.whole import write_whole
from .service import Service

SCHEMA = 2


class DamagedState(Exception):
    """Neither the file nor the previous copy can be read."""


def load(path: Path) -> dict[str, Service]:
    """The services by name; none if there is no file yet. Raises DamagedState rather than begin with an empty proxy."""
    if not path.exists() and not _previous(path).exists():
        return {}
    for candidate in (path, _previous(path)):
        try:
            raw = json.loads(candidate.read_text())
            if raw["schema"] == 1:
                raw = {"schema": SCHEMA, "services": [_from_1(entry) for entry in raw["services"]]}
            if raw["schema"] == SCHEMA:
                return {entry["name"]: Service.from_dict(entry) for entry in raw["services"]}
        except (OSError, ValueError, KeyError, TypeError):
            continue
    raise DamagedState(f"{path} is damaged, and so is {_previous(path).name}")


def save(path: Path, services: dict[str, Service]) -> None:
    """Raises OSError; then the file is as it was."""
    # A line a service: for people, and because the encoder is ten times slower when it has to indent.
    lines = ",\n".join(json.dumps(service, default=vars) for service in services.values())
    data = f'{{"schema": {SCHEMA}, "services": [\n{lines}\n]}}\n'
    if path.exists():
        # A link and then a rename: at every moment there is a whole file under the name.
        _previous(path).unlink(missing_ok=True)
        os.link(path, _previous(path))
    write_whole(path, data.encode())


def _previous(path: Path) -> Path:
    return path.with_suffix(".previous.json")


def _from_1(raw: dict[str, Any]) -> dict[str, Any]:
    """From the first schema, in which a service had one pool and one path prefix."""
    pool = {"targets": raw["targets"], "slot": raw["slot"]}
    return {**raw, "active": pool, "shape": {**raw["shape"], "path_prefixes": [raw["shape"]["path_prefix"]]}}
