"""What is to be seen of a backup in memory: its newest snapshot, the proxy's mode, what is left of the staging."""

from pathlib import Path

from scenarios import APP

from discode.core.snapshot import RECORD, read_record

STAGED = Path("/memory/staging") / APP


def newest(world):
    """Its record, and its files."""
    one, files = list(world.repositories.storage.kept.values())[-1]
    return read_record(files[Path(one.folder) / RECORD]), files


def mode(world):
    return world.proxy.services[APP].mode


def left(world):
    return [path for path in world.repositories.files if path.is_relative_to(STAGED)]
