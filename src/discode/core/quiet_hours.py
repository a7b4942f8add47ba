"""Quiet hours: a time of day, by the clocks of a zone, in which only the worst is told. Pure."""

from __future__ import annotations

import re
from datetime import datetime, time, tzinfo
from zoneinfo import ZoneInfo

from .errors import UsageError
from .model import Model
from .schedule import check_zone

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class QuietHours(Model, frozen=True, kw_only=True):
    """`begin` and `end` are HH:MM, the end after midnight where it is the smaller one. `zone`: of IANA's names; empty:
    the machine's own. Clocks on the wall count, also in the nights in which they are changed."""

    begin: str
    end: str
    zone: str = ""

    def holds(self, now: float) -> bool:
        """Whether it is quiet at that Unix time. Without the zone's data, which somebody has removed, it never is: a
        notice in the night is better than none."""
        try:
            local = datetime.fromtimestamp(now, _zone(self.zone)).time()
        except (KeyError, ValueError, OSError):
            return False
        begin, end = _time(self.begin), _time(self.end)
        return begin <= local < end if begin < end else local >= begin or local < end

    def __str__(self) -> str:
        return f"{self.begin}-{self.end}{f' {self.zone}' if self.zone else ''}"


def parse_quiet_hours(text: str, zone: str = "") -> QuietHours:
    """Raises UsageError."""
    match = _HOURS.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"{text!r} are no quiet hours. Nothing was changed.",
            "Give the begin and the end as hours and minutes: --quiet-hours 22:00-07:00",
            key="quiet-hours",
        )
    begin, end = f"{match[1]}:{match[2]}", f"{match[3]}:{match[4]}"
    if begin == end:
        raise UsageError(
            f"Quiet hours from {begin} to {end} would be none, or all day. Nothing was changed.",
            "Give two different times. To be told of the worst alone, at any time: --severity critical",
            key="quiet-hours",
        )
    if zone:
        check_zone(zone)
    return QuietHours(begin=begin, end=end, zone=zone)


def _zone(name: str) -> tzinfo | None:
    return ZoneInfo(name) if name else None


def _time(text: str) -> time:
    return time.fromisoformat(text)
