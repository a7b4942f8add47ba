"""A process that outlives this one, and settles an app when this one is killed.

It waits at a pipe. A word in it: all is done. Its end without a word: nobody is left to say it, for the kernel closes
the pipe of a process that has died, however it died.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

DONE = b"."
_PATIENCE = 2.0  # seconds for its end; it has nothing left to do


@contextmanager
def guarded(app: str) -> Iterator[None]:
    """Also where no process can be started: a full process table must not keep a flow from going on."""
    try:
        # A session of its own: a terminal that is closed, and Ctrl-C in it, are not meant for the guard.
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "discode", "guard", app],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    except OSError:
        yield
        return
    try:
        yield
    finally:
        assert child.stdin is not None
        with contextlib.suppress(OSError):
            child.stdin.write(DONE)
            child.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_PATIENCE)


def is_needed(pipe: BinaryIO) -> bool:
    """The guard's side: waits until the other process is done (False) or dead (True)."""
    return pipe.read(1) != DONE
