"""Data of processes is swapped by renames of folders, and each of them may be the last thing that is done."""

import contextlib
from pathlib import Path

import pytest
from swap_contract import APP, OLD, Dying, SwapContract

from discode.adapters.process.runtime import ProcessRuntime
from discode.testing.faults import Crash


class Disk:
    def __init__(self, home, patch):
        self.runtime, self._volumes, self._patch = ProcessRuntime(home), home / "apps" / APP / "volumes", patch
        for path, text in OLD.items():
            self.write(self._volumes / path, text)

    def write(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def read(self):
        found = [path for path in self._volumes.rglob("*") if path.is_file()]
        return {str(path.relative_to(self._volumes)): path.read_text() for path in found}

    @contextlib.contextmanager
    def dies_at(self, change):
        dying, rename = Dying(change), Path.rename

        def renamed(path, target):
            dying()
            return rename(path, target)

        with self._patch.context() as patched, contextlib.suppress(Crash):
            patched.setattr(Path, "rename", renamed)
            yield


@pytest.fixture
def disk(tmp_path, monkeypatch):
    return Disk(tmp_path / "home", monkeypatch)


class TestProcessSwaps(SwapContract):
    """The contract, on real folders."""


def test_what_appears_where_the_volumes_were_halfway_is_kept(disk):
    place = disk.runtime.incoming(APP, "one")
    disk.write(place / "data/note", "new")
    with disk.dies_at(1):
        disk.runtime.swap_data(APP, "one")
    disk.write(disk._volumes / "data/stray", "of nobody")
    disk.runtime.swap_data(APP, "one")
    assert disk.read() == {"data/note": "new"}
    assert (place.parent / "found-1/data/stray").read_text() == "of nobody"
