"""What this machine has told, what waits to be told, and how far it has read each history: one value, kept whole.

So an event and the memory that it was taken are written at once: a kill loses none, and doubles none. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .history import HistoryEntry
from .model import Model
from .notice import Notice
from .notice_address import Address
from .notice_flows import events_of
from .outbox import Outbox
from .report import lines_after
from .trouble import Event, Trouble

SCHEMA = 1
HOUR = 3600.0
LOOK_FOR_UPDATES = 6 * HOUR  # seconds between two questions to an app's source whether there is something new


class Position(Model, frozen=True, kw_only=True):
    """How far a history was read: `count` lines, and `at` of the last of them, by which that is found where lines are
    gone."""

    count: int = 0
    at: float = 0.0

    @classmethod
    def end_of(cls, history: Sequence[HistoryEntry]) -> Position:
        return cls(count=len(history), at=history[-1].at) if history else cls()

    def after(self, history: Sequence[HistoryEntry]) -> Sequence[HistoryEntry]:
        if self.count == 0:
            return history
        is_there = self.count <= len(history) and history[self.count - 1].at == self.at
        return history[self.count :] if is_there else lines_after(history, self.at)


class Book(Model, frozen=True, kw_only=True):
    """`is_on`: there is an address; else nothing is told, nor remembered. `positions`: by app, how
    far its history was read; `asked`: by app, when its source was asked last. `looked`, `beat`: when everything was
    looked at last, and when the dead man's address was called."""

    notices_schema: int = SCHEMA
    begun: float
    is_on: bool = True
    number: int = 0
    positions: Mapping[str, Position] = {}
    asked: Mapping[str, float] = {}
    troubles: Mapping[str, Trouble] = {}
    outboxes: Mapping[str, Outbox] = {}
    looked: float = 0.0
    beat: float = 0.0
    beat_trouble: str = ""

    def with_events(self, events: Iterable[Event], addresses: Sequence[Address], now: float) -> Book:
        """Numbered, and put into the outbox of each address that wants them. Outboxes of others go."""
        number, outboxes = self.number, {one.name: self.outbox(one.name) for one in addresses}
        for event in events:
            number += 1
            notice = Notice.of(number, now, event.event, event.app, event.severity, event.words, event.is_recovery)
            for address in addresses:
                if address.wants(notice):
                    outboxes[address.name] = outboxes[address.name].with_notice(notice)
        return self.changed(number=number, outboxes=outboxes)

    def outbox(self, name: str) -> Outbox:
        return self.outboxes.get(name, Outbox())

    def with_outbox(self, name: str, outbox: Outbox) -> Book:
        return self.changed(outboxes={**self.outboxes, name: outbox})

    def having_read(self, app: str, history: Sequence[HistoryEntry]) -> tuple[Book, list[Event]]:
        """What is new in a history. Of an app that is new here, what came after the first address."""
        told = self.positions.get(app)
        new = told.after(history) if told is not None else [one for one in history if one.at > self.begun]
        positions = {**self.positions, app: Position.end_of(history)}
        return self.changed(positions=positions), list(events_of(app, new))

    def may_ask(self, app: str, now: float) -> bool:
        return not 0 <= now - self.asked.get(app, 0.0) < LOOK_FOR_UPDATES

    def having_asked(self, apps: Iterable[str], now: float) -> Book:
        return self.changed(asked={**self.asked, **dict.fromkeys(apps, now)})

    def must_beat(self, now: float) -> bool:
        return not 0 <= now - self.beat < HOUR


def begun(was: Book | None, now: float, histories: Mapping[str, Sequence[HistoryEntry]]) -> Book:
    """With the first address: what was before is no news. Numbers go on."""
    ends = {app: Position.end_of(lines) for app, lines in histories.items()}
    return idle(was, now).changed(is_on=True, positions=ends)


def idle(was: Book | None, now: float) -> Book:
    """Without an address."""
    if was is None:
        return Book(begun=now, is_on=False)
    return Book(begun=now, is_on=False, number=was.number, beat=was.beat, beat_trouble=was.beat_trouble)
