"""The vendor's repository of signed releases: what `release publish` writes and `Releases` reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ..core.manifest import Archive
from ..core.release import Index


class Repository(Protocol):
    """Calls that sign raise Refused without the keys; nothing is half published, whatever happens."""

    def init(self) -> str:
        """Make the keys and an empty repository; the answer is the root's fingerprint. Raises Refused when there."""

    def index(self, app: str) -> Index:
        """What is published of an app; an empty index when nothing is."""

    def apps(self) -> list[str]: ...

    def pack(self, app: str, source: Path) -> tuple[Archive, Path]:
        """A folder or a tar archive as an artifact, and the file with its bytes, which the caller deletes."""

    def publish(self, app: str, files: dict[str, bytes | Path], change: Callable[[Index], Index]) -> Index:
        """Add target files, change the app's index, sign. Readers see all of it or nothing."""

    def renew(self) -> None:
        """Sign everything that expires again, for its full time."""
