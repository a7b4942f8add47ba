"""The store: what Discode remembers on this host. A write is there whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from ..core.history import HistoryEntry
from ..core.installation import Installation
from ..core.journal import Journal
from ..core.kept import Kept

if TYPE_CHECKING:  # what reads it is imported by the few commands that do
    from ..core.own_certificate import OwnCertificate

Document = Literal["journal", "installation", "history"]


class Store(Protocol):
    """Reads raise StateError when a file is damaged; writes raise Refused when the disk is full or read-only."""

    def lock(self, app: str) -> AbstractContextManager[None]:
        """Exclusive among all processes of the host; freed when the process dies. Raises Busy at once, unless the guard
        of a command that was killed holds it: that one is waited for."""

    def asking(self, app: str) -> AbstractContextManager[None]:
        """As `lock`, among those who ask the app's source or fetch from it: that may take long, and `lock` is free
        for others meanwhile. Whoever wants both takes this one first."""

    def backing_up(self, app: str) -> AbstractContextManager[None]:
        """As `lock`, among those who make a snapshot: that may take long, too. Whoever wants several takes `asking`
        first, then this, then `lock`."""

    def apps(self) -> list[str]:
        """Slugs of all installations, and of flows under way, in order."""

    def installation(self, app: str) -> Installation | None: ...

    def save_installation(self, installation: Installation) -> None:
        """Also deletes revisions of the settings, and certificates, that neither it nor a journal needs."""

    def delete_installation(self, app: str) -> None:
        """Its history stays, and its own revision of the settings: others were tried and did not make it."""

    def save_kept(self, kept: Kept) -> None:
        """For the time when the app is not installed: what a purge has to know then."""

    def kept(self, app: str) -> Kept | None:
        """What an app has left that is not installed; None when there is nothing. Without a record that can be read,
        what can be seen of it."""

    def kept_apps(self) -> list[str]:
        """Slugs of apps that are not installed, nor under way, and have left data or settings, in order."""

    def journal(self, app: str) -> Journal | None: ...

    def write_journal(self, journal: Journal) -> None: ...

    def clear_journal(self, app: str) -> None:
        """Also deletes certificates that the installation does not need; without one, all of them. And the
        workspace."""

    def workspace(self, app: str) -> Path:
        """A folder for the large files of a flow that has a journal, for the owner alone: empty, whatever was in it."""

    def settings(self, app: str, revision: int) -> dict[str, str]:
        """The settings at a revision; empty when there are none."""

    def latest_settings(self, app: str) -> tuple[int, dict[str, str]]:
        """The highest revision and its settings; (0, {}) when there are none."""

    def save_settings(self, app: str, revision: int, settings: dict[str, str]) -> None:
        """Readable by the owner alone."""

    def certificate(self, app: str, revision: int) -> OwnCertificate | None:
        """The customer's own certificate of a revision; None when there is none."""

    def latest_certificate(self, app: str) -> int:
        """The highest revision; 0 when there is none."""

    def save_certificate(self, app: str, revision: int, certificate: OwnCertificate) -> None:
        """Readable by the owner alone."""

    def append_history(self, app: str, entry: HistoryEntry) -> None: ...

    def history(self, app: str) -> list[HistoryEntry]:
        """Oldest first. A last line that was cut off is left out."""

    def readable_history(self, app: str) -> tuple[list[HistoryEntry], int]:
        """The entries that can be read, oldest first, and how many lines cannot."""

    def replace_history(self, app: str, entries: Sequence[HistoryEntry]) -> None:
        """All of them at once."""

    def keep_damaged(self, app: str, document: Document) -> str:
        """Keep what a damaged file says under another name too, before it is written anew; the answer says where."""

    def keep_log(self, app: str, instance: str, lines: Sequence[str]) -> str:
        """Keep the log of an instance that did not make it; the answer says where."""

    def discard(self, app: str) -> None:
        """Forget what a restore has brought of an app that did not come to be: its settings, certificate, trust, how
        its source and its repository are asked. Its history stays, and so does the id of its license's seat."""

    def purge(self, app: str) -> None:
        """Forget everything about the app: settings, history, trust, logs, what it has left."""
