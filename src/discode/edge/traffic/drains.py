"""All drains under way.

A target in the idle slot is draining (it has requests) or gone (deleted from HAProxy). A draining target can be taken
back into service: a switch back must not wait for a drain.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

from ..haproxy import sessions
from ..haproxy.runtime import Runtime
from ..services.service import READ, Pool, Service
from ..text.backend import LIVE, sections, server_name
from .drain import Drain, Server, close, delete, names, send

RESUMED = 30.0  # seconds for a drain whose own timeout is no longer known
REMOVED = 30.0  # seconds that requests to a removed service get to finish


class Drains:
    def __init__(self, runtime: Runtime):
        self._runtime = runtime
        self._lock = threading.Lock()
        self._under_way: dict[Drain, threading.Thread] = {}
        self._resumed: set[Drain] = set()

    def leave(self, before: Service | None, after: Service, letter: str, timeout: float) -> Drain | None:
        """Start to drain the pool with that letter, if another slot has taken its place."""
        old = before.pool(letter) if before else None
        new = after.pool(letter)
        if before is None or old is None or new is None or old.slot == new.slot:
            return None
        drain = Drain(self._runtime, before.name, before.backend(old.slot, letter), old, timeout)
        self._begin(drain)
        return drain

    def leave_all(self, service: Service) -> None:
        """Start to drain a service that was removed."""
        for drain in self._of(service, REMOVED):
            self._begin(drain)

    def finish(self, service: str, drain: Drain | None) -> None:
        """Wait for this drain, and for those of the service that were resumed.

        The deploy that those belong to was interrupted and is being repeated.
        """
        with self._lock:
            threads = [
                thread
                for other, thread in self._under_way.items()
                if other is drain or (other in self._resumed and other.service == service)
            ]
        for thread in threads:
            thread.join()

    def resume(self, services: Iterable[Service]) -> None:
        """Resume the drains of a controller that was killed: old workers still have requests on targets that no longer
        serve.
        """
        services = list(services)
        owners = {section.name: service.name for service in services for section in sections(service)}
        for backend, pool in self._not_serving(services, set(owners)).items():
            drain = Drain(self._runtime, owners[backend], backend, pool, RESUMED)
            self._resumed.add(drain)
            self._begin(drain)

    def take_back(self, backend: str, pool: Pool) -> set[Server]:
        """Return to service those targets of `pool` that still drain in the backend it is about to use.

        Other targets that drain there get no new requests, although the backend does.
        """
        with self._lock:
            there = [drain for drain in self._under_way if drain.backend == backend]
        kept: set[Server] = set()
        for drain in there:
            kept |= drain.take(set(pool.by_role()))
            drain.refuse_requests()
        return {server for server in kept if self._is_ready_again(backend, server)}

    def _is_ready_again(self, backend: str, server: Server) -> bool:
        """A worker that was started by a reload for another service does not know it."""
        commands = (f"set server {name} state ready" for name in names(backend, [server]))
        return "no such" not in send(self._runtime, *commands).lower()

    def drop(self, backend: str, servers: Iterable[Server]) -> None:
        """Delete targets that never served."""
        servers = list(servers)
        close(self._runtime, backend, servers)
        delete(self._runtime, backend, servers)

    def are_under_way(self) -> bool:
        with self._lock:
            return bool(self._under_way)

    def count(self, service: str) -> int:
        """Requests and long sessions under way on targets that no longer serve this service."""
        with self._lock:
            drains = [drain for drain in self._under_way if drain.service == service]
        return sum(max(drain.count(), 1) for drain in drains if drain.servers())

    def until_idle(self, service: Service, timeout: float, is_over: Callable[[], bool]) -> None:
        """Wait until the service has nothing under way, or the time is up, and what is left is cut; or until `is_over`.
        WebSockets are closed at once."""
        drains = self._of(service, timeout)
        threads = [threading.Thread(target=drain.until_idle, args=(0.0, is_over)) for drain in drains]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _of(self, service: Service, timeout: float) -> list[Drain]:
        return [
            Drain(self._runtime, service.name, service.backend(pool.slot, letter), pool, timeout)
            for letter, pool in service.pools()
        ]

    def _begin(self, drain: Drain) -> None:
        thread = threading.Thread(target=self._run, args=(drain,), name=f"drain {drain.backend}")
        with self._lock:
            self._under_way[drain] = thread
        thread.start()

    def _run(self, drain: Drain) -> None:
        try:
            drain.run()
        finally:
            with self._lock:
                del self._under_way[drain]
                self._resumed.discard(drain)

    def _not_serving(self, services: Iterable[Service], backends: set[str]) -> dict[str, Pool]:
        """By backend, the targets that have requests but serve no service."""
        serving = {
            (f"{service.backend(pool.slot, letter)}{role}", server_name(target))
            for service in services
            for letter, pool in service.pools()
            for role, target in pool.by_role()
        }
        found: dict[str, Pool] = {}
        for place, server in self._with_requests():
            if (name := place.removesuffix(LIVE)) in backends and (name, server) not in serving:
                backend, role = name.removesuffix(READ), READ if name.endswith(READ) else ""
                found[backend] = _with(found.get(backend, Pool(())), role, server)
        return found

    def _with_requests(self) -> list[tuple[str, str]]:
        """Backend and server of everything that has a request, in any worker."""
        with contextlib.suppress(OSError):
            found = sessions.counts(self._runtime, [sessions.ALL])
            return [place for place, count in found.items() if count and place[1]]
        return []  # HAProxy has died, and its requests with it


def _with(pool: Pool, role: str, server: str) -> Pool:
    """The pool with that server added, if it is not there yet."""
    if (role, server) in pool.by_role():
        return pool
    if role == READ:
        return replace(pool, readers=(*pool.readers, server))
    return replace(pool, targets=(*pool.targets, server))
