"""Trickle: uploads that are too slow are cut, because each of them occupies a worker of an app.

HAProxy limits the time for headers and the length of a silence, but not a byte now and then. So the controller watches
uploads: after a grace period each needs a minimum rate. While the controller is down, nothing is cut.
"""

from __future__ import annotations

import contextlib
import threading
import time

from ..haproxy import sessions
from ..haproxy.runtime import Runtime
from ..haproxy.sessions import Session, Upload

SLOWEST = 500  # bytes a second


class Trickle:
    """`grace` in seconds; 0: off. A slow upload is cut one to two grace periods after it began."""

    def __init__(self, runtime: Runtime, grace: float):
        self._runtime, self._grace = runtime, grace
        self._end = threading.Event()
        self._seen: dict[tuple[Session, str], tuple[float, int]] = {}

    def start(self) -> None:
        if self._grace:
            threading.Thread(target=self._run, name="trickle", daemon=True).start()

    def stop(self) -> None:
        self._end.set()

    def _run(self) -> None:
        while not self._end.wait(self._grace / 2):
            with contextlib.suppress(OSError):  # HAProxy is away for a moment
                self.look()

    def look(self) -> None:
        now, seen = time.monotonic(), {}
        for upload in sessions.uploads(self._runtime, self._grace):
            request = upload.session, upload.serial
            since, received = self._seen.get(request, (now, upload.received))
            if now > since and (upload.received - received) / (now - since) < SLOWEST:
                self._cut(upload)
            else:
                seen[request] = now, upload.received
        self._seen = seen

    def _cut(self, upload: Upload) -> None:
        with contextlib.suppress(OSError):
            self._runtime.send_to(upload.session.worker, f"shutdown session {upload.session.identity}")
