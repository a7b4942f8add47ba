"""Troubles: what is wrong as long as it is wrong, told once, and once that it is over. Pure.

unseen   nothing is wrong, or not for long enough to say so
open     it was told; `level` is how bad it was then
over     it is well again, and has been for long enough: that is told, and the trouble is forgotten

What cannot be looked at now stays as it is. Only the time that passes between looks counts, never a clock that jumps: a
moment that lies ahead of now is taken for now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from .model import Model
from .notice import Severity, Words

_NONE = Words("", "")


@dataclass(frozen=True)
class View:
    """What is seen of one thing that can go wrong.

    bad       with the words for it
    well      with the words for its recovery
    gone      there is nothing to be well any more, or its end is told by something else: forgotten without a word
    unknown   it cannot be looked at now

    `level` grows as it gets worse, and each growth is told. `mark` tells one trouble from the next of its kind, which
    is told, too. `patience` and `calm`: seconds for which it has to be bad, or well, before that is told. `lasting`: up
    to this level nothing but another mark ends it, for it depends on the clock alone.
    """

    key: str
    app: str
    state: Literal["bad", "well", "gone", "unknown"]
    words: Words = _NONE
    severity: Severity = "warning"
    level: int = 1
    mark: str = ""
    patience: float = 0.0
    calm: float = 0.0
    lasting: int = 0


class Trouble(Model, frozen=True, kw_only=True):
    """`since`: Unix time of the first look that saw it; `well_since` of the first that does not any more, None while it
    is there. `level` 0: it has not been told yet. `subject`: as it was told."""

    app: str
    since: float
    level: int = 0
    mark: str = ""
    severity: Severity = "warning"
    well_since: float | None = None
    subject: str = ""


@dataclass(frozen=True)
class Event:
    """What a view has made worth telling."""

    event: str
    app: str
    severity: Severity
    words: Words
    is_recovery: bool = False


def observed(
    known: Mapping[str, Trouble], views: Iterable[View], unseen: Collection[str], now: float
) -> tuple[dict[str, Trouble], list[Event]]:
    """The troubles after a look, and what is to be told. `unseen`: apps of which there may be more than the views
    say."""
    troubles: dict[str, Trouble] = {}
    events: list[Event] = []
    seen: set[str] = set()
    for view in views:
        seen.add(view.key)
        trouble, event = _after(known.get(view.key), view, now)
        if trouble is not None:
            troubles[view.key] = trouble
        events += [event] if event else []
    kept = {key: one for key, one in known.items() if key not in seen and one.app in unseen}
    return {**kept, **troubles}, events


def _after(was: Trouble | None, view: View, now: float) -> tuple[Trouble | None, Event | None]:
    match view.state:
        case "unknown":
            return was, None
        case "bad":
            return _bad(was or Trouble(app=view.app, since=now), view, now)
        case "well" if was is not None and was.level:
            return _well(was, view, now)
    return None, None


def _bad(was: Trouble, view: View, now: float) -> tuple[Trouble, Event | None]:
    since = min(was.since, now)
    is_new = view.level > was.level or bool(view.mark and view.mark != was.mark)
    here = was.changed(since=since, well_since=None)
    if not is_new or now - since < view.patience:
        return here, None
    told = here.changed(
        level=view.level, mark=view.mark or was.mark, severity=view.severity, subject=view.words.subject
    )
    return told, Event(_kind(view), view.app, view.severity, view.words)


def _well(was: Trouble, view: View, now: float) -> tuple[Trouble | None, Event | None]:
    if was.level <= view.lasting and view.mark == was.mark:
        return was, None
    since = now if was.well_since is None else min(was.well_since, now)
    if now - since < view.calm:
        return was.changed(well_since=since), None
    return None, Event(_kind(view), view.app, was.severity, view.words, is_recovery=True)


def _kind(view: View) -> str:
    return view.key.partition(":")[0]
