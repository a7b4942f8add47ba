"""What is seen of this machine beside its apps: the port Surroundings."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

from ...core.errors import DiscodeError
from ...core.installation import Installation
from ...core.lease import Lease
from ...core.plan import Step, plan_update
from ...disk.folders import free_space
from ..files.seen import index_seen
from ..source import Licenses


class HostSurroundings:
    """`start` runs a command in a process of its own."""

    def __init__(self, home: Path, start: Callable[..., None]):
        self._home, self._start = home, start

    def host(self) -> str:
        return socket.gethostname()

    def free_disk(self) -> int | None:
        try:
            return free_space(self._home)
        except OSError:
            return None

    def lease(self, app: str) -> Lease | None:
        try:
            license = Licenses(self._home).of(app)
            return license.signed if license else None
        except DiscodeError:
            return None

    def newer(self, installation: Installation) -> str | None:
        """Not what has failed here before: that was told."""
        one = installation
        try:
            index = index_seen(self._home, one.app, one.source, one.release.vendors_name)
            plan = plan_update(one, index, None, one.bad, time.time()) if index else None
        except DiscodeError:  # there is one, and no way to it from here
            return None
        return plan.target.version if isinstance(plan, Step) else None

    def look_for_updates(self, app: str) -> None:
        self._start("update", app, "--check")
