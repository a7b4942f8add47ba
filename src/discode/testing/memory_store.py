"""A store in memory. The lock is that of a live process: `release_all` is what the kernel does when one dies.

`damaged` documents cannot be read until they are set aside or written anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from ..core.errors import Busy, StateError
from ..core.history import HistoryEntry
from ..core.installation import Installation
from ..core.journal import Journal
from ..core.kept import Kept
from ..core.own_certificate import OwnCertificate
from ..ports.store import Document


class MemoryStore:
    def __init__(self) -> None:
        self.installations: dict[str, Installation] = {}
        self.journals: dict[str, Journal] = {}
        self.revisions: dict[str, dict[int, dict[str, str]]] = {}
        self.certificates: dict[str, dict[int, OwnCertificate]] = {}
        self.entries: dict[str, list[HistoryEntry]] = {}
        self.kept_logs: dict[str, list[str]] = {}
        self.records: dict[str, Kept] = {}  # of what is kept
        self.locked: set[tuple[str, str]] = set()
        self.workspaces: set[str] = set()  # of these apps there is one
        self.damaged: set[tuple[str, Document]] = set()

    def lock(self, app: str) -> AbstractContextManager[None]:
        return self._alone(app, "lock")

    def asking(self, app: str) -> AbstractContextManager[None]:
        return self._alone(app, "asking")

    def backing_up(self, app: str) -> AbstractContextManager[None]:
        return self._alone(app, "backing up")

    @contextmanager
    def _alone(self, app: str, what: str) -> Iterator[None]:
        if (app, what) in self.locked:
            raise Busy(f"Another command works on {app}.", "Try again when it is done.")
        self.locked.add((app, what))
        try:
            yield
        finally:
            self.locked.discard((app, what))

    def release_all(self) -> None:
        self.locked.clear()

    def apps(self) -> list[str]:
        return sorted({*self.installations, *self.journals})

    def installation(self, app: str) -> Installation | None:
        self._must_be_whole(app, "installation")
        return self.installations.get(app)

    def save_installation(self, installation: Installation) -> None:
        app, journal = installation.app, self.journals.get(installation.app)
        self.installations[app] = installation
        self.damaged.discard((app, "installation"))
        sides = [installation, *([journal.before, journal.after] if journal else [])]
        needed = {side.settings for side in sides if side}
        kept = {number: values for number, values in self.revisions.get(app, {}).items() if number in needed}
        self.revisions[app] = kept
        self._drop_certificates(app, {side.route.certificate for side in sides if side})

    def delete_installation(self, app: str) -> None:
        one = self.installations.pop(app, None)
        if one is not None and (app, "installation") not in self.damaged:
            kept = {n: values for n, values in self.revisions.get(app, {}).items() if n == one.settings}
            self.revisions[app] = kept
        self.damaged.discard((app, "installation"))

    def save_kept(self, kept: Kept) -> None:
        self.records[kept.app] = kept

    def kept(self, app: str) -> Kept | None:
        has_left = app in self.records or self.revisions.get(app) or self.entries.get(app)
        return self.records.get(app, Kept(app=app)) if has_left else None

    def kept_apps(self) -> list[str]:
        left = {*self.records, *(app for app, revisions in self.revisions.items() if revisions)}
        return sorted(left - set(self.apps()))

    def journal(self, app: str) -> Journal | None:
        self._must_be_whole(app, "journal")
        return self.journals.get(app)

    def write_journal(self, journal: Journal) -> None:
        self.journals[journal.app] = journal
        self.damaged.discard((journal.app, "journal"))

    def clear_journal(self, app: str) -> None:
        self.workspaces.discard(app)
        self.journals.pop(app, None)
        self.damaged.discard((app, "journal"))
        if (app, "installation") not in self.damaged:
            one = self.installations.get(app)
            self._drop_certificates(app, {one.route.certificate} if one else set())

    def workspace(self, app: str) -> Path:
        self.workspaces.add(app)
        return Path("/memory") / app / "work"

    def settings(self, app: str, revision: int) -> dict[str, str]:
        return dict(self.revisions.get(app, {}).get(revision, {}))

    def latest_settings(self, app: str) -> tuple[int, dict[str, str]]:
        revisions = self.revisions.get(app, {})
        latest = max(revisions, default=0)
        return latest, dict(revisions.get(latest, {}))

    def save_settings(self, app: str, revision: int, settings: dict[str, str]) -> None:
        self.revisions.setdefault(app, {})[revision] = dict(settings)

    def certificate(self, app: str, revision: int) -> OwnCertificate | None:
        return self.certificates.get(app, {}).get(revision)

    def latest_certificate(self, app: str) -> int:
        return max(self.certificates.get(app, {}), default=0)

    def save_certificate(self, app: str, revision: int, certificate: OwnCertificate) -> None:
        self.certificates.setdefault(app, {})[revision] = certificate

    def _drop_certificates(self, app: str, needed: set[int]) -> None:
        self.certificates[app] = {n: one for n, one in self.certificates.get(app, {}).items() if n in needed}

    def append_history(self, app: str, entry: HistoryEntry) -> None:
        self.entries.setdefault(app, []).append(entry)

    def history(self, app: str) -> list[HistoryEntry]:
        self._must_be_whole(app, "history")
        return list(self.entries.get(app, []))

    def readable_history(self, app: str) -> tuple[list[HistoryEntry], int]:
        return list(self.entries.get(app, [])), int((app, "history") in self.damaged)

    def replace_history(self, app: str, entries: Sequence[HistoryEntry]) -> None:
        self.entries[app] = list(entries)
        self.damaged.discard((app, "history"))

    def keep_damaged(self, app: str, document: Document) -> str:
        return f"memory:{app}/{document}.damaged"

    def keep_log(self, app: str, instance: str, lines: Sequence[str]) -> str:
        self.kept_logs[instance] = list(lines)
        return f"memory:{instance}"

    def discard(self, app: str) -> None:
        for table in (self.revisions, self.certificates, self.records):
            table.pop(app, None)

    def purge(self, app: str) -> None:
        self.workspaces.discard(app)
        for table in self._tables():
            table.pop(app, None)
        self.kept_logs = {name: lines for name, lines in self.kept_logs.items() if not name.startswith(f"{app}-")}

    def _tables(self) -> Iterator[dict[str, Any]]:
        yield from (self.installations, self.revisions, self.certificates, self.entries, self.journals, self.records)

    def _must_be_whole(self, app: str, document: Document) -> None:
        if (app, document) in self.damaged:
            raise StateError(f"The {document} of {app} is damaged.", "See how to fix it: discode doctor")
