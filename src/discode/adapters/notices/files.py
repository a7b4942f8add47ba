"""The port Notices, over files that are the owner's alone: notices/addresses.json, with secrets, and notices/book.json.

The addresses are changed by people, the book by `notify check`: each has a lock of its own, so that nobody who adds an
address waits for a mail server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ...core.errors import StateError, UsageError
from ...core.model import Model
from ...core.notice import Message
from ...core.notice_address import Address
from ...core.notice_book import SCHEMA, Book
from ...disk.folders import make_private
from ...disk.lock import held
from ..files import documents
from ..files.aside import keep_damaged
from ..files.disk import write_whole, writing
from ..files.home import close_home
from ..files.locks import locked


class Kept(Model, frozen=True, kw_only=True):
    """`heartbeat`: the dead man's address."""

    notices_schema: int = SCHEMA
    addresses: tuple[Address, ...] = ()
    heartbeat: str = ""

    def __repr__(self) -> str:
        return f"Kept({self.addresses!r})"


class FileNotices:
    def __init__(self, home: Path, note: Callable[[str], None] = lambda text: None):
        self._home, self._note = home, note
        self._folder = home / "notices"

    @contextmanager
    def alone(self, *, wait: bool = False) -> Iterator[None]:
        close_home(self._home)
        path = self._home / "locks" / "notices.lock"
        if wait:
            with writing(path):
                lock = held(path, mode=0o644)
        else:
            lock = locked(path, "notices", "discode notify check", self._note)
        with lock:
            yield

    def addresses(self) -> list[Address]:
        return list(self._kept().addresses)

    def add(self, address: Address) -> None:
        """Raises UsageError when another one has its name."""
        with self._changing():
            kept = self._kept()
            if any(one.name == address.name for one in kept.addresses):
                raise UsageError(
                    f"There is an address {address.name} already. Nothing was changed.",
                    "Give another name: --name NAME",
                    key="notice-name",
                )
            self._write(kept.changed(addresses=(*kept.addresses, address)))

    def remove(self, name: str) -> Address | None:
        """None: there was none of that name."""
        with self._changing():
            kept = self._kept()
            found = next((one for one in kept.addresses if one.name == name), None)
            if found is not None:
                self._write(kept.changed(addresses=tuple(one for one in kept.addresses if one is not found)))
            return found

    def heartbeat(self) -> str:
        return self._kept().heartbeat

    def set_heartbeat(self, url: str) -> None:
        """Empty: none any more."""
        with self._changing():
            self._write(self._kept().changed(heartbeat=url))

    def book(self) -> Book | None:
        try:
            return documents.load(self._book, Book)
        except StateError as error:
            if error.name == "newer-schema":
                raise
            place = keep_damaged(self._book)
            self._note(f"{error.sentence} It is kept as {place}, and notices begin anew.")
            return None

    def keep(self, book: Book | None) -> None:
        if book is None:
            with writing(self._book):
                self._book.unlink(missing_ok=True)
            return
        self._make_folder()
        write_whole(self._book, json.dumps(book.as_dict()).encode(), mode=0o600)

    def send(self, address: Address, message: Message) -> None:
        from .sending import send

        send(address.url, message)

    def beat(self, url: str) -> None:
        from .heartbeat import beat

        beat(url)

    @property
    def _book(self) -> Path:
        return self._folder / "book.json"

    @property
    def _file(self) -> Path:
        return self._folder / "addresses.json"

    def _kept(self) -> Kept:
        return documents.load(self._file, Kept) or Kept()

    def _write(self, kept: Kept) -> None:
        self._make_folder()
        write_whole(self._file, json.dumps(kept.as_dict(), indent=1).encode(), mode=0o600)

    def _make_folder(self) -> None:
        close_home(self._home)
        with writing(self._folder):
            make_private(self._folder)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        close_home(self._home)
        path = self._home / "locks" / "notice-addresses.lock"
        with writing(path):
            lock = held(path, mode=0o644)
        with lock:
            yield
