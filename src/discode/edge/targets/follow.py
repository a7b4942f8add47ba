"""Follow: targets that are names are looked up every second, and HAProxy is told where they are now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from ..haproxy.runtime import Runtime
from ..services.service import Pool, Service
from ..services.target import split
from ..text.backend import LIVE, server_name
from .addresses import Addresses, is_literal

INTERVAL = 1.0  # seconds between two looks at every name
LOOKS_AT_ONCE = 16

Place = tuple[str, str]  # a backend, and a target in it


def places(service: Service, letter: str, pool: Pool, servers: Iterable[tuple[str, str]]) -> list[Place]:
    """Where `servers` (a role and a target each) of a service's pool are."""
    backend = service.backend(pool.slot, letter)
    return [(f"{backend}{role}{live}", target) for role, target in servers for live in ("", LIVE)]


def all_places(services: Iterable[Service]) -> list[Place]:
    return [
        place
        for service in services
        for letter, pool in service.pools()
        for place in places(service, letter, pool, pool.by_role())
    ]


class Follower:
    def __init__(
        self,
        runtime: Runtime,
        addresses: Addresses,
        places: Callable[[], Iterable[Place]],
        reloads: AbstractContextManager[object],
    ):
        self._runtime, self._addresses, self._places, self._reloads = runtime, addresses, places, reloads
        self._end = threading.Event()
        self._looking: set[str] = set()  # a name that means nothing can take seconds: the others do not wait for it

    def start(self) -> None:
        threading.Thread(target=self._run, name="follow", daemon=True).start()

    def stop(self) -> None:
        self._end.set()

    def look(self, targets: Iterable[str]) -> None:
        """Look these up now. It can take seconds."""
        for host in {split(target)[0] for target in targets}:
            self._addresses.look(host)

    def moves(self, places: Iterable[Place]) -> list[str]:
        """The commands that tell HAProxy where these are, whether they have moved or not."""
        return [text for place in places if not is_literal(split(place[1])[0]) for text in self._move(*place)]

    def _run(self) -> None:
        with ThreadPoolExecutor(LOOKS_AT_ONCE, thread_name_prefix="look") as pool:
            while not self._end.wait(INTERVAL):
                for host in {split(target)[0] for _, target in self._places()} - self._looking:
                    if not is_literal(host):
                        self._looking.add(host)
                        pool.submit(self._look, host)

    def _look(self, host: str) -> None:
        try:
            has_moved = self._addresses.look(host)
            while has_moved:
                sent = self._addresses.of(host)
                with self._reloads:  # a worker that is just starting has the address from before
                    places = [place for place in self._places() if split(place[1])[0] == host]
                    self._runtime.send(*self.moves(places))
                # A command may have looked, and told HAProxy, in between.
                has_moved = self._addresses.of(host) != sent
        except OSError:
            self._addresses.forget(host)  # HAProxy was not told: the next look finds it moved again
        finally:
            self._looking.discard(host)

    def _move(self, backend: str, target: str) -> list[str]:
        host, port = split(target)
        server, address = f"{backend}/{server_name(target)}", self._addresses.of(host)
        if address is None:
            # Its address may be another container's soon.
            return [f"set server {server} state maint"]
        where = f"set server {server} addr {address} port {port}"
        return [where, f"set server {server} state ready", f"set server {server} health up"]
