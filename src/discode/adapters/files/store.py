"""FileStore: what Discode remembers on this host, as files below its home.

    apps/<slug>/installation.json, journal.json, history.jsonl, kept.json, env.<revision>, failed/, trust/,
                 work/
    locks/<slug>.lock, <slug>.asking.lock, <slug>.backup.lock

Whoever writes holds the app's lock; readers need none, for every file is replaced whole.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import StateError
from ...core.history import HistoryEntry
from ...core.installation import Installation
from ...core.journal import Journal
from ...core.kept import Kept
from ...core.names import SLUG, check_slug
from ...disk.folders import sync_folder
from ...disk.lines import append_line, read_lines
from ...ports.store import Document
from . import certificates, documents, logs, revisions, workspace
from .access import Accesses
from .aside import keep_damaged
from .belongings import HISTORY, INSTALLATION, JOURNAL, KEPT, LOGS, SEAT
from .disk import reading, write_whole, writing
from .home import close_home
from .locks import locked
from .purge import discard, purge

if TYPE_CHECKING:
    from ...core.own_certificate import OwnCertificate

_FILES: dict[Document, str] = {"installation": INSTALLATION, "journal": JOURNAL, "history": HISTORY}


class FileStore:
    """The store port. `command` is what the user runs, for the message to others: `discode update`. `note` tells the
    user what they wait for."""

    def __init__(self, home: Path, command: str = "discode", note: Callable[[str], None] = lambda text: None):
        self.home = home
        self.command = command
        self._note = note

    @contextmanager
    def lock(self, app: str) -> Iterator[None]:
        with self._locked(f"{check_slug(app)}.lock", app):
            Accesses(self.home).take_over(app)
            yield

    def asking(self, app: str) -> AbstractContextManager[None]:
        return self._locked(f"{check_slug(app)}.asking.lock", app)

    def backing_up(self, app: str) -> AbstractContextManager[None]:
        return self._locked(f"{check_slug(app)}.backup.lock", app)

    def apps(self) -> list[str]:
        return [name for name in self._slugs() if self._is_known(name)]

    def installation(self, app: str) -> Installation | None:
        return documents.load(self._folder(app) / INSTALLATION, Installation)

    def save_installation(self, installation: Installation) -> None:
        folder = self._folder(installation.app)
        documents.save(folder / INSTALLATION, installation)
        try:
            journal = self.journal(installation.app)
        except StateError:
            return  # a damaged journal cannot say which settings it needs: all of them stay
        sides = [installation, *([journal.before, journal.after] if journal else [])]
        revisions.drop_revisions(folder, {side.settings for side in sides if side})
        certificates.drop(folder, {side.route.certificate for side in sides if side})

    def delete_installation(self, app: str) -> None:
        try:
            one = self.installation(app)
        except StateError:
            one = None  # it cannot say which settings are its own: all of them stay
        if one is not None:
            revisions.drop_revisions(self._folder(app), {one.settings})
        self._delete(self._folder(app) / INSTALLATION)

    def save_kept(self, kept: Kept) -> None:
        documents.save(self._folder(kept.app) / KEPT, kept)

    def kept(self, app: str) -> Kept | None:
        folder = self._folder(app)
        try:
            found = documents.load(folder / KEPT, Kept)
        except StateError:
            found = None
        names = {path.name for path in _entries(folder)} - {SEAT}
        # Data in the app's own folder is that of an archive.
        return found or (Kept(app=app, kind="archive" if "volumes" in names else None) if names else None)

    def kept_apps(self) -> list[str]:
        return [app for app in self._slugs() if not self._is_known(app) and self._has_left(app)]

    def journal(self, app: str) -> Journal | None:
        return documents.load(self._folder(app) / JOURNAL, Journal)

    def write_journal(self, journal: Journal) -> None:
        documents.save(self._folder(journal.app) / JOURNAL, journal)

    def clear_journal(self, app: str) -> None:
        workspace.clear(self._folder(app))
        self._delete(self._folder(app) / JOURNAL)
        try:
            one = self.installation(app)
        except StateError:
            return  # it cannot say which certificate is its own: all of them stay
        certificates.drop(self._folder(app), {one.route.certificate} if one else set())

    def workspace(self, app: str) -> Path:
        return workspace.make(self._folder(app))

    def settings(self, app: str, revision: int) -> dict[str, str]:
        return revisions.read_revision(self._folder(app), revision)

    def latest_settings(self, app: str) -> tuple[int, dict[str, str]]:
        revision = revisions.latest_revision(self._folder(app))
        return revision, self.settings(app, revision)

    def save_settings(self, app: str, revision: int, settings: dict[str, str]) -> None:
        revisions.write_revision(self._folder(app), revision, settings)

    def certificate(self, app: str, revision: int) -> OwnCertificate | None:
        return certificates.read(self._folder(app), revision)

    def latest_certificate(self, app: str) -> int:
        return certificates.latest(self._folder(app))

    def save_certificate(self, app: str, revision: int, certificate: OwnCertificate) -> None:
        certificates.write(self._folder(app), revision, certificate)

    def append_history(self, app: str, entry: HistoryEntry) -> None:
        path = self._folder(app) / HISTORY
        with writing(path):
            append_line(path, entry.as_json().encode())

    def history(self, app: str) -> list[HistoryEntry]:
        path = self._folder(app) / HISTORY
        return [_entry(path, number, line) for number, line in enumerate(_lines(path), 1)]

    def readable_history(self, app: str) -> tuple[list[HistoryEntry], int]:
        path, found, unread = self._folder(app) / HISTORY, [], 0
        for number, line in enumerate(_lines(path), 1):
            try:
                found.append(_entry(path, number, line))
            except StateError:
                unread += 1
        return found, unread

    def replace_history(self, app: str, entries: Sequence[HistoryEntry]) -> None:
        text = "".join(f"{entry.as_json()}\n" for entry in entries)
        write_whole(self._folder(app) / HISTORY, text.encode())

    def keep_damaged(self, app: str, document: Document) -> str:
        return keep_damaged(self._folder(app) / _FILES[document])

    def keep_log(self, app: str, instance: str, lines: Sequence[str]) -> str:
        return str(logs.keep_log(self._folder(app) / LOGS, instance, lines, int(time.time())))

    def discard(self, app: str) -> None:
        discard(self._folder(app))

    def purge(self, app: str) -> None:
        """Its backups in Discode's own home, too: their password goes with the rest."""
        from .backup_plans import drop_local

        drop_local(self.home, app)
        purge(self._folder(app))

    def _locked(self, name: str, app: str) -> AbstractContextManager[None]:
        close_home(self.home)
        return locked(self.home / "locks" / name, app, f"{self.command} {app}", self._note)

    def _folder(self, app: str) -> Path:
        return self.home / "apps" / check_slug(app)

    def _slugs(self) -> list[str]:
        folder = self.home / "apps"
        try:
            with reading(folder):
                return sorted(path.name for path in folder.iterdir() if SLUG.fullmatch(path.name))
        except FileNotFoundError:
            return []

    def _has_left(self, app: str) -> bool:
        folder = self.home / "apps" / app
        there = (folder / KEPT).exists() or (folder / "volumes").exists()
        return there or revisions.latest_revision(folder) > 0

    def _is_known(self, app: str) -> bool:
        folder = self.home / "apps" / app
        return (folder / INSTALLATION).exists() or (folder / JOURNAL).exists()

    def _delete(self, path: Path) -> None:
        if not path.parent.is_dir():
            return
        with writing(path):
            path.unlink(missing_ok=True)
            sync_folder(path.parent)


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _lines(path: Path) -> list[bytes]:
    with reading(path):
        return read_lines(path)


def _entry(path: Path, number: int, line: bytes) -> HistoryEntry:
    try:
        raw = json.loads(line)
        documents.refuse_newer(path, raw)
        return HistoryEntry.read(raw)
    except ValueError:  # msgspec's ValidationError is one
        raise documents.damaged(path, f"line {number} is not an entry of the history") from None
