"""FileStore on real folders: the port's contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from discode.adapters.files import FileStore
from discode.core.installation import Installation

from ..store_contract import StoreContract, installation


class TestFileStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> FileStore:
        return FileStore(tmp_path / "home")


def test_no_installation_in_memory_has_a_login_in_its_address():
    read = Installation.read({**installation().as_dict(), "source": "https://ann:pw@hub.example/a"})
    assert read.source == read.changed(channel="beta").source == "https://hub.example/a"


def test_a_workspace_is_the_owners_and_goes_with_the_journal(tmp_path):
    store = FileStore(tmp_path / "home")
    folder = store.workspace("myapp")
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "db.dump").write_text("secret")
    assert list(store.workspace("myapp").iterdir()) == []
    (folder / "db.dump").write_text("secret")
    store.clear_journal("myapp")
    assert not folder.exists()
