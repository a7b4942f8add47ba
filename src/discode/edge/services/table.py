"""The table of services: what is served, which service has which host, and which command may change it now.

A command takes its turn on one service while it changes it: commands on the same service wait for each other, commands
on different services do not. Targets are checked and drained outside of a turn. `lock` guards what all commands share
(the table, the files made from it, reloads) and is only ever held briefly.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import state
from .arrivals import Arrivals
from .options import CommandError
from .service import Service


class Table:
    def __init__(self, file: Path):
        self._file = file
        self._services = state.load(file)
        self._turns: dict[str, threading.Lock] = {}
        self.arrivals = Arrivals()
        self.lock = threading.RLock()

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """The exclusive right to change this service, for as long as the context lasts."""
        with self.lock:
            turn = self._turns.setdefault(name, threading.Lock())
        with turn:
            yield

    def services(self) -> list[Service]:
        return list(self._services.values())

    def get(self, name: str) -> Service | None:
        return self._services.get(name)

    def known(self, name: str) -> Service:
        """Raises CommandError when there is no such service."""
        service = self._services.get(name)
        if service is None:
            raise CommandError("service not found")
        return service

    def with_hosts_free(self, service: Service) -> Service:
        """Returns the service. Raises CommandError when another service has one of its hosts."""
        routes = set(service.routes())
        if any(routes & set(other.routes()) for other in self.services() if other.name != service.name):
            raise CommandError("host settings conflict with another service")
        return service

    def save(self, service: Service) -> None:
        """Raises CommandError when another service has one of its hosts, OSError when the state cannot be saved."""
        with self.lock:
            self._save({**self._services, self.with_hosts_free(service).name: service})

    def remove(self, name: str) -> None:
        """Raises OSError."""
        with self.lock:
            self._save({other: service for other, service in self._services.items() if other != name})

    def _save(self, services: dict[str, Service]) -> None:
        state.save(self._file, services)
        self._services = services
