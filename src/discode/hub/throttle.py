"""Rate limits, by caller's address, for whatever accepts secrets. Each process counts on its own."""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from .config import HubConfig
from .errors import TooMany


class Throttle:
    def __init__(self, config: HubConfig):
        self._attempts = RateLimitItemPerMinute(config.attempts, namespace="attempts")
        self._failures = RateLimitItemPerMinute(config.failures, namespace="failures")
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def attempt(self, address: str) -> None:
        """Call before a secret is checked. Raises TooMany."""
        if not self._limiter.test(self._failures, address):
            raise self._too_many(self._failures, address)
        if not self._limiter.hit(self._attempts, address):
            raise self._too_many(self._attempts, address)

    def failed(self, address: str) -> None:
        """Call when the secret was wrong."""
        self._limiter.hit(self._failures, address)

    def _too_many(self, rule: RateLimitItemPerMinute, address: str) -> TooMany:
        wait = math.ceil(max(1.0, self._limiter.get_window_stats(rule, address).reset_time - time.time()))
        error = TooMany(
            "Too many requests with a key or token from this address.", f"Wait for {wait} seconds, then try again."
        )
        error.retry_after = wait
        return error
