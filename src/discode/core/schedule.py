"""When something may happen: windows by the clock on the wall of a time zone. Pure; the zones are the system's data.

A window is open whenever that clock shows a time in it, so an hour that comes twice in autumn is open twice. Of an hour
that spring skips no clock shows anything: a window of nothing else opens with the change, for as long as ever, or
`Sun 02:00-03:00` would lose a week.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .automatic_plan import ALWAYS
from .errors import UsageError

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY = 86400.0
_FORM = (
    "Give days and times, such as --window 'Sun 02:00-05:00', 'Mon-Fri 22:00-04:00', or '02:00-05:00' for every day."
)
_WINDOW = re.compile(r"(?:([A-Za-z,\s-]+)\s+)?(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_FULL = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MIDNIGHT = 24 * 60
_AHEAD = 16  # days in which every window opens, though a zone skips one
_STEP = 3 * 3600  # seconds within which no zone changes its offset twice


@dataclass(frozen=True)
class Span:
    """Unix times: from `opens` until just before `closes`."""

    opens: float
    closes: float


@dataclass(frozen=True)
class Window:
    """On each of `days` (0 is Monday) from `begin`, minutes after midnight, for `length` minutes: into the next day,
    too."""

    days: tuple[int, ...]
    begin: int
    length: int

    def __str__(self) -> str:
        times = f"{_clock(self.begin)}-{_clock(self.begin + self.length)}"
        return times if len(self.days) == len(DAYS) else f"{_days_text(self.days)} {times}"

    def on(self, day: date, zone: ZoneInfo) -> list[Span]:
        """When it is open of those that open on that day, by the clock on the wall."""
        if day.weekday() not in self.days:
            return []
        begin = datetime.combine(day, time.min, UTC).timestamp() + self.begin * 60  # as if the zone were UTC
        end = begin + self.length * 60
        stretches = list(_stretches(zone, begin - 2 * DAY, end + 2 * DAY))
        parts = [(max(start, begin - offset), min(stop, end - offset)) for start, stop, offset in stretches]
        if spans := _joined(Span(opens, closes) for opens, closes in parts if opens < closes):
            return spans
        change = max(stop for _, stop, offset in stretches[:-1] if begin - offset >= stop)
        return [Span(change, change + self.length * 60)]


@dataclass(frozen=True)
class Schedule:
    """No windows: always."""

    windows: tuple[Window, ...]
    zone: ZoneInfo

    def span(self, moment: float) -> Span:
        """The one that is open then, or else the next one."""
        if not self.windows:
            return Span(-math.inf, math.inf)
        first = datetime.fromtimestamp(moment, self.zone).date() - timedelta(days=2)
        days = [first + timedelta(days=number) for number in range(_AHEAD)]
        spans = [span for day in days for window in self.windows for span in window.on(day, self.zone)]
        return min((one for one in spans if one.closes > moment), key=lambda one: one.opens)

    def text(self, moment: float) -> str:
        """For people, with the zone."""
        return datetime.fromtimestamp(moment, self.zone).strftime("%a %Y-%m-%d %H:%M %Z")

    def __str__(self) -> str:
        windows = ", ".join(map(str, self.windows))
        return f"{windows} ({self.zone.key})" if windows else "at any time"


def schedule_of(windows: Sequence[str], zone: str) -> Schedule:
    """Raises UsageError."""
    wanted = [] if tuple(windows) == (ALWAYS,) else [parse_window(text) for text in windows]
    return Schedule(tuple(wanted), check_zone(zone))


def parse_window(text: str) -> Window:
    """Raises UsageError for one that is none, or never opens."""
    match = _WINDOW.fullmatch(text.strip())
    if match is None:
        raise _no_window(text, "it is not days and times")
    hours = int(match[2]), int(match[4])
    begin, end = hours[0] * 60 + int(match[3]), hours[1] * 60 + int(match[5])
    if begin >= _MIDNIGHT or end > _MIDNIGHT or int(match[3]) > 59 or int(match[5]) > 59:
        raise _no_window(text, "a day has no such time")
    if begin == end:
        raise _no_window(text, "it closes when it opens, so nothing would ever happen; a whole day is 00:00-24:00")
    return Window(_days(match[1], text), begin, (end - begin) % _MIDNIGHT or _MIDNIGHT)


def when_text(moment: float, zone: str) -> str:
    """For people; in UTC where this machine does not know the zone any more."""
    try:
        known = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = ZoneInfo("UTC")
    return Schedule((), known).text(moment)


def check_zone(name: str) -> ZoneInfo:
    """Raises UsageError for one that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(
            f"{name!r} is not a time zone that this machine knows. Nothing was changed.",
            "Give one as the system lists it, such as --zone Europe/Berlin or --zone UTC (timedatectl list-timezones; "
            "they are in the package tzdata).",
            key="unknown-zone",
        ) from None


def _days(text: str | None, window: str) -> tuple[int, ...]:
    """`Sun`, `Mon-Fri`, `Sat,Sun`, in any spelling of their case; every day without any."""
    if text is None:
        return tuple(range(len(DAYS)))
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        begin, end = _day(first, window), _day(last if dash else first, window)
        found |= {(begin + number) % 7 for number in range((end - begin) % 7 + 1)}
    return tuple(sorted(found))


def _day(word: str, window: str) -> int:
    name = word.lower()
    number = next((n for n, full in enumerate(_FULL) if name in (full, full[:3])), None)
    if number is None:
        raise _no_window(window, f"there is no day {word!r}" if word else "a day is missing")
    return number


def _no_window(text: str, why: str) -> UsageError:
    return UsageError(f"{text!r} is not a window: {why}. Nothing was changed.", _FORM, key="invalid-window")


def _clock(minutes: int) -> str:
    minutes = minutes if minutes == _MIDNIGHT else minutes % _MIDNIGHT
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _days_text(days: tuple[int, ...]) -> str:
    """Three and more in a row by the first and the last."""
    if len(days) > 2 and days == tuple(range(days[0], days[-1] + 1)):
        return f"{DAYS[days[0]]}-{DAYS[days[-1]]}"
    return ",".join(DAYS[day] for day in days)


def _stretches(zone: ZoneInfo, begin: float, end: float) -> Iterator[tuple[float, float, float]]:
    """Pieces of a time in which the zone is a constant number of seconds ahead of UTC: begin, end, seconds."""
    start, offset = begin, _offset(zone, begin)
    for number in range(math.ceil((end - begin) / _STEP)):
        here, there = begin + number * _STEP, min(begin + (number + 1) * _STEP, end)
        if (after := _offset(zone, there)) != offset:
            change = _change(zone, here, there)
            yield start, change, offset
            start, offset = change, after
    yield start, end, offset


def _change(zone: ZoneInfo, here: float, there: float) -> float:
    """The second at which the offset becomes another one."""
    before = _offset(zone, here)
    while there - here > 1:
        middle = (here + there) // 2
        here, there = (middle, there) if _offset(zone, middle) == before else (here, middle)
    return there


def _offset(zone: ZoneInfo, moment: float) -> float:
    offset = datetime.fromtimestamp(moment, zone).utcoffset()
    assert offset is not None
    return offset.total_seconds()


def _joined(spans: Iterable[Span]) -> list[Span]:
    """In order, those that follow each other at once as one."""
    found: list[Span] = []
    for span in spans:
        if found and span.opens <= found[-1].closes:
            found[-1] = Span(found[-1].opens, max(span.closes, found[-1].closes))
        else:
            found.append(span)
    return found
