"""Release: long sessions are let go one after another, so that their clients do not all come back at once."""

from __future__ import annotations

from collections.abc import Sequence

from ..haproxy.sessions import Session

PER_SECOND = 50  # WebSockets or event streams let go in a second, unless the time is too short for that


class Release:
    """Which long sessions are let go when: `start` and `span` in seconds of the monotonic clock."""

    def __init__(self, sessions: Sequence[Session], start: float, span: float):
        step = min(1 / PER_SECOND, span / max(len(sessions), 1))
        self._waiting = [(start + step * number, session) for number, session in enumerate(sessions)]

    def due(self, now: float) -> list[Session]:
        ready = [session for moment, session in self._waiting if moment <= now]
        self._waiting = [(moment, session) for moment, session in self._waiting if moment > now]
        return ready
