"""Notices: where they go and what was told; and what is seen of a machine beside its apps."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from ..core.installation import Installation
from ..core.lease import Lease
from ..core.notice import Message
from ..core.notice_address import Address
from ..core.notice_book import Book


class Notices(Protocol):
    """Reads raise StateError when a file is damaged, and Refused when it cannot be read; writes raise PreflightError
    when the disk is full or read-only."""

    def alone(self, *, wait: bool = False) -> AbstractContextManager[None]:
        """Exclusive among all processes of the host; freed when the process dies. Raises Busy at once, unless
        `wait`."""

    def addresses(self) -> list[Address]:
        """In the order in which they were given."""

    def book(self) -> Book | None:
        """None before the first address, and when what was kept is damaged: that is set aside."""

    def keep(self, book: Book | None) -> None:
        """Whole or not at all; None: there is none any more."""

    def send(self, address: Address, message: Message) -> None:
        """Raises Unreachable or Refused, which say why without any of the address that is a secret."""

    def heartbeat(self) -> str:
        """The dead man's address, a secret; empty: there is none."""

    def beat(self, url: str) -> None:
        """Raises as `send`."""


class Surroundings(Protocol):
    """None raises: what cannot be found out is None."""

    def host(self) -> str:
        """The machine's name."""

    def free_disk(self) -> int | None:
        """Bytes, where Discode keeps what it has."""

    def lease(self, app: str) -> Lease | None:
        """The last one of its license, whether it holds or not. None without a license, too."""

    def newer(self, installation: Installation) -> str | None:
        """The version that an update would go to, as far as is known: nobody is asked."""

    def look_for_updates(self, app: str) -> None:
        """Have its source asked, by a process of its own: a source may be slow."""
