"""Notices in memory: services that take messages, are away, or refuse; and a machine of which one can say all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..core.errors import Busy, Unreachable
from ..core.installation import Installation
from ..core.lease import Lease
from ..core.notice import Message
from ..core.notice_address import Address
from ..core.notice_book import Book


class MemoryNotices:
    """`taken`: by name of the address, what its service has taken. `away`: names of those that take nothing."""

    def __init__(self) -> None:
        self.known: list[Address] = []
        self.kept: Book | None = None
        self.taken: dict[str, list[Message]] = {}
        self.away: set[str] = set()
        self.tries = 0
        self.dead_man = ""
        self.beats = 0
        self.no_beat = False
        self._is_locked = False

    @contextmanager
    def alone(self, *, wait: bool = False) -> Iterator[None]:
        if self._is_locked:
            raise Busy("Another check runs.", "Wait for it.")
        self._is_locked = True
        try:
            yield
        finally:
            self._is_locked = False

    def add(self, address: Address) -> None:
        self.known.append(address)

    def addresses(self) -> list[Address]:
        return list(self.known)

    def book(self) -> Book | None:
        return self.kept

    def keep(self, book: Book | None) -> None:
        self.kept = book

    def send(self, address: Address, message: Message) -> None:
        self.tries += 1
        if address.name in self.away:
            raise Unreachable(f"{address.place} did not take the message: it is away.")
        self.taken.setdefault(address.name, []).append(message)

    def set_heartbeat(self, url: str) -> None:
        self.dead_man = url

    def heartbeat(self) -> str:
        return self.dead_man

    def beat(self, url: str) -> None:
        if self.no_beat:
            raise Unreachable("The heartbeat could not be called: it is away.")
        self.beats += 1


class MemorySurroundings:
    """`offers` and `leases` by app; `asked`: apps whose source was asked, in order."""

    def __init__(self) -> None:
        self.disk: int | None = 10**12
        self.offers: dict[str, str] = {}
        self.leases: dict[str, Lease] = {}
        self.asked: list[str] = []

    def host(self) -> str:
        return "web1"

    def free_disk(self) -> int | None:
        return self.disk

    def lease(self, app: str) -> Lease | None:
        return self.leases.get(app)

    def newer(self, installation: Installation) -> str | None:
        return self.offers.get(installation.app)

    def look_for_updates(self, app: str) -> None:
        self.asked.append(app)
