"""What is to be seen of a backup in memory: its newest snapshot, the proxy's mode, what is left of the staging.
And what its first snapshot is made to say of itself."""

import json
from pathlib import Path

from scenarios import APP

from discode.core.snapshot import RECORD, read_record

FIRST = "00000001"
PART = {"kind": "volume", "path": "/memory/volumes/myapp/data", "size": 1, "how": "live"}
STAGED = Path("/memory/staging") / APP


def newest(world):
    """Its record, and its files."""
    one, files = list(world.repositories.storage.kept.values())[-1]
    return read_record(files[Path(one.folder) / RECORD], one.app), files


def mode(world):
    return world.proxy.services[APP].mode


def left(world):
    return [path for path in world.repositories.files if path.is_relative_to(STAGED)]


def with_record(world, **fields):
    """The first snapshot says that of itself."""
    _changed(world, RECORD, fields, lambda data: read_record(data, APP).as_dict())


def with_installation(world, **fields):
    """The first snapshot says that of the installation."""
    _changed(world, "documents/installation.json", fields, json.loads)


def release_of(world, app):
    """That of the first snapshot, as if it were another app's."""
    one, files = world.repositories.storage.kept[FIRST]
    told = json.loads(files[Path(one.folder) / "documents/installation.json"])["release"]
    return {**told, "manifest": {**told["manifest"], "app": app}}


def _changed(world, name, fields, read):
    one, files = world.repositories.storage.kept[FIRST]
    path = Path(one.folder) / name
    files[path] = json.dumps(read(files[path]) | fields, default=lambda part: part.as_dict()).encode()
