"""The second part of `bin/demo --data`: an app with a SQLite file in a volume, which is written to all the while."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from data_ledger import Write, lost
from data_rig import DIARY
from data_scene import Scene

VERSION = "1.0.0"
BACKUPS = 10
FILE = "notes.db"


class Diary(Scene):
    def play(self) -> None:
        self.trial.say(f"{DIARY}: a SQLite file in a volume")
        self.machine.publish(VERSION, app=DIARY)
        self.machine.install_app(DIARY)
        self.machine.set_up_backups(DIARY)
        with self.load():
            snapshots = [str(self.do("backup", "backup", "now", DIARY).last["snapshot"]) for _ in range(BACKUPS)]
            self._prove(snapshots)
            middle = snapshots[BACKUPS // 2]
            before = self.written()
            replaced = self.restoring("restore in place", middle, "restore", DIARY, middle)
            self.trial.expect("integrity of the file in its place", integrity(self.machine.volume(DIARY) / FILE), "ok")
            state, missing = self._looked_into(replaced, before)
            self.trial.expect("integrity of what it replaced, in its snapshot", state, "ok")
            self.trial.expect("writes from before that snapshot that are not in it", missing, 0)
            [kept] = self.machine.from_before(DIARY).rglob(FILE)
            writes, found = self.written(), self.machine.names(DIARY) | names_in(kept)
            self.trial.expect("writes that are neither there nor kept from before", len(lost(writes, found)), 0)
        self.judge()

    def _prove(self, snapshots: list[str]) -> None:
        """Each is restored into a scratch place."""
        writes = self.written()
        states, missing = zip(*(self._looked_into(snapshot, writes) for snapshot in snapshots), strict=True)
        self.trial.expect(f"integrity of {len(snapshots)} snapshots", list(states), ["ok"] * len(snapshots))
        self.trial.expect("writes from before a snapshot that are not in it", sum(missing), 0)

    def _looked_into(self, snapshot: str, writes: list[Write]) -> tuple[str, int]:
        """Whether its file is whole, and how many that were acknowledged before it are not in it."""
        record, folder = self.machine.restored(snapshot)
        [part] = [one for one in record["parts"] if one["kind"] == "databases"]
        file = folder / part["path"].lstrip("/") / FILE
        before = [write for write in writes if write.acknowledged < record["taken"]]
        try:
            return integrity(file), len(lost(before, names_in(file)))
        finally:
            shutil.rmtree(folder)


def integrity(file: Path) -> str:
    with closing(sqlite3.connect(file)) as database:
        try:
            return str(database.execute("PRAGMA integrity_check").fetchone()[0])
        except sqlite3.DatabaseError as error:
            return str(error)


def names_in(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as database:
        return {name for (name,) in database.execute("SELECT name FROM notes")}
