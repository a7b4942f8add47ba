"""Files that a crash or a bad disk left damaged, and disks that take no write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from discode.adapters.files import FileStore
from discode.core.errors import PreflightError, Refused, StateError
from rig.wait import wait_for

from ..store_contract import APP, entry, installation, journal
from .conftest import fill


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "home")


def folder_of(store: FileStore) -> Path:
    return store.home / "apps" / APP


@pytest.mark.parametrize("content", [b"", b"  \n", b'{"app": "my', b"[]", b"null", b"\x00\x00\x00", b"\xff{}", b"{}"])
@pytest.mark.parametrize("name", ["installation.json", "journal.json"])
def test_a_damaged_file_is_named_and_not_guessed(store: FileStore, name: str, content: bytes) -> None:
    folder_of(store).mkdir(parents=True)
    (folder_of(store) / name).write_bytes(content)
    with pytest.raises(StateError) as raised:
        store.installation(APP) if name == "installation.json" else store.journal(APP)
    assert str(folder_of(store) / name) in raised.value.sentence
    assert "your app was not touched" in raised.value.sentence
    assert "discode doctor" in raised.value.next_step
    assert store.apps() == [APP]


@pytest.mark.parametrize("content", [b"", b'{"values": {"A": 1}}', b'{"settings": {}}'])
def test_damaged_settings_are_not_taken_for_none(store: FileStore, content: bytes) -> None:
    store.save_settings(APP, 1, {"SECRET": "hush"})
    (folder_of(store) / "env.1").write_bytes(content)
    with pytest.raises(StateError):
        store.settings(APP, 1)


def test_a_newer_schema_anywhere_in_a_file_is_refused(store: FileStore) -> None:
    store.write_journal(journal(installation("1.0.0"), installation("2.0.0")))
    path = folder_of(store) / "journal.json"
    whole = json.loads(path.read_text())
    newer = [
        {**whole, "journal_schema": 99},
        json.loads(json.dumps(whole).replace('"manifest_schema": 1', '"manifest_schema": 99')),
    ]
    for document in newer:
        path.write_text(json.dumps(document))
        with pytest.raises(StateError) as raised:
            store.journal(APP)
        assert raised.value.name == "newer-schema"
        assert "newer Discode" in raised.value.sentence


def test_a_field_of_a_later_discode_is_kept(store: FileStore) -> None:
    store.save_installation(installation())
    path = folder_of(store) / "installation.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "window": "02:00"}))
    store.save_installation(installation("2.0.0"))
    saved = json.loads(path.read_text())
    assert saved["window"] == "02:00"
    assert saved["release"]["manifest"]["version"] == "2.0.0"


def test_a_damaged_journal_keeps_every_revision_of_the_settings(store: FileStore) -> None:
    for revision in (1, 2):
        store.save_settings(APP, revision, {"N": str(revision)})
    (folder_of(store) / "journal.json").write_bytes(b"")
    store.save_installation(installation(settings=2))
    assert store.settings(APP, 1) == {"N": "1"}


@pytest.mark.parametrize("rest", [b'{"started": 17', b"\x00\x00\x00\x00", b'{"a":"' + b"x" * 9000])
def test_a_cut_last_line_of_the_history_is_left_out_and_repaired(store: FileStore, rest: bytes) -> None:
    store.append_history(APP, entry("1.1.0"))
    path = folder_of(store) / "history.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + rest)
    assert store.history(APP) == [entry("1.1.0")]
    store.append_history(APP, entry("1.2.0"))
    assert store.history(APP) == [entry("1.1.0"), entry("1.2.0")]
    assert path.read_bytes().startswith(whole + b'{"started"')


def test_a_history_that_is_nothing_but_a_cut_line_begins_anew(store: FileStore) -> None:
    folder_of(store).mkdir(parents=True)
    (folder_of(store) / "history.jsonl").write_bytes(b"{")
    assert store.history(APP) == []
    store.append_history(APP, entry("1.1.0"))
    assert store.history(APP) == [entry("1.1.0")]


def test_a_damaged_line_inside_the_history_is_told_by_its_number(store: FileStore) -> None:
    store.append_history(APP, entry("1.1.0"))
    with (folder_of(store) / "history.jsonl").open("ab") as file:
        file.write(b"nonsense\n")
    with pytest.raises(StateError, match="line 2"):
        store.history(APP)


def test_a_damaged_line_can_be_left_out_and_is_kept_aside(store: FileStore) -> None:
    store.append_history(APP, entry("1.1.0"))
    path = folder_of(store) / "history.jsonl"
    path.write_bytes(b"nonsense\n" + path.read_bytes() + b"[]\n")
    assert store.readable_history(APP) == ([entry("1.1.0")], 2)
    aside = Path(store.keep_damaged(APP, "history"))
    store.replace_history(APP, [entry("1.1.0")])
    assert store.history(APP) == [entry("1.1.0")]
    assert aside.name.startswith("history.jsonl.damaged-") and aside.read_bytes().startswith(b"nonsense")
    assert Path(store.keep_damaged(APP, "history")) != aside
    store.purge(APP)
    assert not aside.exists()


def test_a_history_of_a_newer_discode_is_not_taken_for_damaged(store: FileStore) -> None:
    store.append_history(APP, entry("1.1.0"))
    path = folder_of(store) / "history.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"history_schema":1', b'"history_schema":99'))
    with pytest.raises(StateError) as raised:
        store.history(APP)
    assert raised.value.name == "newer-schema"


def test_temporary_files_of_the_dead_go_at_the_next_write_and_those_of_the_living_stay(store: FileStore) -> None:
    store.save_installation(installation())
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = folder_of(store) / f".env.7.{ended.pid}.tmp"
    living = folder_of(store) / f".env.8.{os.getppid()}.tmp"
    left.write_text("secret")
    living.write_text("secret")
    store.write_journal(journal(None, installation()))
    assert not left.exists()
    assert living.exists()


def test_a_full_disk_refuses_and_changes_nothing(small_disk: Path) -> None:
    store = FileStore(small_disk)
    store.save_installation(installation("1.0.0"))
    store.append_history(APP, entry("1.0.0"))
    store.save_settings(APP, 1, {"A": "1"})
    fill(small_disk)
    before = {path.name: path.read_bytes() for path in folder_of(store).iterdir()}
    writes: tuple[Callable[[], object], ...] = (
        lambda: store.save_installation(installation("2.0.0")),
        lambda: store.write_journal(journal(None, installation())),
        lambda: store.save_settings(APP, 2, {"A": "x" * 70_000}),
        lambda: store.append_history(APP, entry("2.0.0", error="x" * 70_000)),
        lambda: store.keep_log(APP, "myapp-0123456789ab", ["x" * 70_000]),
    )
    for write in writes:
        with pytest.raises(PreflightError) as raised:
            write()
        assert raised.value.name == "disk-full"
        assert "It stays as it was" in raised.value.sentence
    assert {path.name: path.read_bytes() for path in folder_of(store).iterdir() if path.is_file()} == before
    with store.lock(APP):
        store.clear_journal(APP)


def test_a_read_only_disk_refuses(small_disk: Path) -> None:
    store = FileStore(small_disk)
    store.save_installation(installation("1.0.0"))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    writes: tuple[Callable[[], object], ...] = (
        lambda: store.save_installation(installation("2.0.0")),
        lambda: store.append_history(APP, entry("1.0.0")),
        lambda: store.delete_installation(APP),
        lambda: store.lock("another").__enter__(),
        lambda: store.purge(APP),
    )
    for write in writes:
        with pytest.raises(PreflightError) as raised:
            write()
        assert raised.value.name == "read-only"
    found = store.installation(APP)
    assert found is not None
    assert found.version == "1.0.0"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_files_of_another_user_are_refused_in_words(store: FileStore) -> None:
    store.save_installation(installation())
    store.home.chmod(0o700)
    os.seteuid(65534)
    try:
        with pytest.raises(Refused) as read:
            store.installation(APP)
        with pytest.raises(Refused) as written:
            store.write_journal(journal(None, installation()))
        with pytest.raises(Refused) as listed:
            store.apps()
    finally:
        os.seteuid(0)
    assert {error.value.name for error in (read, written, listed)} == {"no-permission"}
    assert "owner" in read.value.next_step


def test_a_write_that_is_killed_leaves_the_old_file_or_the_new_one(store: FileStore, tmp_path: Path) -> None:
    """A process writes without end and is killed at moments that nobody chose."""
    program = (
        "import sys; from pathlib import Path; from discode.adapters.files import FileStore\n"
        "store = FileStore(Path(sys.argv[1])); n = 0\n"
        "while True:\n"
        "    n += 1; store.save_settings('myapp', 1, {'N': str(n), 'FILL': 'x' * 100_000})\n"
    )
    for _ in range(4):
        with subprocess.Popen([sys.executable, "-c", program, str(store.home)]) as writer:
            path = folder_of(store) / "env.1"
            path.unlink(missing_ok=True)
            wait_for(path.exists)
            writer.kill()
        assert len(store.settings(APP, 1)["FILL"]) == 100_000
    store.save_settings(APP, 1, {})
    assert [path.name for path in folder_of(store).iterdir()] == ["env.1"]
