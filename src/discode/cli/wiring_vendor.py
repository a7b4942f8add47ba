"""The vendor's adapters, for `discode release`."""

from __future__ import annotations

from pathlib import Path

from ..ports.repository import Repository


def repository(folder: Path, keys: Path) -> Repository:
    from ..adapters.repository import FolderRepository

    return FolderRepository(folder, keys)


def hub_repository(url: str, token_file: Path | None, keys: Path) -> Repository:
    """Raises UsageError without an API token."""
    from ..adapters.hub_api import vendor_token
    from ..adapters.repository import HubRepository

    return HubRepository(url, vendor_token(token_file), keys)
