"""FileStore on real folders: the port's contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from discode.adapters.files import FileStore

from ..store_contract import StoreContract


class TestFileStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> FileStore:
        return FileStore(tmp_path / "home")
