"""When to ask the CA: before a certificate runs out, and ever less often while it refuses. Pure.

A CA limits how often one may fail (Let's Encrypt: 5 times a host and hour), so waits double, and they are kept over
restarts. A new `deploy` clears them: the person at the keyboard has mended something. A limit it cannot mend.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .pem import Lifetime

# Why there is no certificate. These three groups differ in when the CA is asked again:
#   refused, and all that is not below    it has counted a failure, or would again
#   rate limited                          it has said when, or is to be left alone
#   AWAY                                  it has counted nothing
Kind = Literal[
    "refused", "rate limited", "unreachable", "untrusted", "clock", "not a CA", "account required", "terms changed",
    "contact refused", "name refused", "caa", "dns", "not reached", "another answered", "settings", "dns provider",
]  # fmt: skip
AWAY: frozenset[Kind] = frozenset({"unreachable", "untrusted", "clock", "not a CA", "settings", "dns provider"})
LONGEST_WAIT = 6 * 3600.0
DAY = 24 * 3600.0
LONGEST_LIMIT = 8 * DAY  # Let's Encrypt's longest window has a week
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


def is_over_with_a_deploy(failure: Failure, now: float) -> bool:
    return failure.kind != "rate limited" or now >= failure.next_try


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
    if kind in AWAY:
        wait *= UNREACHABLE_SHARE
    if kind == "rate limited":
        wait = max(wait, RATE_LIMITED if retry_after is None else retry_after)
    elif retry_after is not None:
        wait = max(wait, retry_after)
    longest = LONGEST_WAIT
    if kind == "rate limited":
        longest = DAY if retry_after is None else LONGEST_LIMIT
    return Failure(count, now + min(wait, longest), kind, reason)
