"""One drain: requests on targets that no longer serve may finish until the deadline; those left then are cut.

WebSockets never finish by themselves, and event streams seldom do. They are closed one after another: WebSockets from
the start, event streams in the second half of the time, because some responses that are streams end by themselves.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from ..haproxy import sessions
from ..haproxy.runtime import Runtime
from ..haproxy.sessions import Session
from ..services.service import Pool
from ..text.backend import LIVE, server_name
from .release import Release

POLL = 0.02
STREAM_GRACE = 0.2  # seconds for frames on their way, before the first WebSocket is closed
LONGEST_SPREAD = 3600.0  # seconds over which WebSockets are closed, at most
CUT = 1.0  # seconds in which requests that are cut get their 504
DELETE_TRIES = 100  # HAProxy deletes a server only when its last idle connection is closed

Server = tuple[str, str]  # a backend's role, and a target
Place = tuple[str, str]  # a backend, and a server's name in it


class Drain:
    """`service` is leaving the targets of `pool` in `backend`."""

    def __init__(self, runtime: Runtime, service: str, backend: str, pool: Pool, timeout: float):
        self.service, self.backend, self.timeout = service, backend, timeout
        self._runtime = runtime
        self._servers = set(pool.by_role())
        self._lock = threading.Lock()  # guards the servers, because some may be taken back

    def run(self) -> None:
        """Wait until nothing is under way, then delete the servers."""
        self.until_idle(min(self.timeout / 2, LONGEST_SPREAD))
        with self._lock:
            servers, self._servers = self._servers, set()
            # Under the lock: a deploy that wants one of them back must find it closed, and replaces it.
            close(self._runtime, self.backend, servers)
        delete(self._runtime, self.backend, servers)

    def servers(self) -> set[Server]:
        with self._lock:
            return set(self._servers)

    def take(self, servers: set[Server]) -> set[Server]:
        """Stop draining those of these servers that it has, and return them."""
        with self._lock:
            taken = self._servers & servers
            self._servers -= taken
        return taken

    def refuse_requests(self) -> None:
        """Make sure that its servers get no new requests when others in the same backend do."""
        send(self._runtime, *(f"set server {name} state drain" for name in names(self.backend, self.servers())))

    def until_idle(self, spread: float, is_over: Callable[[], bool] = lambda: False) -> None:
        """Wait until nothing is under way. `spread`: seconds over which WebSockets are closed. `is_over`: the requests
        that are there now may stay."""
        began = time.monotonic()
        deadline, half = began + self.timeout, began + self.timeout / 2
        # The map sends new requests elsewhere; this is for those whose backend was chosen a moment ago.
        time.sleep(POLL)
        websockets = streams = None
        while (now := time.monotonic()) < deadline and not is_over() and self.count():
            if websockets is None and now >= began + STREAM_GRACE:
                websockets = Release([session for session in self._long() if session.is_websocket], now, spread)
            if streams is None and now >= half and websockets is not None:
                streams = Release(self._long(), now, max(deadline - now - 0.5, 0.0))
            for release in (websockets, streams):
                self._let_go(release.due(now) if release else [])
            time.sleep(POLL)
        if not is_over():
            self._cut()

    def count(self) -> int:
        """Requests and long sessions under way."""
        places = self._places(live=False) + self._places(live=True)
        backends = sorted({backend for backend, _ in places})
        with contextlib.suppress(OSError):
            found = sessions.counts(self._runtime, backends)
            waiting = [(backend, sessions.WAITING) for backend in backends]
            return sum(max(found.get(place, 0), 0) for place in (*places, *waiting))
        return 0  # HAProxy has died, and its requests with it

    def _places(self, *, live: bool) -> list[Place]:
        servers = sorted(self.servers())
        return [(f"{self.backend}{role}{LIVE * live}", server_name(target)) for role, target in servers]

    def _long(self) -> list[Session]:
        backends = sorted({backend for backend, _ in self._places(live=True)})
        with contextlib.suppress(OSError):
            return sessions.long_sessions(self._runtime, backends)
        return []

    def _let_go(self, found: Sequence[Session]) -> None:
        for session in found:
            with contextlib.suppress(OSError):
                self._runtime.send_to(session.worker, f"shutdown session {session.identity}")

    def _cut(self) -> None:
        plain, live = self._places(live=False), self._places(live=True)
        self._shut_down(live)
        if self.count():
            cut, backends = self._runtime.layout.map("cut"), sorted({backend for backend, _ in plain})
            send(self._runtime, *(f"add map {cut} {backend}/{name} yes" for backend, name in plain))
            send(self._runtime, *(f"set map {cut} {backend} yes" for backend in backends))
            self._wait_for_answers(CUT / 2)
            # Responses that had begun, and requests that do not look at the map.
            self._shut_down(plain)
            self._wait_for_answers(CUT)
            time.sleep(POLL)
            send(self._runtime, *(f"set map {cut} {backend} no" for backend in backends))
            send(self._runtime, *(f"del map {cut} {backend}/{name}" for backend, name in plain))

    def _shut_down(self, places: Sequence[Place]) -> None:
        send(self._runtime, *(f"shutdown sessions server {backend}/{name}" for backend, name in places))
        # Old workers take no command on a server any more: "Proxy is disabled".
        with contextlib.suppress(OSError):
            self._let_go(sessions.on_old_workers(self._runtime, places))

    def _wait_for_answers(self, seconds: float) -> None:
        """They still have to be written, which takes a while on a busy machine."""
        deadline = time.monotonic() + seconds
        while self.count() and time.monotonic() < deadline:
            time.sleep(POLL)


def names(backend: str, servers: Iterable[Server]) -> list[str]:
    """As HAProxy's commands name them."""
    return [f"{backend}{role}{live}/{server_name(target)}" for role, target in servers for live in (LIVE, "")]


def close(runtime: Runtime, backend: str, servers: Iterable[Server]) -> None:
    send(runtime, *(f"set server {name} state maint" for name in names(backend, servers)))


def delete(runtime: Runtime, backend: str, servers: Iterable[Server]) -> None:
    """Delete servers that have been closed."""
    for name in names(backend, servers):
        for _ in range(DELETE_TRIES):
            if "still" not in send(runtime, f"del server {name}"):
                break
            time.sleep(POLL)


def send(runtime: Runtime, *commands: str) -> str:
    with contextlib.suppress(OSError):
        return runtime.send(*commands) if commands else ""
    return ""  # HAProxy has died, and a new one starts from the state
