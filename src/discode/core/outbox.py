"""What waits for one address: bounded, in order, tried again ever more seldom while it cannot be delivered. Pure."""

from __future__ import annotations

from collections.abc import Collection

from .model import Model
from .notice import Notice, rank

MOST = 100  # notices that wait for an address
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0  # seconds between two tries


class Outbox(Model, frozen=True, kw_only=True):
    """`dropped`: how many there was no room for, since the last message. `tries` in vain, in a row; `tried`: Unix time
    of the last of them, `trouble` why it was in vain."""

    waiting: tuple[Notice, ...] = ()
    dropped: int = 0
    tries: int = 0
    tried: float = 0.0
    trouble: str = ""

    def with_notice(self, notice: Notice) -> Outbox:
        waiting = (*self.waiting, notice)
        if len(waiting) <= MOST:
            return self.changed(waiting=waiting)
        least = min(waiting, key=lambda one: rank(one.severity))  # the first of them, which is the oldest
        return self.changed(waiting=tuple(one for one in waiting if one is not least), dropped=self.dropped + 1)

    def due(self, now: float, *, quiet: bool) -> tuple[Notice, ...]:
        """What is to be sent now. In quiet hours the worst alone; after a try in vain not before a pause, unless the
        worst has come since. A clock that was set back ends the pause."""
        found = tuple(one for one in self.waiting if not quiet or one.severity == "critical")
        is_news = any(one.severity == "critical" and one.at > self.tried for one in found)
        return found if is_news or not 0 <= now - self.tried < self.pause else ()

    @property
    def pause(self) -> float:
        """Seconds; 0 when the last try was none in vain."""
        return min(FIRST_PAUSE * 2.0 ** min(self.tries - 1, 10), LONGEST_PAUSE) if self.tries else 0.0

    def delivered(self, sent: Collection[Notice]) -> Outbox:
        numbers = {one.number for one in sent}
        return Outbox(waiting=tuple(one for one in self.waiting if one.number not in numbers))

    def failed(self, now: float, trouble: str) -> Outbox:
        return self.changed(tries=self.tries + 1, tried=now, trouble=trouble)
