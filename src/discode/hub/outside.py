"""Calls to servers that are not ours, such as a registry: few at a time, so that one that hangs holds up nothing else.

The hub's requests share some threads. A call to the outside has one of its own, and waits for it only for a while.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

from anyio import CapacityLimiter, fail_after, to_thread

from .errors import Unavailable

T = TypeVar("T")
TO_ONE = 4  # calls to one server at once
AT_ONCE = 16  # calls in all
AGAIN = 10  # seconds after which a caller may ask again


class Outside:
    """`wait`: seconds for a place."""

    def __init__(self, wait: float = 5.0):
        self._wait = wait
        self._places: dict[str, CapacityLimiter] = {}

    @cached_property
    def _threads(self) -> CapacityLimiter:
        return CapacityLimiter(AT_ONCE)  # it belongs to the event loop that runs when it is made

    async def ask(self, server: str, call: Callable[[], T]) -> T:
        """What the call returns. Raises Unavailable when earlier calls to that server take too long."""
        place = self._places.setdefault(server, CapacityLimiter(TO_ONE))
        try:
            with fail_after(self._wait):
                await place.acquire()
        except TimeoutError:
            error = Unavailable(f"{server} is slow to answer.", "Try again later.", key="registry-busy")
            error.retry_after = AGAIN
            raise error from None
        try:
            return await to_thread.run_sync(call, limiter=self._threads)
        finally:
            place.release()
