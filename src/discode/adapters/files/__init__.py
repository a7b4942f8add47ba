"""The store port on plain files: atomic writes, `flock` locks, refusals that say what a broken disk means.

The parts: `disk` makes refusals of what the disk refuses, `documents` reads and writes the JSON of the core's models,
`revisions`, `logs` and `access` are one kind of file each, `locks` are between processes.
"""

from .access import Accesses
from .store import FileStore

__all__ = ["Accesses", "FileStore"]
