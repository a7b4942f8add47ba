"""Process 1 of a container: keeps the controller running, forwards signals to it, and reaps orphans.

HAProxy keeps running while the controller is down, but a container ends with its process 1, so that must not be the
controller itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable

CHILD = "DISCODE_EDGE_OF_INIT"  # set for the controller: process 1 started it
PAUSE = 0.2  # seconds before a controller that was killed is started again


def supervise(controller: Callable[[], int]) -> int:
    """Run it in a child, again whenever it is killed. Returns its exit code once it exits or has been sent a signal."""
    signals: list[int] = []
    child = 0

    def forward(number: int, _: object) -> None:
        signals.append(number)
        with contextlib.suppress(ProcessLookupError):
            if child:
                os.kill(child, number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, forward)
    while True:
        child = _start(controller)
        status = _wait_for_child(child)
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


def _wait_for_child(child: int) -> int:
    """The status of this child. Others that exit in the meantime are orphans, which only need to be reaped."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return status
