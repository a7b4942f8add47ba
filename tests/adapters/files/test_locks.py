"""The lock between processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from discode.adapters.files import FileStore
from discode.core.errors import Busy, UsageError

from ..store_contract import APP, installation

HOLDER = """
import sys
from pathlib import Path
from discode.adapters.files import FileStore
with FileStore(Path(sys.argv[1]), sys.argv[2]).lock("myapp"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path)


@contextmanager
def holder(home: Path, command: str = "discode update") -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home), command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_busy_says_who_is_at_work(store: FileStore) -> None:
    with holder(store.home) as process:
        with pytest.raises(Busy) as raised, store.lock(APP):
            pass
        assert f"discode update myapp (pid {process.pid}) has been running since " in raised.value.sentence
        assert "Nothing was changed" in raised.value.sentence


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("discode guard", "An interrupted command for myapp is being settled; waiting for that."),
        ("discode update --check", "Another command is looking for a newer release of myapp; waiting for that."),
    ],
)
def test_what_ends_soon_is_waited_for(store: FileStore, command: str, told: str) -> None:
    said: list[str] = []
    with holder(store.home, command) as process:

        def say(text: str) -> None:
            said.append(text)
            assert process.stdin is not None
            process.stdin.close()

        with FileStore(store.home, "discode update", say).lock(APP):
            assert said == [told]


def test_a_killed_holder_holds_nothing(store: FileStore) -> None:
    with holder(store.home) as process:
        process.kill()
        process.wait()
        with store.lock(APP):
            pass


def test_a_stale_file_is_no_obstacle(store: FileStore) -> None:
    stale = store.home / "locks" / "myapp.lock"
    stale.parent.mkdir()
    stale.write_text('{"pid": 1, "command": "discode update myapp", "since": 1}')
    with store.lock(APP):
        assert f'"pid": {os.getpid()}' in stale.read_text()


@pytest.mark.parametrize("note", ["", "{", '{"pid": 1}', "[]"])
def test_busy_does_without_a_readable_note(store: FileStore, note: str) -> None:
    with store.lock(APP):
        (store.home / "locks" / "myapp.lock").write_text(note)
        with pytest.raises(Busy, match="Another command is running for myapp"), store.lock(APP):
            pass


def test_the_lock_holds_while_the_app_is_purged(store: FileStore) -> None:
    store.save_installation(installation())
    with store.lock(APP):
        store.purge(APP)
        with pytest.raises(Busy), store.lock(APP):
            pass
        store.save_installation(installation())
        with pytest.raises(Busy), store.lock(APP):
            pass


@pytest.mark.parametrize("name", ["../evil", "", "My App", "a/b"])
def test_names_never_leave_the_home(store: FileStore, name: str) -> None:
    with pytest.raises(UsageError), store.lock(name):
        pass
    with pytest.raises(UsageError):
        store.save_settings(name, 1, {})
