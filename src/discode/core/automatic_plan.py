"""How an app is updated by itself: what the customer has chosen, and what was found at the last look. No secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from .errors import UsageError
from .fields import Slug
from .model import Meta, Model

SCHEMA = 1
WINDOWS, DELAY = ("02:00-05:00",), 2 * 86400.0  # unless the customer says otherwise
ALWAYS = "always"  # in place of windows
LONGEST_DELAY = 90 * 86400.0
LOOK = 3600.0  # seconds between two looks for a release
_DELAY = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+)m)?")


class AutomaticPlan(Model, frozen=True, kw_only=True):
    """`windows` in the words of core/schedule.py; `zone`: empty until they are turned on; `delay` in seconds.
    `urgent_any_time`: what is urgent waits for no window either."""

    automatic_schema: int = SCHEMA
    app: Slug
    on: bool = False
    windows: tuple[str, ...] = WINDOWS
    zone: str = ""
    delay: Annotated[float, Meta(ge=0, le=LONGEST_DELAY)] = DELAY
    urgent_any_time: bool = False


class Outlook(Model, frozen=True, kw_only=True):
    """What was found at the last look, `looked`. `next`: when to look again. `version` will be taken at `at`; `consent`
    is one that waits for a person; `why` is a sentence. Times are Unix times. `seen`: when this machine first saw a
    release, by its key."""

    looked: float
    next: float
    version: str | None = None
    at: float | None = None
    consent: str | None = None
    why: str = ""
    seen: Mapping[str, float] = {}

    def is_due(self, now: float) -> bool:
        """Also when the clock has gone back since: what it said counts for nothing then."""
        return now >= self.next or now < self.looked - LOOK


def off_text(app: str) -> str:
    return f"Automatic updates of {app} are off. To turn them on: discode auto {app} on"


def parse_delay(text: str) -> float:
    """Seconds of `2d`, `36h`, `1d12h`; `0` for none. Raises UsageError."""
    match = _DELAY.fullmatch(text.strip())
    if text.strip() == "0":
        return 0.0
    if match is None or not any(match.groups()):
        raise _no_delay(text, "it is not a time")
    days, hours, minutes = (float(part or 0) for part in match.groups())
    seconds = days * 86400 + hours * 3600 + minutes * 60
    if seconds > LONGEST_DELAY:
        raise _no_delay(text, "it is longer than 90 days, in which a security fix would never come")
    return seconds


def delay_text(seconds: float) -> str:
    """As `parse_delay` reads it."""
    minutes = round(seconds / 60)
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    parts = [f"{number}{unit}" for number, unit in ((days, "d"), (hours, "h"), (rest, "m")) if number]
    return "".join(parts) or "0"


def _no_delay(text: str, why: str) -> UsageError:
    return UsageError(
        f"{text!r} is not a delay: {why}. Nothing was changed.",
        "Give days, hours or minutes: --delay 2d, --delay 36h, --delay 0 for none.",
        key="invalid-delay",
    )
