"""The repository of an app's snapshots, read by restic alone: what somebody has who has nothing else any more."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from ledger import Ledger, lost

from discode.core.snapshot import RECORD, SnapshotRecord, is_ours, read_record


class Repository:
    """`path` is a folder; `password` once there is one."""

    def __init__(self, path: Path, app: str):
        self.path, self._app, self.password = path, app, ""
        self._seen: set[str] = set()

    @property
    def count(self) -> int:
        """Snapshots that were looked at."""
        return len(self._seen)

    def locks(self) -> int:
        return len(list((self.path / "locks").iterdir()))

    def snapshots(self) -> list[str]:
        """Of the app, oldest first."""
        told = json.loads(self._restic("snapshots", "--json") or "null") or []
        return [one["id"] for one in sorted(told, key=_time) if is_ours(tuple(one.get("tags") or ()), self._app)]

    def faults(self, snapshots: Sequence[str], ledger: Ledger) -> Iterator[str]:
        """Of those that have come since the last time: each has to hold what was acknowledged before it."""
        for one in snapshots:
            if one not in self._seen:
                self._seen.add(one)
                yield from self._faults_of(one, ledger)

    def _faults_of(self, snapshot: str, ledger: Ledger) -> Iterator[str]:
        folder = Path(tempfile.mkdtemp(dir=self.path.parent))
        try:
            self._restic("restore", snapshot, "--target", str(folder))
            [found] = folder.rglob(f"discode-snapshot/{RECORD}")
            record = read_record(found.read_bytes(), self._app)
            there = [part for part in record.parts if (folder / part.path.lstrip("/")).exists()]
            if gone := sorted({f"{one.kind} {one.name}" for one in set(record.parts) - set(there)}):
                yield f"the snapshot {snapshot[:8]} has no {', '.join(gone)}"
            for place, ids in _written(folder, record):
                yield from lost(
                    ledger.acknowledged(place, record.taken), ids, f"{place} of the snapshot {snapshot[:8]}"
                )
        except (ValueError, subprocess.CalledProcessError, sqlite3.Error) as error:
            yield f"the snapshot {snapshot[:8]} is not whole: {error}"
        finally:
            shutil.rmtree(folder)

    def _restic(self, *words: str) -> str:
        environment = {"RESTIC_PASSWORD": self.password, "RESTIC_REPOSITORY": str(self.path), "HOME": "/root"}
        done = subprocess.run(
            ["restic", "--no-lock", "--no-cache", "--quiet", *words], env=environment, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        return done.stdout


def _time(told: dict[str, Any]) -> str:
    return str(told["time"])


def _written(folder: Path, record: SnapshotRecord) -> Iterator[tuple[str, set[str]]]:
    """By each place of which the snapshot has something, the ids in it."""
    places = [folder / part.path.lstrip("/") for part in record.parts if part.kind != "documents"]
    for place in places:
        for path in place.rglob("ledger.db"):
            yield "sqlite", _in_sqlite(path)
        for path in place.rglob("ledger.txt"):
            yield "file", set(path.read_text().split())
        for path in place.glob("*.rdb"):
            yield "redis", set(path.read_bytes().decode("latin-1").translate(_APART).split())
        for path in place.glob("app.dump"):
            words = ["pg_restore", "--data-only", "-f", "-", str(path)]
            yield "postgres", set(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())


def _in_sqlite(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as database:
        [sound] = database.execute("PRAGMA integrity_check").fetchone()
        if sound != "ok":
            raise ValueError(f"{path.name}: {sound}")
        return {row[0] for row in database.execute("SELECT id FROM writes")}


class _Apart(dict[int, str]):
    """Whatever stands in no id is a blank."""

    def __missing__(self, sign: int) -> str:
        return chr(sign) if chr(sign) in "w0123456789" else " "


_APART = _Apart()
