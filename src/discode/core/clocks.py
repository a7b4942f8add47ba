"""How far this machine's clock is from a server's, by the `Date` of its answer: RFC 9110, 6.6.1. Pure.

A clock that is off makes signatures expired and leases early; who is told to ask the vendor then, asks in vain.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from .errors import TrustError

TOLERANCE = 300.0  # seconds; as of a lease
_UNITS = ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute"))


def ahead(date: str, age: str, now: float) -> float | None:
    """Seconds, negative when ours is behind; None where the answer does not tell. `age`: of what a cache kept (RFC
    9111, 5.1). `now` is Unix time."""
    try:
        return now - parsedate_to_datetime(date).timestamp() - (float(age) if age else 0.0)
    except (TypeError, ValueError, OverflowError):
        return None


def is_off(seconds: float | None) -> bool:
    return seconds is not None and abs(seconds) > TOLERANCE


def clock_is_off(seconds: float, server: str, what: str) -> TrustError:
    """`what` has come of it, and what it means for the app."""
    return TrustError(
        f"This machine's clock is {off_by(seconds, server)}. {what}",
        "Set this machine's clock (timedatectl set-ntp true), then run the command again. "
        "If it is right, tell the vendor that the server's is not.",
        key="clock-off",
    )


def off_by(seconds: float, server: str) -> str:
    """For a sentence: `2 hours ahead of that of ca.example.com`."""
    return f"{length(abs(seconds))} {'ahead of' if seconds > 0 else 'behind'} that of {server}"


def length(seconds: float) -> str:
    for unit, name in _UNITS:
        if seconds >= unit:
            count = round(seconds / unit)
            return f"{count} {name}{'s' if count != 1 else ''}"
    return f"{seconds:.0f} seconds"
