"""Process 1 of a container: keeps the controller running, passes signals on to it, and reaps whoever is left behind.

HAProxy goes on while the controller is away, and a container ends when its process 1 does: so that one must not be
the controller itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable

CHILD = "DISCODE_EDGE_OF_INIT"  # set for the controller: its end would be the container's
PAUSE = 0.2  # seconds before a controller that was killed is started again


def supervise(controller: Callable[[], int]) -> int:
    """Run it in a child, again whenever it is killed. Its exit code, once it ends by itself or was told to."""
    signals: list[int] = []
    child = 0

    def pass_on(number: int, _: object) -> None:
        signals.append(number)
        with contextlib.suppress(ProcessLookupError):
            if child:
                os.kill(child, number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    while True:
        child = _start(controller)
        status = _wait(child)
        if signals or os.WIFEXITED(status):
            return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 0
        print(f"The controller was ended by signal {os.WTERMSIG(status)} and is started again", flush=True)
        time.sleep(PAUSE)


def _start(controller: Callable[[], int]) -> int:
    child = os.fork()
    if child:
        return child
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    code = 1
    os.environ[CHILD] = "yes"
    try:
        code = controller()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(child: int) -> int:
    """The status of this child; others that end meanwhile are orphans, and reaping is all they need."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return status
