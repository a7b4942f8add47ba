"""The release source: verified metadata, manifests and archives of one app. A hub, a folder or a static site."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..core.release import Index, IndexEntry, Release
from .report import Report


@dataclass(frozen=True)
class Credentials:
    """For one pull from an image registry; never stored. A name and a password, or a registry's own `token`; `ends` in
    seconds of the monotonic clock, None where that is not known.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    ends: float | None = None


class Releases(Protocol):
    """Every call may raise TrustError (what came does not verify) or SourceUnreachable (nothing came)."""

    def index(self) -> Index:
        """The app's index: fresh, signed, not older than any seen before."""

    def release(self, entry: IndexEntry) -> Release:
        """The release that an entry of the index names."""

    def archive(self, release: Release, report: Report) -> Path:
        """The release's archive as a local file whose length and hash have been verified."""

    def credentials(self, repository: str) -> Credentials | None:
        """For pulling from an image repository, asked for at each pull; None when it is public."""


class Sources(Protocol):
    def open(self, app: str, source: str, product: str = "") -> Releases:
        """The releases of `app` at `source`: a path or an address. `product`: its name there, where it has another one
        here. Raises UsageError when it is neither."""
