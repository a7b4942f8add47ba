"""Places that keep what they are told for good before they answer: each by Python's own library alone."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from postgresql import Connection as PostgreSQL
from resp import Connection as Redis

STORAGE = Path(__file__).parent / "storage"


class Store(Protocol):
    def make(self) -> None: ...

    def write(self, name: str) -> None:
        """Raises OSError, or sqlite3.Error."""

    def all(self) -> list[str]: ...


class Sqlite:
    """With a write-ahead log: instances of two versions may write beside each other."""

    path = STORAGE / "ledger.db"

    def make(self) -> None:
        with self._open() as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("CREATE TABLE IF NOT EXISTS writes (id TEXT PRIMARY KEY)")

    def write(self, name: str) -> None:
        with self._open() as database:
            database.execute("INSERT INTO writes VALUES (?)", (name,))

    def all(self) -> list[str]:
        with self._open() as database:
            return [row[0] for row in database.execute("SELECT id FROM writes")]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=120, isolation_level=None)) as database:
            database.execute("PRAGMA synchronous = FULL")
            yield database


class File:
    """One line after the other: of no use to anybody who reads it in the middle of one."""

    path = STORAGE / "ledger.txt"
    lock = threading.Lock()

    def make(self) -> None:
        self.path.touch()

    def write(self, name: str) -> None:
        with self.lock, self.path.open("a") as file:
            file.write(f"{name}\n")
            file.flush()
            os.fsync(file.fileno())

    def all(self) -> list[str]:
        return self.path.read_text().splitlines()


class Postgres:
    def make(self) -> None:
        self._run("CREATE TABLE IF NOT EXISTS writes (id TEXT PRIMARY KEY)")

    def write(self, name: str) -> None:
        self._run(f"INSERT INTO writes VALUES ('{name}')")

    def all(self) -> list[str]:
        return self._run("SELECT id FROM writes")

    def _run(self, query: str) -> list[str]:
        with closing(PostgreSQL(urlsplit(os.environ["DATABASE_URL"]))) as connection:
            return connection.run(query)


class Remembered:
    """In Redis."""

    def make(self) -> None:
        self._run("PING")

    def write(self, name: str) -> None:
        self._run("SET", name, "written")

    def all(self) -> list[str]:
        return self._run("KEYS", "*")

    def _run(self, *words: str) -> list[str]:
        with closing(Redis(urlsplit(os.environ["REDIS_URL"]))) as connection:
            return connection.run(*words)


STORES: dict[str, type[Store]] = {"sqlite": Sqlite, "file": File, "postgres": Postgres, "redis": Remembered}
