"""When to ask the CA: before a certificate runs out, and ever less often while it refuses. Pure.

A CA limits how often one may fail (Let's Encrypt: 5 times a host and hour), so waits double, and they are kept over
restarts. A new `deploy` clears them: the person at the keyboard has mended something.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .pem import Lifetime

Kind = Literal["refused", "rate limited", "unreachable"]
LONGEST_WAIT = 6 * 3600.0
RATE_LIMITED = 3600.0  # when the CA names no time itself
UNREACHABLE_SHARE = 1 / 6  # of the wait after a refusal: a CA that is away has counted nothing


@dataclass(frozen=True)
class Failure:
    """What went wrong with a name. `count` in a row; `next_try` in seconds since the epoch."""

    count: int
    next_try: float
    kind: Kind
    reason: str


def is_due(life: Lifetime | None, failure: Failure | None, now: float) -> bool:
    if failure is not None and now < failure.next_try:
        return False
    return life is None or now >= renewal_time(life)


def renewal_time(life: Lifetime) -> float:
    """When a third of its life is left, as Let's Encrypt recommends."""
    begin, end = life
    return end - (end - begin) / 3


def after_failure(
    before: Failure | None, kind: Kind, reason: str, retry_after: float | None, first_wait: float, now: float
) -> Failure:
    """`retry_after`: what the CA asked for, in seconds; obeyed, but not for ever."""
    count = 1 if before is None else before.count + 1
    wait = first_wait * 2 ** min(count - 1, 30)
    if kind == "unreachable":
        wait *= UNREACHABLE_SHARE
    if kind == "rate limited":
        wait = max(wait, RATE_LIMITED if retry_after is None else retry_after)
    elif retry_after is not None:
        wait = max(wait, retry_after)
    longest = 24 * 3600.0 if kind == "rate limited" else LONGEST_WAIT
    return Failure(count, now + min(wait, longest), kind, reason)
