"""A lock between processes: `flock` on a file, which the kernel frees when its holder dies.

States: free (no file, or a file nobody holds), held. The file says who holds it, for the message to others; what it
says counts for nothing while nobody holds it. It is never deleted: two processes could then hold two files.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...core.errors import Busy
from ...disk.lock import take
from .disk import writing


@contextmanager
def locked(path: Path, app: str, command: str) -> Iterator[None]:
    """Raises Busy at once when another process holds the lock. `command` tells others what this one does."""
    with writing(path):
        descriptor = take(path, mode=0o644)
    if descriptor is None:
        raise _busy(path, app)
    try:
        _write_note(descriptor, {"pid": os.getpid(), "command": command, "since": time.time()})
        yield
        _write_note(descriptor, None)
    finally:
        os.close(descriptor)


def _busy(path: Path, app: str) -> Busy:
    try:
        note = json.loads(path.read_bytes())
        since = time.strftime("%H:%M:%S", time.localtime(note["since"]))
        who = f"{note['command']} (pid {note['pid']}) has been running since {since}."
    except (OSError, ValueError, KeyError, TypeError):  # its holder has not written the note yet
        who = f"Another command is running for {app}."
    return Busy(f"{who} Nothing was changed.", "Wait for it to finish, then run the command again.")


def _write_note(descriptor: int, note: dict[str, object] | None) -> None:
    """A full disk must not keep anybody from the lock: the note is a courtesy."""
    try:
        os.ftruncate(descriptor, 0)
        if note:
            os.pwrite(descriptor, json.dumps(note).encode(), 0)
    except OSError:
        return
