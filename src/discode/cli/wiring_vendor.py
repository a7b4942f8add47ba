"""The vendor's adapters, for `discode release`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..ports.images import ImageRegistry
from ..ports.repository import Repository

if TYPE_CHECKING:
    from ..adapters.hub_api import HubApi
    from ..ports.repository import Imported


def repository(folder: Path, keys: Path) -> Repository:
    from ..adapters.repository import FolderRepository

    return FolderRepository(folder, keys)


def hub_repository(url: str, token_file: Path | None, keys: Path) -> Repository:
    """Raises UsageError without an API token."""
    from ..adapters.hub_api import vendor_token
    from ..adapters.repository import HubRepository

    return HubRepository(url, vendor_token(token_file), keys)


def hub_about(url: str) -> dict[str, Any]:
    """What a hub says of itself to everybody. Raises SourceUnreachable."""
    from ..adapters.hub_api import HubApi
    from ..core.hub_answers import About

    return dict(HubApi(url).call("GET", "/api/v1/hub", About))


def import_chain(source: str, keys: Path) -> Imported:
    """Raises Refused, or SourceUnreachable."""
    from ..adapters.repository import import_chain

    return import_chain(source, keys)


def hub_api(url: str, token_file: Path | None) -> HubApi:
    """Raises UsageError without an API token."""
    from ..adapters.hub_api import HubApi, vendor_token

    return HubApi(url, f"Bearer {vendor_token(token_file)}")


def registry() -> ImageRegistry:
    from ..adapters.registry import RegistryClient

    return RegistryClient()
