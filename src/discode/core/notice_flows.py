"""What the history of an app is worth telling who is not looking: each line once, for it has a place in the history.

What a person has typed to stop, start or configure the app is no news to them; how it ended is, where it was
interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .history import GUARD, QUIET, HistoryEntry
from .notice import Severity, Words
from .trouble import Event

TOLD = ("update", "rollback", "restore")
_DONE = {"update": "updated to", "rollback": "back on", "restore": "restored, and on"}
_NAMES = {"update": "update", "rollback": "rollback", "restore": "restore"}


def events_of(app: str, entries: Iterable[HistoryEntry]) -> Iterator[Event]:
    for entry in entries:
        if entry.flow == GUARD:
            yield _given_up(app, entry)
        elif entry.flow in QUIET:  # how backups and drills end is a trouble, or none
            continue
        elif entry.outcome.startswith("settled"):
            yield _settled(app, entry)
        elif entry.flow in TOLD:
            yield _done(app, entry) if entry.outcome == "done" else _failed(app, entry)


def serving(app: str, version: str | None) -> str:
    return f"{app} {version}" if version else "nothing"


def _done(app: str, one: HistoryEntry) -> Event:
    before = f", from {one.from_version}" if one.from_version and one.from_version != one.to_version else ""
    text = f"{app} is {_DONE[one.flow]} {one.to_version}{before}."
    back = f"discode rollback {app}" if one.flow == "update" else ""
    step = f"None. If it is not as it should be: {back}" if back else ""
    words = Words(text.rstrip("."), text, step, _serves(app, one))
    return Event(f"{one.flow}-done", app, "info", words)


def _failed(app: str, one: HistoryEntry) -> Event:
    to = f" to {one.to_version}" if one.to_version else ""
    text = f"The {_NAMES[one.flow]} of {app}{to} failed: {one.error or 'no reason was recorded'}"
    severity: Severity = "warning" if one.serves else "critical"
    words = Words(f"{app}: the {_NAMES[one.flow]}{to} failed", text, f"discode history {app}", _serves(app, one))
    return Event(f"{one.flow}-failed", app, severity, words)


def _settled(app: str, one: HistoryEntry) -> Event:
    how = "finished" if one.outcome == "settled-forward" else "taken back"
    why = f" {one.error}" if one.error else ""
    text = f"The {one.flow} of {app} was interrupted, and has been {how}.{why}"
    words = Words(f"{app}: an interrupted {one.flow} was {how}", text, f"discode status {app}", _serves(app, one))
    return Event("settled", app, "warning", words)


def _given_up(app: str, one: HistoryEntry) -> Event:
    text = one.error or f"An interrupted command of {app} could not be settled."
    words = Words(f"{app}: an interrupted command could not be settled", text, f"discode settle {app}")
    return Event("not-settled", app, "critical", words)


def _serves(app: str, one: HistoryEntry) -> str:
    return serving(app, one.serves)
