"""What every repository of backups has to do, by the words of the port. A subclass gives the fixture `bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest

from discode.core.backup_errors import (
    BackupFailed,
    NoSuchSnapshot,
    RepositoryDenied,
    RepositoryFull,
    RepositoryMissing,
    WrongPassword,
)  # fmt: skip
from discode.core.snapshot import RECORD, Part, SnapshotRecord, read_record
from discode.ports.backups import Backups
from discode.ports.report import Silence


class Bench(Protocol):
    """A storage, and a disk with a staging folder and one volume of the app."""

    staged: Path
    volume: Path

    def backups(self, app: str = "myapp", password: str = "right") -> Backups: ...

    def write(self, path: Path, data: bytes) -> None: ...

    def read(self, path: Path) -> bytes | None:
        """None when there is no such file."""

    def fill(self) -> None:
        """No byte can be added to the storage."""

    def deny(self) -> None:
        """Nothing can be written there any more."""


def record(**fields: object) -> SnapshotRecord:
    given = {
        "app": "myapp", "version": "1.0", "key": "0" * 12, "kind": "archive", "architecture": "amd64",
        "taken": 1_700_000_000.25, "discode": "1.0", "parts": (Part(kind="volume", name="data", path="/v", size=7),),
        **fields,
    }  # fmt: skip
    return SnapshotRecord(**given)  # type: ignore[arg-type]


def saved(bench: Bench, app: str = "myapp", **fields: object) -> str:
    one = record(app=app, **fields)
    bench.write(bench.staged / RECORD, one.as_json().encode())
    return bench.backups(app).save(one, bench.staged, [bench.volume], [], Silence()).id


class BackupsContract:
    def test_it_is_made_once(self, bench: Bench) -> None:
        with pytest.raises(RepositoryMissing):
            bench.backups().look()
        bench.backups().create()
        bench.backups().look()
        with pytest.raises(BackupFailed):
            bench.backups().create()

    def test_another_password_does_not_open_it(self, bench: Bench) -> None:
        bench.backups().create()
        with pytest.raises(WrongPassword):
            bench.backups(password="wrong").look()
        with pytest.raises(WrongPassword):
            bench.backups(password="wrong").snapshots()

    def test_a_snapshot_has_its_record_and_all_else(self, bench: Bench) -> None:
        bench.backups().create()
        bench.write(bench.volume / "note", b"written")
        bench.write(bench.staged / "documents/settings.json", b"{}")
        identity = saved(bench, cause="update")
        [one] = bench.backups().snapshots()
        assert (one.id, one.app, one.version, one.cause, one.size) == (identity, "myapp", "1.0", "update", 7)
        assert read_record(bench.backups().read(one, RECORD), one.app) == record(cause="update")
        assert one.taken == record().taken, "what was written while it was staged may not be in it"
        target = bench.staged.parent / "restored"
        bench.backups().restore(one, target, Silence())
        restored = {
            "note": bench.read(target / bench.volume.relative_to("/") / "note"),
            "settings": bench.read(target / bench.staged.relative_to("/") / "documents/settings.json"),
        }
        assert restored == {"note": b"written", "settings": b"{}"}

    def test_what_was_staged_is_read_to_the_byte_and_a_folder_of_it_at_once(self, bench: Bench) -> None:
        bench.backups().create()
        files = {"a.pem": b"first\n\n\nlast", "b.bin": bytes(range(256)) * 300, "c": b""}
        for name, data in files.items():
            bench.write(bench.staged / "documents" / name, data)
        bench.write(bench.staged / "other/d", b"x")
        saved(bench)
        [one] = bench.backups().snapshots()
        assert bench.backups().read(one, "documents/b.bin") == files["b.bin"]
        assert bench.backups().read_folder(one, "documents") == files
        with pytest.raises(NoSuchSnapshot):
            bench.backups().read_folder(one, "nothing")

    def test_it_tells_whose_snapshots_it_has(self, bench: Bench) -> None:
        bench.backups().create()
        assert bench.backups().apps() == []
        saved(bench, "other")
        saved(bench)
        assert bench.backups("third").apps() == ["myapp", "other"]

    @pytest.mark.parametrize("name", ["app.db", "a b.db", "$HOME.db", "[x]*?.db", "deep/er.db", "trailing "])
    def test_what_is_excluded_is_not_in_it(self, bench: Bench, name: str) -> None:
        bench.backups().create()
        for one in (name, f"{name}-wal", "kept"):
            bench.write(bench.volume / one, b"x")
        excluded = [bench.volume / name, bench.volume / f"{name}-wal"]
        bench.write(bench.staged / RECORD, record().as_json().encode())
        bench.backups().save(record(), bench.staged, [bench.volume], excluded, Silence())
        target = bench.staged.parent / "restored"
        bench.backups().restore(bench.backups().snapshots()[0], target, Silence())
        found = {one: bench.read(target / (bench.volume / one).relative_to("/")) for one in (name, "kept")}
        assert found == {name: None, "kept": b"x"}

    def test_of_a_folder_that_is_excluded_nothing_is_in_it(self, bench: Bench) -> None:
        bench.backups().create()
        for one in ("tmp/deep/er", "tmp2/note"):
            bench.write(bench.volume / one, b"x")
        bench.write(bench.staged / RECORD, record().as_json().encode())
        bench.backups().save(record(), bench.staged, [bench.volume], [bench.volume / "tmp"], Silence())
        target = bench.staged.parent / "restored"
        bench.backups().restore(bench.backups().snapshots()[0], target, Silence())
        found = [bench.read(target / (bench.volume / one).relative_to("/")) for one in ("tmp/deep/er", "tmp2/note")]
        assert found == [None, b"x"]

    def test_other_apps_have_theirs_beside_it(self, bench: Bench) -> None:
        bench.backups().create()
        saved(bench)
        other = saved(bench, "other")
        assert [one.id for one in bench.backups("other").snapshots()] == [other]

    def test_forgotten_ones_are_gone(self, bench: Bench) -> None:
        bench.backups().create()
        bench.write(bench.volume / "note", b"written")
        first, second = saved(bench), saved(bench, version="1.1")
        known = {one.id: one for one in bench.backups().snapshots()}
        bench.backups().forget([known[first]], Silence())
        bench.backups().forget([known[first]], Silence())
        assert [one.id for one in bench.backups().snapshots()] == [second]
        with pytest.raises(NoSuchSnapshot):
            bench.backups().read(known[first], RECORD)
        with pytest.raises(NoSuchSnapshot):
            bench.backups().read(known[second], "nothing.json")
        bench.backups().check(Silence(), data=True)

    def test_a_full_storage_takes_nothing(self, bench: Bench) -> None:
        bench.backups().create()
        bench.fill()
        bench.write(bench.volume / "note", b"written")
        with pytest.raises(RepositoryFull):
            saved(bench)

    def test_a_storage_that_denies_says_so(self, bench: Bench) -> None:
        bench.backups().create()
        bench.deny()
        with pytest.raises(RepositoryDenied):
            saved(bench)
