"""SQLite files: found by their header, and copied by SQLite's own backup while others write.

<https://www.sqlite.org/fileformat2.html>, <https://www.sqlite.org/backup.html>.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ...core.backup_errors import BackupFailed

HEADER = b"SQLite format 3\0"
SMALL = 64 << 20  # bytes that are copied at once: writers wait for some tenths of a second
STEP = 16 << 20  # bytes between two writers, of a larger one
PATIENCE = 60.0  # seconds for a copy in steps, which each write begins anew; and for a lock
_SECTOR = 512  # a database is a whole number of its pages, and the smallest page has this many bytes


def is_database(path: str, size: int) -> bool:
    """A file that cannot be read is none here: who reads it next says so."""
    if size < _SECTOR or size % _SECTOR:
        return False
    try:
        with Path(path).open("rb") as file:
            return file.read(len(HEADER)) == HEADER
    except OSError:
        return False


def copy_database(source: Path, target: Path) -> None:
    """As it is at one moment. Raises BackupFailed; OSError for the target."""
    _make(target)
    try:
        with closing(_opened(source)) as database, closing(sqlite3.connect(target, isolation_level=None)) as copy:
            copy.execute("PRAGMA synchronous=OFF")
            _copy(database, copy, source.stat().st_size)
    except sqlite3.Error as error:
        raise BackupFailed(
            f"The database {source} cannot be copied: {error}. Your app was not touched.",
            "See whether its app can read it. With the app stopped, the file is taken as it is: discode stop APP",
            key="database-unreadable",
        ) from error
    _as(source, target)


def _opened(source: Path) -> sqlite3.Connection:
    """Nothing is written: a database that its app left in the middle of a write is the app's to repair."""
    path = str(source).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=PATIENCE)


def _copy(database: sqlite3.Connection, copy: sqlite3.Connection, size: int) -> None:
    """All at once where nobody waits for that: with a write-ahead log readers and writers do not meet."""
    [mode] = database.execute("PRAGMA journal_mode").fetchone()
    [page] = database.execute("PRAGMA page_size").fetchone()
    if mode != "wal" and size > SMALL:
        try:
            database.backup(copy, pages=STEP // page, progress=_until(PATIENCE), sleep=0.01)
        except TimeoutError:
            pass  # it is written to without a pause: its writers have to wait once
        else:
            return
    try:
        database.backup(copy, progress=_until(PATIENCE), sleep=0.01)
    except TimeoutError:
        raise sqlite3.OperationalError(f"it is locked for longer than {PATIENCE:g} s") from None


def _until(seconds: float) -> Callable[[int, int, int], None]:
    end = time.monotonic() + seconds

    def go_on(status: int, remaining: int, total: int) -> None:
        if remaining and time.monotonic() > end:
            raise TimeoutError

    return go_on


def _make(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _as(source: Path, target: Path) -> None:
    """Whoever restores it wants it to be its app's."""
    found = source.stat()
    if os.geteuid() == 0:
        os.chown(target, found.st_uid, found.st_gid)
    target.chmod(found.st_mode & 0o7777)
