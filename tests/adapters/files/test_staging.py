"""The staging folder: databases are copied while they are written, volumes again only where they changed."""

import os
import shutil
import sqlite3
import threading
from contextlib import closing

import pytest

from discode.adapters.files import sqlite
from discode.adapters.files.staging import FileStaging
from discode.core.backup_errors import BackupFailed
from rig.wait import wait_for


@pytest.fixture
def staging(tmp_path):
    return FileStaging(tmp_path / "home", "myapp")


@pytest.fixture
def volume(tmp_path):
    folder = tmp_path / "volume"
    folder.mkdir()
    return folder


def made(path, mode="wal", rows=10):
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA journal_mode={mode}")
        database.execute("CREATE TABLE post (number INTEGER PRIMARY KEY, body TEXT)")
        database.executemany("INSERT INTO post VALUES (?, ?)", ((n + 1, "x" * 1000) for n in range(rows)))
        database.commit()


def rows(path):
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return database.execute("SELECT count(*) FROM post").fetchone()[0]


def test_databases_are_found_by_their_header_wherever_they_are(staging, volume):
    (volume / "deep").mkdir()
    made(volume / "deep/er.bin")
    made(volume / "app.db", mode="delete")
    (volume / "note.db").write_bytes(b"no database" * 1024)
    (volume / "short.db").write_bytes(sqlite.HEADER)
    (volume / "link.db").symlink_to(volume / "app.db")
    seen = staging.survey(volume)
    assert set(seen.databases) == {"app.db", "deep/er.bin"}
    assert seen.databases["app.db"] == (volume / "app.db").stat().st_size < seen.size


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_large_database_is_copied_while_it_is_written(staging, volume, monkeypatch, mode):
    """`delete`: every write begins the copy anew, until its writers have to wait once."""
    monkeypatch.setattr(sqlite, "SMALL", 1 << 20)
    monkeypatch.setattr(sqlite, "STEP", 1 << 20)
    monkeypatch.setattr(sqlite, "PATIENCE", 1.0 if mode == "delete" else 60.0)
    path, stop, written = volume / "app.db", threading.Event(), [5000]
    made(path, mode, written[0])

    def write():
        with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as database:
            database.execute("PRAGMA synchronous=OFF")
            while not stop.is_set():
                database.execute("INSERT INTO post VALUES (?, 'y')", (written[0] + 1,))
                written[0] += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_for(lambda: written[0] > 5010)
        before = written[0]
        staging.copy_database(volume, "app.db", "databases/data")
    finally:
        stop.set()
        writer.join()
    assert before <= rows(staging.path / "databases/data/app.db") <= written[0] + 1 and rows(path) == written[0]


def test_what_is_committed_and_only_in_the_log_is_in_the_copy_and_the_log_stays(staging, volume, tmp_path):
    """As an app leaves it that was killed: whoever opens such a database to write clears its log away."""
    made(tmp_path / "app.db")
    with closing(sqlite3.connect(tmp_path / "app.db")) as database:
        database.execute("INSERT INTO post VALUES (1000, 'in the log')")
        database.commit()
        for name in ("app.db", "app.db-wal"):
            shutil.copy(tmp_path / name, volume / name)
    before = {name: (volume / name).read_bytes() for name in ("app.db", "app.db-wal")}
    staging.copy_database(volume, "app.db", "databases/data")
    assert {name: (volume / name).read_bytes() for name in before} == before
    assert rows(staging.path / "databases/data/app.db") == 11


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives files away")
def test_the_copy_is_its_apps_and_so_is_what_is_left_beside_the_database(staging, volume):
    made(volume / "app.db")
    for path in (volume, volume / "app.db"):
        os.chown(path, 12345, 12346)
    (volume / "app.db").chmod(0o640)
    staging.copy_database(volume, "app.db", "databases/data")
    found = (staging.path / "databases/data/app.db").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (12345, 12346, 0o640)
    assert {(path.stat().st_uid, path.stat().st_gid) for path in volume.iterdir()} == {(12345, 12346)}


def test_a_database_that_is_locked_for_good_is_told(staging, volume, monkeypatch):
    monkeypatch.setattr(sqlite, "PATIENCE", 0.1)
    made(volume / "app.db", mode="delete")
    with closing(sqlite3.connect(volume / "app.db", isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BackupFailed, match=r"app\.db cannot be copied") as raised:
            staging.copy_database(volume, "app.db", "databases/data")
    assert raised.value.name == "database-unreadable"


def test_a_copy_again_copies_what_has_changed(staging, volume):
    (volume / "same").write_bytes(b"same")
    (volume / "changed").write_bytes(b"one")
    (volume / "gone").write_bytes(b"x")
    (volume / "kind").mkdir()
    (volume / "kind/inner").write_bytes(b"x")
    (volume / "link").symlink_to("same")
    os.mkfifo(volume / "pipe")
    staging._copied[volume] = (volume / "pipe").stat().st_ctime + 1  # as if they had been there for long
    staging.copy_volume(volume, "volumes/data")
    copy = staging.path / "volumes/data"
    copied = (copy / "same").stat().st_ino
    (volume / "changed").write_bytes(b"two")
    os.utime(volume / "changed", ns=(0, (copy / "changed").stat().st_mtime_ns + 1))
    (volume / "gone").unlink()
    (volume / "kind/inner").unlink()
    (volume / "kind").rmdir()
    (volume / "kind").write_bytes(b"a file now")
    staging.copy_volume(volume, "volumes/data", 60.0)
    assert {path.name for path in copy.iterdir()} == {"same", "changed", "kind", "link"}
    assert (copy / "changed").read_bytes() == b"two" and (copy / "kind").read_bytes() == b"a file now"
    assert (copy / "link").readlink().name == "same" and (copy / "same").stat().st_ino == copied


def test_a_file_that_was_changed_without_a_trace_since_the_first_copy_is_copied_again(staging, volume):
    (volume / "note").write_bytes(b"one")
    staging.copy_volume(volume, "volumes/data")
    times = (volume / "note").stat()
    (volume / "note").write_bytes(b"two")
    os.utime(volume / "note", ns=(times.st_atime_ns, times.st_mtime_ns))
    staging.copy_volume(volume, "volumes/data", 60.0)
    assert (staging.path / "volumes/data/note").read_bytes() == b"two"


def test_what_is_left_out_is_neither_found_nor_copied(staging, volume):
    for folder in ("tmp", "tmp2", "deep/tmp"):
        (volume / folder).mkdir(parents=True)
        made(volume / folder / "app.db", mode="delete")
    without = ["tmp", "deep/tmp/app.db"]
    assert set(staging.survey(volume, without).databases) == {"tmp2/app.db"}
    for _ in range(2):
        staging.copy_volume(volume, "volumes/data", without=without)
        copy = staging.path / "volumes/data"
        assert {str(path.relative_to(copy)) for path in copy.rglob("*")} == {"tmp2", "tmp2/app.db", "deep", "deep/tmp"}


def test_a_copy_ends_when_its_time_is_over(staging, volume):
    (volume / "note").write_bytes(b"x")
    with pytest.raises(TimeoutError):
        staging.copy_volume(volume, "volumes/data", -1.0)


def test_nobody_else_can_look_into_it_and_nothing_is_left(staging):
    staging.document("documents/settings.json", b"{}")
    assert (staging.path / "documents/settings.json").stat().st_mode & 0o777 == 0o600
    assert staging.path.stat().st_mode & 0o077 == staging.path.parent.stat().st_mode & 0o077 == 0
    staging.clear()
    staging.clear()
    assert not staging.path.parent.exists()
