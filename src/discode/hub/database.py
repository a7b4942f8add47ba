"""The database: SQLite in a file, or PostgreSQL. Reads and writes are transactions; a failed write leaves nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url
from sqlalchemy.orm import Session

from ..core.errors import Refused
from .errors import HubError, OutOfRoom, Unavailable

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY = 10.0  # seconds for which a writer waits for another one
_FULL = {13, "53100"}  # SQLITE_FULL; PostgreSQL's disk_full


class Database:
    """`url` as in hub.toml; the path of an SQLite file is relative to `folder`."""

    def __init__(self, url: str, folder: Path):
        address = make_url(url)
        self._file: Path | None = None
        if address.get_backend_name() == "sqlite":
            self._file = folder / (address.database or "hub.db")
            self.engine = create_engine(
                address.set(database=str(self._file)),
                connect_args={"timeout": BUSY, "check_same_thread": False},
            )
            _as_sqlite(self.engine)
        else:
            self.engine = create_engine(
                address.set(drivername="postgresql+psycopg"),
                pool_pre_ping=True,
                connect_args={"connect_timeout": 5},
            )

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Raises Unavailable when the database cannot be reached."""
        with translated(), self.engine.connect() as connection, Session(connection) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Committed at the end, or not at all. Raises Unavailable or OutOfRoom."""
        with translated(), self.engine.connect() as connection:
            connection = connection.execution_options(discode_write=True)
            with connection.begin(), Session(connection, join_transaction_mode="rollback_only") as session:
                yield session
                session.flush()

    def migrate(self) -> None:
        """Migrate the tables to this version of the hub. Concurrent migrations wait for each other."""
        self._close_to_others()
        with translated(), self.engine.connect() as connection:
            connection = connection.execution_options(discode_write=True)
            with connection.begin():
                if self.engine.dialect.name == "postgresql":
                    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7310580)")
                command.upgrade(_alembic(connection), "head")

    def _close_to_others(self) -> None:
        """Make SQLite's file for the owner alone; its other files get the mode of this one. SQLite tells what is wrong
        with the place."""
        if self._file is None:
            return
        with suppress(OSError):
            descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600)
            with suppress(PermissionError):
                os.fchmod(descriptor, 0o600)
            os.close(descriptor)

    def check(self) -> None:
        """Raises Refused if the tables belong to another version of the hub, Unavailable if there is no database."""
        wanted = ScriptDirectory(str(MIGRATIONS)).get_current_head()
        with translated(), self.engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
        if found != wanted:
            raise Refused(
                f"The database is at revision {found or 'none'}, but this version of the hub needs {wanted}. "
                "Nothing was changed.",
                "Make a backup, then run: discode hub migrate",
                key="database-revision",
            )

    def close(self) -> None:
        self.engine.dispose()


def _as_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # otherwise the driver begins transactions itself, too late
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        # A writer takes the lock at once: a reader cannot become a writer after another one's commit.
        write = connection.get_execution_options().get("discode_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


@contextmanager
def translated() -> Iterator[None]:
    """Translates the driver's exceptions; a violated constraint (IntegrityError) passes through."""
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
        raise _translate(error) from error


def _translate(error: exc.SQLAlchemyError) -> HubError:
    origin = getattr(error, "orig", None)
    code = getattr(origin, "sqlite_errorcode", None) or getattr(origin, "sqlstate", None)
    if code in _FULL:
        return OutOfRoom("The hub's database is out of space. Nothing was changed.", "Free some space on the hub.")
    return Unavailable("The hub's database cannot be reached. Nothing was changed.", "Try again in a moment.")
