"""A lock between processes: `flock` on a file, which the kernel frees when its holder dies.

States: free (no file, or a file nobody holds), held. The file says who holds it, for the message to others; what it
says counts for nothing while nobody holds it. It is never deleted: two processes could then hold two files.

The guard of a command that was killed gives way to nobody, and nobody asked for it: the next command waits for its end
instead of being told that another one runs.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...core.errors import Busy
from ...disk.lock import take
from ...disk.whole import read_object
from .disk import writing

GUARD = "discode guard"  # the command that a guard's note names
LOOK = "discode update --check"  # typed, or by notices: nobody who updates is sent away for that
_AWAITED = {
    GUARD: "An interrupted command for {app} is being settled; waiting for that.",
    LOOK: "Another command is looking for a newer release of {app}; waiting for that.",
}
_PATIENCE = 300.0  # seconds for a guard: a start of the old version and the end of its requests, of the slowest app
_QUIET = 1.0  # seconds of them that nobody is told of
_UNTOLD = 1.0  # seconds within which a holder has written its note, on a busy machine too
_POLL = 0.05


@contextmanager
def locked(path: Path, app: str, command: str, say: Callable[[str], None]) -> Iterator[None]:
    """Raises Busy at once when another command holds the lock. `command` tells others what this one does, `say` the
    user what is waited for."""
    descriptor = _taken(path, app, say)
    try:
        _write_note(descriptor, {"pid": os.getpid(), "command": command, "since": time.time()})
        yield
        _write_note(descriptor, None)
    finally:
        os.close(descriptor)


def _taken(path: Path, app: str, say: Callable[[str], None]) -> int:
    begun, is_told = time.monotonic(), False
    while True:
        with writing(path):
            descriptor = take(path, mode=0o644)
        if descriptor is not None:
            return descriptor
        note, waited = read_object(path), time.monotonic() - begun  # empty: the holder has not written it yet
        awaited = _awaited(note)
        if waited > (_PATIENCE if awaited else 0.0 if note else _UNTOLD):
            raise _busy(note, app)
        if awaited and waited > _QUIET and not is_told:
            say(awaited.format(app=app))
            is_told = True
        time.sleep(_POLL)


def _awaited(note: dict[str, Any]) -> str:
    """What is said of a holder that is waited for; empty for others."""
    command = str(note.get("command", ""))
    return next((told for one, told in _AWAITED.items() if command.startswith(f"{one} ")), "")


def _busy(note: dict[str, Any], app: str) -> Busy:
    try:
        since = time.strftime("%H:%M:%S", time.localtime(note["since"]))
        who = f"{note['command']} (pid {note['pid']}) has been running since {since}."
    except (ValueError, KeyError, TypeError):
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
