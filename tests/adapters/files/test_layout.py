"""Where files are, and who may read them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from discode.adapters.files import FileStore

from ..store_contract import APP, certificate, entry, installation, journal


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_settings_and_logs_are_readable_by_the_owner_alone(store: FileStore) -> None:
    store.save_settings(APP, 1, {"SECRET": "hush"})
    kept = store.keep_log(APP, "myapp-0123456789ab", ["line"])
    assert mode(store.home / "apps" / APP / "env.1") == 0o600
    assert mode(Path(kept)) == 0o600


def test_a_private_key_is_readable_by_the_owner_alone(store: FileStore) -> None:
    store.save_certificate(APP, 3, certificate(3))
    folder = store.home / "apps" / APP / "tls"
    assert {path.name: mode(path) for path in (folder, *folder.iterdir())} == {
        "tls": 0o700, "3.crt": 0o600, "3.key": 0o600,
    }  # fmt: skip
    assert mode(folder.parent) == mode(folder.parent.parent) == 0o755
    store.save_installation(installation())
    assert not folder.exists()


def test_the_newest_ten_logs_are_kept(store: FileStore) -> None:
    kept = [Path(store.keep_log(APP, "myapp-0123456789ab", [f"try {n}", "end"])) for n in range(12)]
    assert len(set(kept)) == 12
    assert [path.exists() for path in kept] == [False] * 2 + [True] * 10
    assert kept[-1].read_text() == "try 11\nend\n"


def test_a_log_that_is_no_text_is_kept_all_the_same(store: FileStore) -> None:
    assert Path(store.keep_log(APP, "myapp-0123456789ab", ["bad \udcff byte"])).read_text() == "bad ? byte\n"


def test_files_are_where_the_design_says(store: FileStore) -> None:
    store.save_settings(APP, 1, {})
    store.save_installation(installation())
    store.write_journal(journal(installation(), None))
    store.append_history(APP, entry("1.0.0"))
    names = {path.name for path in (store.home / "apps" / APP).iterdir()}
    assert names == {"env.1", "installation.json", "journal.json", "history.jsonl"}


def test_purge_leaves_files_of_others(store: FileStore) -> None:
    store.save_installation(installation())
    store.save_settings(APP, 1, {"SECRET": "hush"})
    folder = store.home / "apps" / APP
    (folder / "trust").mkdir()
    (folder / "trust" / "root.json").write_text("{}")
    (folder / "volumes").mkdir()
    store.purge(APP)
    assert [path.name for path in folder.iterdir()] == ["volumes"]
    (folder / "volumes").rmdir()
    store.purge(APP)
    assert not folder.exists()


def test_reading_makes_no_files(store: FileStore) -> None:
    store.installation(APP)
    store.latest_settings(APP)
    store.history(APP)
    store.clear_journal(APP)
    store.delete_installation(APP)
    store.purge(APP)
    assert list(store.home.iterdir()) == []
