"""Release: long sessions are closed one after another, so that their clients do not all reconnect at once."""

from __future__ import annotations

from collections.abc import Sequence

from ..haproxy.sessions import Session

PER_SECOND = 50  # WebSockets or event streams closed a second, unless there is too little time for that


class Release:
    """When each long session is to be closed. `start` and `span`: seconds of the monotonic clock."""

    def __init__(self, sessions: Sequence[Session], start: float, span: float):
        step = min(1 / PER_SECOND, span / max(len(sessions), 1))
        self._waiting = [(start + step * number, session) for number, session in enumerate(sessions)]

    def due(self, now: float) -> list[Session]:
        ready = [session for moment, session in self._waiting if moment <= now]
        self._waiting = [(moment, session) for moment, session in self._waiting if moment > now]
        return ready
