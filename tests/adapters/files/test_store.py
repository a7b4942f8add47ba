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
