"""Arrivals: in which order commands came, for those that wait before they change anything.

    deploy of v1 comes, its target is not healthy yet  ->  deploy of v2 comes, and serves  ->  v1's target is healthy

What is served is what was asked for last, as if the first had served until the second came. kamal-proxy would send
every request back to v1.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable

Place = tuple[str, str]  # a service, and the letter of its pool


class Arrivals:
    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._settled: dict[Place, int] = {}  # by which arrival a pool was last decided
        self._lock = threading.Lock()

    def number(self) -> int:
        """Of a command that has just come."""
        with self._lock:
            return next(self._numbers)

    def settle(self, number: int, places: Iterable[Place]) -> None:
        """This arrival has decided about these pools."""
        with self._lock:
            for place in places:
                self._settled[place] = max(number, self._settled.get(place, 0))

    def is_overtaken(self, number: int, place: Place) -> bool:
        """Whether a later arrival has decided about the pool."""
        with self._lock:
            return self._settled.get(place, 0) > number
