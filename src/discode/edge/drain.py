"""Drain: requests on targets that no longer serve may finish, until the deadline; then they are cut.

States of a target in the idle slot: draining (requests under way), gone (deleted from HAProxy). A draining target
can be taken back into service: a switch back must not wait for a drain.
"""

from __future__ import annotations

import csv
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from .config import TUNNEL, server_name
from .haproxy import Haproxy
from .service import Service

POLL = 0.02
TUNNEL_GRACE = 0.2  # seconds that frames under way in a WebSocket get before it is let go
DELETE_TRIES = 100  # HAProxy deletes a server only when its last idle connection is closed


def backends(backend: str) -> tuple[str, str]:
    """The backend of requests, and that of WebSockets."""
    return backend, backend + TUNNEL


@dataclass
class Left:
    """The targets that a deploy left behind, in the slot that is idle now."""

    before: Service
    after: Service
    timeout: float
    targets: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.targets = set(self.before.targets)

    @property
    def backend(self) -> str:
        return self.before.backend(self.before.slot)


class Drains:
    def __init__(self, haproxy: Haproxy):
        self._haproxy = haproxy
        self._lock = threading.RLock()
        self._under_way: list[Left] = []

    def begin(self, left: Left, *, wait: bool) -> None:
        with self._lock:
            self._under_way.append(left)
        thread = threading.Thread(target=self._drain, args=(left,), name=f"drain {left.backend}")
        thread.start()
        if wait:
            thread.join()

    def take_back(self, service: Service) -> set[str]:
        """Targets of the slot that `service` goes to which still drain there: they serve again."""
        kept: set[str] = set()
        with self._lock:
            for left in self._under_way:
                if left.backend == service.backend():
                    again = left.targets & set(service.targets)
                    left.targets -= again
                    kept |= again
        for target in kept:
            self._tell(
                *(f"set server {backend}/{server_name(target)} state ready" for backend in backends(service.backend()))
            )
        return kept

    def drop(self, service: Service, targets: Iterable[str]) -> None:
        """Delete targets that never served."""
        for target in targets:
            self._delete(service.backend(), target)

    def draining(self, name: str) -> int:
        """Requests and WebSockets under way on targets that no longer serve."""
        with self._lock:
            under_way = [left for left in self._under_way if left.before.name == name and left.targets]
            counts = self.sessions() if under_way else {}
            return sum(max(self._count(counts, left, tunnels=True), 1) for left in under_way)

    def until_idle(self, service: Service, timeout: float) -> None:
        """Wait until the service has no request under way, or the time is over. WebSockets are let go."""
        deadline = time.monotonic() + timeout
        self._cut(service.backend(), service.targets, tunnels_only=True)
        while time.monotonic() < deadline:
            counts = self.sessions()
            if not sum(counts.get((service.backend(), server_name(target)), 0) for target in service.targets):
                return
            time.sleep(POLL)
        self._cut(service.backend(), service.targets, tunnels_only=False)

    def sessions(self) -> dict[tuple[str, str], int]:
        """Sessions under way by backend and server, over all workers."""
        counts: dict[tuple[str, str], int] = {}
        for text in self._haproxy.ask_each("show stat -1 4 -1"):
            for row in csv.reader(text.removeprefix("# ").splitlines()):
                if len(row) > 5 and row[4].isdigit():
                    key = (row[0], row[1])
                    counts[key] = counts.get(key, 0) + int(row[4])
        return counts

    def _drain(self, left: Left) -> None:
        deadline = time.monotonic() + left.timeout
        # New requests go elsewhere by the map; `drain` keeps off those whose backend was chosen just before.
        time.sleep(POLL)
        let_go = time.monotonic() + TUNNEL_GRACE
        while time.monotonic() < deadline:
            counts = self.sessions()
            if not self._count(counts, left, tunnels=False):
                break
            if let_go and time.monotonic() > let_go:
                self._cut_left(left, tunnels_only=True)
                let_go = 0.0
            time.sleep(POLL)
        self._cut_left(left, tunnels_only=False)
        self._end(left)

    def _end(self, left: Left) -> None:
        with self._lock:
            targets, left.targets = left.targets, set()
            self._under_way.remove(left)
        for target in targets:
            self._delete(left.backend, target)

    def _cut_left(self, left: Left, *, tunnels_only: bool) -> None:
        with self._lock:
            targets = set(left.targets)
        self._cut(left.backend, targets, tunnels_only=tunnels_only)

    def _cut(self, backend: str, targets: Iterable[str], *, tunnels_only: bool) -> None:
        plain, tunnel = backends(backend)
        names = [server_name(target) for target in targets]
        self._tell(*(f"shutdown sessions server {tunnel}/{name}" for name in names))
        if not tunnels_only and names:
            cut = self._haproxy_map_cut
            self._tell(f"set map {cut} {plain} yes")
            self._tell(*(f"shutdown sessions server {plain}/{name}" for name in names))
            time.sleep(POLL)
            self._tell(f"set map {cut} {plain} no")

    def _count(self, counts: dict[tuple[str, str], int], left: Left, *, tunnels: bool) -> int:
        names = [server_name(target) for target in left.targets]
        wanted = backends(left.backend) if tunnels else backends(left.backend)[:1]
        return sum(counts.get((backend, name), 0) for backend in wanted for name in names)

    def _delete(self, backend: str, target: str) -> None:
        for name in (f"{each}/{server_name(target)}" for each in backends(backend)):
            self._tell(f"set server {name} state maint")
            for _ in range(DELETE_TRIES):
                answers = self._tell(f"del server {name}")
                if not any("still" in answer for answer in answers):
                    break
                time.sleep(POLL)

    @property
    def _haproxy_map_cut(self) -> str:
        return str(self._haproxy.layout.map("cut"))

    def _tell(self, *commands: str) -> list[str]:
        try:
            return self._haproxy.tell(*commands) if commands else []
        except OSError:
            return []  # HAProxy has died: what was under way is gone with it, and a new one starts from the state
