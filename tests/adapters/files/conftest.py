"""Real broken disks: a file system too small, and one that is read-only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from small_disk import small_disk as disk_of


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB of its own."""
    with disk_of(tmp_path / "disk", "64k", lazy=False) as folder:
        yield folder


def fill(folder: Path) -> None:
    """Leave no byte free."""
    with (folder / "ballast").open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return
