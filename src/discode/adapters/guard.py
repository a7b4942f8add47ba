"""A process that outlives this one, and settles an app when this one is killed.

It waits at a pipe. A line in it: all is done. Its end without a line: nobody is left to write it, for the kernel closes
the pipe of a process that has died, however it died. What waits is a shell of 0.3 MB, started in 0.3 ms; the program
that settles takes its place only when it is needed.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

DONE = b".\n"
# Ignored from the first moment on: who ends a whole service or session by signals, as systemd does, sends them to the
# guard too, and only then kills the command that it is there for.
_WAIT = """trap '' HUP INT TERM; read -r line || exec "$@" </dev/null"""
_PATIENCE = 2.0  # seconds for its end; it has nothing left to do


@contextmanager
def guarded(app: str) -> Iterator[None]:
    """Also where no process can be started: a full process table must not keep a flow from going on."""
    try:
        # A session of its own: a terminal that is closed, Ctrl-C in it, and the end of a group of processes are not
        # meant for the guard.
        child = subprocess.Popen(
            ["/bin/sh", "-c", _WAIT, "discode-guard", sys.executable, "-P", "-m", "discode", "guard", app],
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
    return pipe.read(1) != DONE[:1]
