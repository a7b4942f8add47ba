"""Follow: targets that are names are looked up every second, and HAProxy is told where they are now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from ..haproxy.process import Haproxy, HaproxyError
from ..services.addresses import Addresses, is_literal, split
from ..text.backend import server_name

INTERVAL = 1.0  # seconds between two looks at every name
LOOKS_AT_ONCE = 16

Place = tuple[str, str]  # a backend, and a target in it


class Follower:
    def __init__(self, haproxy: Haproxy, addresses: Addresses, places: Callable[[], Iterable[Place]]):
        self._haproxy, self._addresses, self._places = haproxy, addresses, places
        self._end = threading.Event()
        self._looking: set[str] = set()  # a name that means nothing can take seconds: the others do not wait for it

    def start(self) -> None:
        threading.Thread(target=self._run, name="follow", daemon=True).start()

    def stop(self) -> None:
        self._end.set()

    def looked(self, places: Iterable[Place]) -> list[str]:
        """Look at these now: the commands that tell HAProxy where they are, whether they have moved or not."""
        places = list(places)
        hosts = {split(target)[0] for _, target in places}
        for host in hosts:
            self._addresses.look(host)
        named = [host for host in hosts if not is_literal(host)]
        return [text for host in named for backend, target in places for text in self._move(host, backend, target)]

    def _run(self) -> None:
        with ThreadPoolExecutor(LOOKS_AT_ONCE, thread_name_prefix="look") as pool:
            while not self._end.wait(INTERVAL):
                for host in {split(target)[0] for _, target in self._places()} - self._looking:
                    if not is_literal(host):
                        self._looking.add(host)
                        pool.submit(self._look, host)

    def _look(self, host: str) -> None:
        try:
            is_news = self._addresses.look(host)
            while is_news:
                told = self._addresses.of(host)
                commands = [text for backend, target in self._places() for text in self._move(host, backend, target)]
                self._haproxy.tell(*commands)
                # A command may have looked, and told HAProxy, in between.
                is_news = self._addresses.of(host) != told
        except (HaproxyError, OSError):
            self._addresses.forget(host)  # HAProxy was not told: the next look finds it moved again
        finally:
            self._looking.discard(host)

    def _move(self, host: str, backend: str, target: str) -> list[str]:
        if split(target)[0] != host:
            return []
        server, address = f"{backend}/{server_name(target)}", self._addresses.of(host)
        if address is None:
            # Its address may be another container's soon.
            return [f"set server {server} state maint"]
        where = f"set server {server} addr {address} port {split(target)[1]}"
        return [where, f"set server {server} state ready", f"set server {server} health up"]
