"""Drain: requests on targets that no longer serve may finish, until the deadline; then they are cut.

States of a target in the idle slot: draining (requests under way), gone (deleted from HAProxy). A draining target
can be taken back into service: a switch back must not wait for a drain.

WebSockets never finish by themselves, and event streams seldom do. They are let go one after another, so that their
clients do not all come back at the same moment: WebSockets from the start, event streams from half of the time on,
for an answer that comes as a stream may well end by itself.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from ..haproxy import sessions
from ..haproxy.process import Haproxy
from ..haproxy.sessions import Session
from ..services.service import READ, Pool, Service
from ..text.backend import LIVE, sections, server_name

POLL = 0.02
STREAM_GRACE = 0.2  # seconds that frames under way in a WebSocket get before the first is let go
PER_SECOND = 50  # WebSockets or event streams let go in a second, unless the time is too short for that
CUT = 1.0  # seconds that requests which are cut get for their 504
DELETE_TRIES = 100  # HAProxy deletes a server only when its last idle connection is closed

TAKEN_UP = 30.0  # seconds for a drain whose own timeout is not known any more

Server = tuple[str, str]  # a backend's role, and a target


@dataclass
class Left:
    """The targets that are to be left: of a pool in `backend`, which was `service`'s."""

    service: str
    backend: str
    pool: Pool
    timeout: float
    servers: set[Server] = field(init=False)
    thread: threading.Thread | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.servers = set(self.pool.by_role())

    def places(self, *, live: bool) -> list[tuple[str, str]]:
        """Backend and server's name."""
        return [(f"{self.backend}{role}{LIVE * live}", server_name(target)) for role, target in sorted(self.servers)]

    def backends(self) -> list[str]:
        return sorted({name for live in (False, True) for name, _ in self.places(live=live)})


class Release:
    """Which long sessions are let go when: `start` and `span` in seconds of the monotonic clock."""

    def __init__(self, found: Sequence[Session], start: float, span: float):
        step = min(1 / PER_SECOND, span / max(len(found), 1))
        self._due = [(start + step * number, session) for number, session in enumerate(found)]

    def due(self, now: float) -> list[Session]:
        ready = [session for moment, session in self._due if moment <= now]
        self._due = [one for one in self._due if one[0] > now]
        return ready


class Drains:
    def __init__(self, haproxy: Haproxy):
        self._haproxy = haproxy
        self._lock = threading.RLock()
        self._under_way: list[Left] = []
        self._taken_up: list[Left] = []

    def begin(self, left: Left, *, wait: bool) -> None:
        with self._lock:
            self._under_way.append(left)
        left.thread = threading.Thread(target=self._drain, args=(left,), name=f"drain {left.backend}")
        left.thread.start()
        if wait:
            left.thread.join()

    def take_up(self, services: Iterable[Service]) -> None:
        """Begin the drains again that a controller had under way when it was killed: of requests that old workers still
        have on targets that no longer serve.
        """
        services = list(services)
        serving = {
            (f"{service.backend(pool.slot, letter)}{role}", server_name(target))
            for service in services
            for letter, pool in service.pools()
            for role, target in pool.by_role()
        }
        names = {section.name: service.name for service in services for section in sections(service)}
        found: dict[str, Pool] = {}
        for place, server in self._with_requests():
            if (name := place.removesuffix(LIVE)) in names and (name, server) not in serving:
                backend, role = name.removesuffix(READ), READ if name.endswith(READ) else ""
                found[backend] = _with(found.get(backend, Pool(())), role, server)
        for backend, pool in found.items():
            left = Left(names[backend], backend, pool, TAKEN_UP)
            self._taken_up.append(left)
            self.begin(left, wait=False)

    def finish_taken_up(self, service: str) -> None:
        """Wait for those: the deploy that they belonged to is done again by whoever wanted it."""
        for left in [one for one in self._taken_up if one.service == service]:
            if left.thread:
                left.thread.join()
            self._taken_up.remove(left)

    def _with_requests(self) -> list[tuple[str, str]]:
        """Backend and server of everything that has a request, over all workers."""
        with contextlib.suppress(OSError):
            return [
                place for place, count in sessions.counts(self._haproxy, [sessions.ALL]).items() if count and place[1]
            ]
        return []  # HAProxy has died, and its requests with it

    def take_back(self, backend: str, pool: Pool) -> set[Server]:
        """Targets of the slot that `pool` goes to which still drain there: they serve again."""
        kept: set[Server] = set()
        with self._lock:
            for left in self._under_way:
                if left.backend == backend:
                    again = left.servers & set(pool.by_role())
                    left.servers -= again
                    kept |= again
        return {server for server in kept if self._is_ready_again(backend, *server)}

    def _is_ready_again(self, backend: str, role: str, target: str) -> bool:
        """A worker that came with a reload, for whatever service, does not know it."""
        names = [f"{backend}{role}{live}/{server_name(target)}" for live in ("", LIVE)]
        return "no such" not in self._tell(*(f"set server {name} state ready" for name in names)).lower()

    def drop(self, backend: str, servers: Iterable[Server]) -> None:
        """Delete targets that never served."""
        for role, target in servers:
            self._delete(backend, role, target)

    def are_under_way(self) -> bool:
        with self._lock:
            return bool(self._under_way)

    def draining(self, name: str) -> int:
        """Requests and long sessions under way on targets that no longer serve."""
        with self._lock:
            under_way = [left for left in self._under_way if left.service == name and left.servers]
        return sum(max(self._count(left), 1) for left in under_way)

    def until_idle(self, pools: Iterable[Left]) -> None:
        """Wait until nothing is under way there, or the time is over. WebSockets are let go at once."""
        threads = [threading.Thread(target=self._wait, args=(left, 0.0)) for left in pools]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _drain(self, left: Left) -> None:
        self._wait(left, min(left.timeout / 2, 3600.0))
        with self._lock:
            servers, left.servers = left.servers, set()
            self._under_way.remove(left)
        for role, target in servers:
            self._delete(left.backend, role, target)

    def _wait(self, left: Left, spread: float) -> None:
        """Until nothing of it is under way. `spread`: seconds over which the WebSockets are let go."""
        began = time.monotonic()
        deadline, half = began + left.timeout, began + left.timeout / 2
        # New requests go elsewhere by the map; this one moment is for those whose backend was chosen just before.
        time.sleep(POLL)
        websockets = streams = None
        while (now := time.monotonic()) < deadline and self._count(left):
            if websockets is None and now >= began + STREAM_GRACE:
                found = [one for one in self._long_ones(left) if one.is_websocket]
                websockets = Release(found, now, spread)
            if streams is None and now >= half and websockets is not None:
                streams = Release(self._long_ones(left), now, max(deadline - now - 0.5, 0.0))
            for release in (websockets, streams):
                self._let_go(release.due(now) if release else [])
            time.sleep(POLL)
        self._cut(left)

    def _let_go(self, found: Sequence[Session]) -> None:
        for session in found:
            with contextlib.suppress(OSError):
                self._haproxy.tell_one(session.worker, f"shutdown session {session.identity}")

    def _on_old_workers(self, places: Sequence[tuple[str, str]]) -> Sequence[Session]:
        """They take no command on a server any more: "Proxy is disabled"."""
        with contextlib.suppress(OSError):
            return sessions.on_old_workers(self._haproxy, places)
        return []

    def _long_ones(self, left: Left) -> list[Session]:
        with contextlib.suppress(OSError):
            return sessions.long_ones(self._haproxy, [name for name in left.backends() if name.endswith(LIVE)])
        return []

    def _count(self, left: Left) -> int:
        with self._lock:
            places = left.places(live=False) + left.places(live=True)
        with contextlib.suppress(OSError):
            backends = sorted({backend for backend, _ in places})
            found = sessions.counts(self._haproxy, backends)
            waiting = [(backend, sessions.WAITING) for backend in backends]
            return sum(max(found.get(one, 0), 0) for one in (*places, *waiting))
        return 0  # HAProxy has died: what was under way is gone with it

    def _cut(self, left: Left) -> None:
        with self._lock:
            plain, live = left.places(live=False), left.places(live=True)
        self._tell(*(f"shutdown sessions server {backend}/{name}" for backend, name in live))
        self._let_go(self._on_old_workers(live))
        if self._count(left):
            cut, backends = self._haproxy.layout.map("cut"), sorted({backend for backend, _ in plain})
            self._tell(*(f"set map {cut} {backend} yes" for backend in backends))
            self._until_none(left, CUT / 2)
            # What has begun to be answered, and what did not wait for the map.
            self._tell(*(f"shutdown sessions server {backend}/{name}" for backend, name in plain))
            self._let_go(self._on_old_workers(plain))
            self._until_none(left, CUT)
            time.sleep(POLL)
            self._tell(*(f"set map {cut} {backend} no" for backend in backends))

    def _until_none(self, left: Left, seconds: float) -> None:
        """Answers are still to be written, and a busy machine takes its time."""
        deadline = time.monotonic() + seconds
        while self._count(left) and time.monotonic() < deadline:
            time.sleep(POLL)

    def _delete(self, backend: str, role: str, target: str) -> None:
        for name in (f"{backend}{role}{live}/{server_name(target)}" for live in (LIVE, "")):
            self._tell(f"set server {name} state maint")
            for _ in range(DELETE_TRIES):
                if "still" not in self._tell(f"del server {name}"):
                    break
                time.sleep(POLL)

    def _tell(self, *commands: str) -> str:
        with contextlib.suppress(OSError):
            return self._haproxy.tell(*commands) if commands else ""
        return ""  # HAProxy has died, and a new one starts from the state


def _with(pool: Pool, role: str, server: str) -> Pool:
    """The pool and that server, if it had not been in it."""
    if (role, server) in pool.by_role():
        return pool
    if role == READ:
        return replace(pool, readers=(*pool.readers, server))
    return replace(pool, targets=(*pool.targets, server))
