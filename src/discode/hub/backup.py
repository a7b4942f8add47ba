"""Backup and restore of a hub: one archive, all or nothing. It contains the hub's keys, so protect it like them.

Inside: `hub.toml`, `keys/`, `storage/`, `builds/`, and the tables as JSON lines, so that a hub can move from SQLite to
PostgreSQL and back.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from sqlalchemy import LargeBinary, Table, insert, select, text

from ..core.errors import Refused, UsageError
from ..core.lease import OLD_SPELLING
from ..disk.whole import replacing
from .config import FILE
from .database import Database
from .hub import Hub
from .models import Base

TABLES = "tables.jsonl"
FOLDERS = ("keys", "storage", "builds")
_ROWS = 500  # inserted at once


def backup(hub: Hub, file: Path) -> int:
    """Readable only by its owner; returns its size in bytes. The hub may keep running. Raises Refused if `file` exists.

    The tables are read in one transaction before the files, which are only ever added.
    """
    if file.exists():
        raise Refused(f"{file} already exists. Nothing was changed.", "Give a new file.", key="backup-exists")
    with replacing(file, mode=0o600) as out, tarfile.open(fileobj=out, mode="w") as tar:
        _add_tables(tar, hub.database)
        tar.add(hub.folder / FILE, FILE)
        for name in FOLDERS:
            if (hub.folder / name).is_dir():
                tar.add(hub.folder / name, name, filter=_no_incoming)
    return file.stat().st_size


def restore(file: Path, folder: Path, database: str | None) -> None:
    """Into a new folder and an empty database; `database` replaces the one in the backup. Raises Refused or UsageError;
    then there is no hub."""
    if folder.exists() and any(folder.iterdir()):
        raise Refused(f"{folder} is not empty. Nothing was changed.", "Give a new folder.", key="not-empty")
    try:
        with tarfile.open(file) as tar:
            _restore(tar, folder, database)
    except (tarfile.TarError, EOFError, KeyError, ValueError, OSError) as error:
        raise UsageError(
            f"{file} could not be restored: {error}. There is no hub in {folder} yet.",
            f"Delete {folder}, then try again, if necessary with another backup.",
            key="backup-unreadable",
        ) from error


def _restore(tar: tarfile.TarFile, folder: Path, database: str | None) -> None:
    from . import config as configuration

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    members = [one for one in tar.getmembers() if one.name.partition("/")[0] in FOLDERS]
    for member in members:
        _extract(tar, member, folder)
    settings = _read(tar, FILE)
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / FILE).write_bytes(settings.read())
        config = configuration.load(Path(place))
    config = configuration.HubConfig(**{**vars(config), **({"database": database} if database else {})}).checked()
    _fill(Database(config.database, folder), _read(tar, TABLES))
    configuration.save(folder, config)  # last: without it there is no hub


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Only files and folders, inside `folder`. (`filter="data"` is newer than Debian 12's Python 3.11.2.)"""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or not (member.isfile() or member.isdir()):
        raise ValueError(f"{member.name} is not a regular file")
    target = folder / path
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        return
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # There are keys and passwords in it: everything but a certificate is for the owner only.
    mode = 0o644 if target.suffix == ".crt" else 0o600
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        shutil.copyfileobj(_read(tar, member.name), file)


def _read(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    stream = tar.extractfile(name)
    if stream is None:
        raise ValueError(f"{name} is no file")
    return stream


def _no_incoming(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if info.name.startswith("storage/incoming") else info


def _add_tables(tar: tarfile.TarFile, database: Database) -> None:
    with tempfile.TemporaryFile() as stream:
        for line in _lines(database):
            stream.write(line)
        info = tarfile.TarInfo(TABLES)
        info.size, info.mode = stream.tell(), 0o600
        stream.seek(0)
        tar.addfile(info, stream)


def _lines(database: Database) -> Iterator[bytes]:
    with database.read() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        for table in Base.metadata.sorted_tables:
            for row in session.execute(select(table)).mappings():
                yield json.dumps({"table": table.name, "row": {k: _plain(v) for k, v in row.items()}}).encode() + b"\n"


def _plain(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _fill(database: Database, lines: IO[bytes]) -> None:
    database.migrate()
    with database.write() as session:
        for table in Base.metadata.sorted_tables:
            if session.execute(select(table).limit(1)).first() is not None:
                raise ValueError("the database is not empty")
        waiting: dict[str, list[dict[str, Any]]] = {}
        tables = {table.name: table for table in Base.metadata.sorted_tables}
        for line in lines:
            told = json.loads(line)
            name = _spelled(told["table"])
            rows = waiting.setdefault(name, [])
            rows.append(_row(tables[name], told["row"]))
            if len(rows) == _ROWS:
                session.execute(insert(tables[name]), waiting.pop(name))
        for table in Base.metadata.sorted_tables:
            if rows := waiting.get(table.name, []):
                session.execute(insert(table), rows)
        if session.get_bind().dialect.name == "postgresql":
            # Rows inserted with an id do not advance the sequence.
            session.execute(
                text("SELECT setval('audit_id_seq', (SELECT COALESCE(MAX(id), 0) + 1 FROM audit), false)")
            )  # fmt: skip
    database.close()


def _row(table: Table, told: dict[str, Any]) -> dict[str, Any]:
    binary = {column.name for column in table.columns if isinstance(column.type, LargeBinary)}
    return {_spelled(name): base64.b64decode(value) if name in binary else value for name, value in told.items()}


def _spelled(name: str) -> str:
    """Today's name of a table or column; older backups use the old spelling."""
    return name.replace(OLD_SPELLING, "license")
