"""Follow: targets that are names are looked up every second, and HAProxy gets their new addresses."""

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
    """The places of `servers` (each a role and a target) of a service's pool."""
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
        self._looking: set[str] = set()  # a name that does not exist can take seconds: the others do not wait for it

    def start(self) -> None:
        threading.Thread(target=self._run, name="follow", daemon=True).start()

    def stop(self) -> None:
        self._end.set()

    def look(self, targets: Iterable[str]) -> None:
        """Look these up now, which can take seconds."""
        for host in {split(target)[0] for target in targets}:
            self._addresses.look(host)

    def moves(self, places: Iterable[Place]) -> list[str]:
        """The commands that set the addresses of these, whether they have changed or not."""
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
                with self._reloads:  # a worker that is just starting may still have the old address
                    places = [place for place in self._places() if split(place[1])[0] == host]
                    self._runtime.send(*self.moves(places))
                # A command may have looked it up and sent it in between.
                has_moved = self._addresses.of(host) != sent
        except OSError:
            self._addresses.forget(host)  # HAProxy did not get it: the next look finds that it has moved
        finally:
            self._looking.discard(host)

    def _move(self, backend: str, target: str) -> list[str]:
        host, port = split(target)
        server, address = f"{backend}/{server_name(target)}", self._addresses.of(host)
        if address is None:
            # Another container may soon have its address.
            return [f"set server {server} state maint"]
        where = f"set server {server} addr {address} port {port}"
        return [where, f"set server {server} state ready", f"set server {server} health up"]
