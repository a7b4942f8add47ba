"""Backups in memory keep the contract of restic's."""

from pathlib import Path

import pytest
from backups_contract import BackupsContract

from discode.core.backup_errors import RepositoryDenied, RepositoryFull
from discode.testing.memory_backups import MemoryBackups, MemoryStorage


class Bench:
    def __init__(self):
        self.storage, self.files = MemoryStorage(), {}
        self.staged, self.volume = Path("/memory/staging"), Path("/memory/volumes/data")

    def backups(self, app="myapp", password="right"):
        return MemoryBackups(app, self.storage, password, self.files)

    def write(self, path, data):
        self.files[path] = data

    def read(self, path):
        return self.files.get(path)

    def fill(self):
        self.storage.trouble = RepositoryFull("It has no room left.")

    def deny(self):
        self.storage.trouble = RepositoryDenied("It may not be used.")


@pytest.fixture
def bench():
    return Bench()


class TestMemoryBackups(BackupsContract):
    """The contract, in memory."""
