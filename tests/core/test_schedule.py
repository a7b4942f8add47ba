"""Windows by the clock on the wall, across changes of daylight saving, and what is no window."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discode.core.errors import UsageError
from discode.core.schedule import DAYS, parse_window, schedule_of, when_text

BERLIN = "Europe/Berlin"
HOUR, DAY = 3600, 86400


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def spans(windows, zone, begin, end):
    """Those that open in a time, as texts in UTC."""
    schedule, found, moment = schedule_of(windows, zone), [], utc(begin)
    while (span := schedule.span(moment)).opens < utc(end):
        found.append(tuple(f"{datetime.fromtimestamp(one, UTC):%m-%d %H:%M}" for one in (span.opens, span.closes)))
        moment = span.closes
    return found


def test_a_window_of_a_week_opens_once_in_each():
    found = spans(["Sun 02:00-05:00"], BERLIN, "2026-06-01", "2026-06-22")
    assert found == [("06-07 00:00", "06-07 03:00"), ("06-14 00:00", "06-14 03:00"), ("06-21 00:00", "06-21 03:00")]


def test_windows_over_midnight_belong_to_the_day_on_which_they_open():
    assert spans(["Fri 22:00-02:00"], "UTC", "2026-06-01", "2026-06-08") == [("06-05 22:00", "06-06 02:00")]
    inside = schedule_of(["Fri 22:00-02:00"], "UTC").span(utc("2026-06-06 01:59"))
    assert (inside.opens, inside.closes) == (utc("2026-06-05 22:00"), utc("2026-06-06 02:00"))
    assert spans(["Sat 00:00-24:00"], "UTC", "2026-06-01", "2026-06-08") == [("06-06 00:00", "06-07 00:00")]


# In 2026 Berlin's clocks go from 02:00 to 03:00 on March 29 (01:00 UTC), and from 03:00 to 02:00 on October 25.
@pytest.mark.parametrize(
    ("window", "opens", "closes"),
    [
        ("Sun 02:00-05:00", "03-29 01:00", "03-29 03:00"),
        ("Sun 01:30-02:30", "03-29 00:30", "03-29 01:00"),
        ("Sun 02:30-03:30", "03-29 01:00", "03-29 01:30"),
        ("Sun 02:00-03:00", "03-29 01:00", "03-29 02:00"),
        ("Sun 02:15-02:45", "03-29 01:00", "03-29 01:30"),
        ("Sat 23:00-04:00", "03-28 22:00", "03-29 02:00"),
    ],
)
def test_the_hour_that_is_skipped(window, opens, closes):
    assert spans([window], BERLIN, "2026-03-28", "2026-03-30") == [(opens, closes)]


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ("Sun 02:00-03:00", [("10-25 00:00", "10-25 02:00")]),
        ("Sun 02:00-05:00", [("10-25 00:00", "10-25 04:00")]),
        ("Sun 02:15-02:45", [("10-25 00:15", "10-25 00:45"), ("10-25 01:15", "10-25 01:45")]),
        ("Sun 01:30-02:30", [("10-24 23:30", "10-25 00:30"), ("10-25 01:00", "10-25 01:30")]),
        ("Sat 23:00-04:00", [("10-24 21:00", "10-25 03:00")]),
    ],
)
def test_the_hour_that_comes_twice(window, expected):
    assert spans([window], BERLIN, "2026-10-24", "2026-10-26") == expected


@given(
    st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Beirut", "UTC"]),
    st.sampled_from(["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01", "2026-07-01"]),
    st.integers(0, 1439),
    st.integers(1, 1440),
    st.integers(0, 2 * DAY),
)
def test_it_is_open_when_the_clock_on_the_wall_says_so(name, day, begin, length, second):
    """But for one that lies in a skipped hour."""
    end = (begin + length) % 1440
    if end == begin:
        end = 1440 if begin == 0 else begin - 1
    text = f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"
    zone, now = ZoneInfo(name), utc(day) - DAY // 2 + second
    wall = datetime.fromtimestamp(now, zone)
    minute = wall.hour * 60 + wall.minute + wall.second / 60
    shown = begin <= minute < end if begin < end else minute >= begin or minute < end
    is_open = schedule_of([text], name).span(now).opens <= now
    assert is_open == shown or (is_open and _leaps(zone, now, end - begin if end > begin else end - begin + 1440))


def _leaps(zone, now, minutes):
    """Whether a clock has skipped time within the length of a window."""
    offsets = [datetime.fromtimestamp(now - back * 60, zone).utcoffset() for back in range(minutes + 1)]
    return offsets[0] > min(offsets)


@given(st.sampled_from(sorted(available_timezones())), st.integers(0, 4_000_000_000), st.integers(0, 6))
def test_in_every_zone_there_is_a_next_one_within_two_weeks(zone, now, day):
    span = schedule_of([f"{DAYS[day]} 02:00-03:00"], zone).span(now)
    assert now < span.closes and span.opens < now + 14 * DAY and 60 <= span.closes - span.opens <= 2 * HOUR


def test_a_day_that_a_zone_skips_is_made_up_for():
    """Samoa had no 30 December 2011, a Friday."""
    assert spans(["Fri 10:00-11:00"], "Pacific/Apia", "2011-12-29", "2012-01-01") == [("12-30 10:00", "12-30 11:00")]


def test_of_several_windows_the_first_one_counts():
    assert spans(["Wed 01:00-02:00", "Mon-Tue 03:00-04:00"], "UTC", "2026-06-01", "2026-06-04") == [
        ("06-01 03:00", "06-01 04:00"), ("06-02 03:00", "06-02 04:00"), ("06-03 01:00", "06-03 02:00"),
    ]  # fmt: skip


def test_without_windows_it_is_always_open():
    always = schedule_of(["always"], "UTC")
    assert always.span(0.0).opens < 0 < 4e9 < always.span(0.0).closes and str(always) == "at any time"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Sun 02:00-05:00", "Sun 02:00-05:00"),
        ("sunday 2:00-5:00", "Sun 02:00-05:00"),
        ("Mon-Fri 22:00-04:00", "Mon-Fri 22:00-04:00"),
        ("Sat-Mon 01:00-24:00", "Mon,Sat,Sun 01:00-24:00"),
        ("Sat, Sun 00:00-24:00", "Sat,Sun 00:00-24:00"),
        ("Mon-Sun 02:00-03:00", "02:00-03:00"),
        (" 02:00 - 03:00 ", "02:00-03:00"),
    ],
)
def test_windows_are_shown_as_they_are_read(text, shown):
    assert str(parse_window(text)) == shown and parse_window(shown) == parse_window(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Sun 05:00-05:00", "it closes when it opens"),
        ("00:00-00:00", "it closes when it opens"),
        ("Sun 25:00-26:00", "a day has no such time"),
        ("Sun 02:00-24:30", "a day has no such time"),
        ("Sun 02:60-03:00", "a day has no such time"),
        ("24:00-05:00", "a day has no such time"),
        ("Caturday 02:00-05:00", "there is no day 'Caturday'"),
        ("Mon- 02:00-05:00", "a day is missing"),
        ("Mon,,Tue 02:00-05:00", "a day is missing"),
        ("Sun", "it is not days and times"),
        ("", "it is not days and times"),
        ("at night", "it is not days and times"),
        ("Sun 2-5", "it is not days and times"),
    ],
)
def test_what_is_no_window_is_refused_with_the_right_form(text, why):
    with pytest.raises(UsageError) as refused:
        parse_window(text)
    assert refused.value.sentence.startswith(f"{text!r} is not a window: {why}")
    assert "'Sun 02:00-05:00'" in refused.value.next_step and refused.value.name == "invalid-window"


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "../../etc/passwd", "/etc/localtime", "a\0b", "Berlin"])
def test_a_zone_that_does_not_exist_is_refused(name):
    with pytest.raises(UsageError) as refused:
        schedule_of(["Sun 02:00-05:00"], name)
    assert refused.value.name == "unknown-zone" and "--zone Europe/Berlin" in refused.value.next_step


def test_a_time_is_told_with_its_zone():
    assert when_text(utc("2026-10-25 01:30"), BERLIN) == "Sun 2026-10-25 02:30 CET"
    assert when_text(utc("2026-10-25 00:30"), BERLIN) == "Sun 2026-10-25 02:30 CEST"
    assert when_text(utc("2026-10-25 00:30"), "Europe/Atlantis") == "Sun 2026-10-25 00:30 UTC"
