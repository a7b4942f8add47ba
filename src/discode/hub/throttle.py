"""Rate limits for whatever accepts secrets. Each process counts on its own.

A right secret is limited by its holder's own requests alone, never by its address: behind a company's network, or a
reverse proxy that the hub was not told of, others share that address and may send wrong ones. So a secret is looked at
first. That makes guessing no easier: a secret has 160 random bits.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from .config import HubConfig
from .errors import TooMany

_log = logging.getLogger("discode.hub")
ONE_CALLER = 64  # bits of an IPv6 address that one caller's addresses have in common


class Throttle:
    def __init__(self, config: HubConfig):
        self._attempts = RateLimitItemPerMinute(config.attempts, namespace="attempts")
        self._failures = RateLimitItemPerMinute(config.failures, namespace="failures")
        self._told = RateLimitItemPerMinute(1, namespace="told")
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def known(self, holder: str, seats: int = 1) -> None:
        """Call when the secret was right. Raises TooMany when its holder, who has as many seats, asks too often."""
        rule = RateLimitItemPerMinute(self._attempts.amount * seats, namespace="attempts")
        if not self._limiter.hit(rule, holder):
            raise self._too_many(rule, holder, "Too many requests with this key or token.")

    def failed(self, address: str) -> None:
        """Call when the secret was wrong. Raises TooMany when there were too many wrong ones from there."""
        caller = caller_of(address)
        if self._limiter.hit(self._failures, caller):
            return
        if self.is_first(caller):
            fields = {"client": address, "failures": self._failures.amount}
            _log.warning("too many wrong keys or tokens in a minute", extra={"fields": fields})
        raise self._too_many(self._failures, caller, "Too many wrong keys or tokens from this address.")

    def stranger(self, address: str) -> None:
        """Call for what is accepted without a secret. Raises TooMany."""
        caller = caller_of(address)
        if not self._limiter.hit(self._attempts, caller):
            raise self._too_many(self._attempts, caller, "Too many requests from this address.")

    def is_first(self, subject: str) -> bool:
        """In a minute; so that the log has one line of something that comes often."""
        return self._limiter.hit(self._told, subject)

    def _too_many(self, rule: RateLimitItemPerMinute, who: str, sentence: str) -> TooMany:
        wait = math.ceil(max(1.0, self._limiter.get_window_stats(rule, who).reset_time - time.time()))
        error = TooMany(sentence, f"Wait for {wait} seconds, then try again.")
        error.retry_after = wait
        return error


def caller_of(address: str) -> str:
    """Who counts as one caller: an IPv4 address, or the network of an IPv6 one, which has 2**64 of them."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), ONE_CALLER), strict=False))
