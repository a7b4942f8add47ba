"""What ends at a known time, and when that is worth a word. Pure: the time is given.

A certificate or a signature that runs out stops customers at once, all of them, and nobody sees it coming. So whoever
could prevent it is told 60, 30 and 7 days before; what lives for less than 120 days, from half of its life on.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

DAY = 86400.0  # seconds
STEPS = (7, 30, 60)  # days before the end
VENDOR_DAYS = 365  # for which a vendor's commands sign root and targets


@dataclass(frozen=True)
class End:
    """`at` is Unix time in seconds, `life` the whole time that it is made for, in seconds. `effect` says what happens
    then, `next_step` what prevents it."""

    what: str
    at: float
    life: float
    effect: str
    next_step: str

    def step(self, now: float) -> int | None:
        """The nearest of the days at which to warn that have been reached; 0 once it has ended, None before all."""
        left = self.at - now
        if left <= 0:
            return 0
        if left > self.life / 2:
            return None
        return next((days for days in STEPS if left <= days * DAY), None)

    def sentence(self, now: float) -> str:
        date = datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%d")
        if self.at <= now:
            return f"The {self.what} ended on {date}: {self.effect}."
        return f"The {self.what} ends in {told_in_days(self.at - now)}, on {date}; then {self.effect}."

    def as_dict(self, now: float) -> dict[str, Any]:
        """`days` are those left, rounded down; less than 0 once it has ended."""
        return {**asdict(self), "days": int((self.at - now) // DAY), "warned": self.step(now)}


def read_end(told: Any) -> End:
    """From what `as_dict` gave. Raises KeyError, TypeError or ValueError."""
    what, effect, next_step = (str(told[name])[:500] for name in ("what", "effect", "next_step"))
    return End(what, float(told["at"]), float(told["life"]), effect, next_step)


def told_in_days(seconds: float) -> str:
    days = int(seconds // DAY)
    return "less than a day" if days < 1 else "1 day" if days == 1 else f"{days} days"
