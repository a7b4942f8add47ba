"""The vendor's adapters, for `discode release`."""

from __future__ import annotations

from pathlib import Path

from ..ports.images import ImageRegistry
from ..ports.repository import Repository


def repository(folder: Path, keys: Path) -> Repository:
    from ..adapters.repository import FolderRepository

    return FolderRepository(folder, keys)


def registry() -> ImageRegistry:
    from ..adapters.registry import RegistryClient

    return RegistryClient()
