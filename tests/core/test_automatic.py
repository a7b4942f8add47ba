"""Which release is due by itself, and when: delays, windows, marks, the memory of bad releases. By a clock that is
given."""

import hashlib
from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discode.core.automatic import after_failure, decide
from discode.core.automatic_plan import LOOK, AutomaticPlan, Outlook, delay_text, parse_delay
from discode.core.errors import UsageError
from discode.core.installation import Installation
from discode.core.release import Index, IndexEntry
from discode.core.rollout import parse_ramp, place_of
from discode.testing.memory_world import MemoryReleases

DAY, HOUR = 86400.0, 3600.0
near = partial(pytest.approx, rel=0, abs=1.0)  # of times, to the second
MONDAY = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
RELEASES = MemoryReleases("myapp")
FIRST = RELEASES.publish("1.0")
SEED = "7" * 32
PLACE = place_of(SEED, "window") / 100
HERE = Installation(app="myapp", source="memory", release=FIRST, seed=SEED)


def entry(version, published=MONDAY, **fields):
    key = hashlib.sha256(version.encode()).hexdigest()[:12]
    when = f"{datetime.fromtimestamp(published, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return IndexEntry(version=version, key=key, **{"published": when, **fields})


def plan(*windows, delay=0.0, **fields):
    return AutomaticPlan(app="myapp", on=True, windows=windows or ("always",), zone="UTC", delay=delay, **fields)


def due(one, entries, now, known=None, installation=HERE, **index):
    return decide(one, installation, Index(app="myapp", releases=tuple(entries), **index), known, now)


def taken(*args, **fields):
    step = due(*args, **fields).step
    return step and step.target.version


def test_the_delay_counts_from_the_publication():
    known = Outlook(looked=MONDAY, next=MONDAY)
    one, entries = plan(delay=2 * DAY), [entry("1.1")]
    waits = due(one, entries, MONDAY + DAY, known).outlook
    assert waits.at == near(MONDAY + 2 * DAY + PLACE * HOUR) and waits.version == "1.1"
    assert waits.next == MONDAY + DAY + LOOK, "another release may come meanwhile"
    assert taken(one, entries, waits.at - 1) is None and taken(one, entries, waits.at) == "1.1"


def test_a_newer_release_does_not_keep_an_older_one_from_being_taken():
    """Else a vendor who publishes every day would never be updated to."""
    entries = [entry(f"1.{number}", MONDAY + number * DAY) for number in range(1, 6)]
    assert taken(plan(delay=2 * DAY), entries, MONDAY + 5.5 * DAY) == "1.3"


def test_windows_are_kept_and_each_has_its_own_moment():
    one, entries = plan("Wed 02:00-04:00"), [entry("1.1")]
    moment = MONDAY + 2 * DAY + 2 * HOUR + PLACE * HOUR
    assert due(one, entries, MONDAY).outlook.at == near(moment)
    assert taken(one, entries, moment - 1) is None and taken(one, entries, moment + 1) == "1.1"
    assert taken(one, entries, MONDAY + 2 * DAY + 4 * HOUR) is None, "it is over"
    assert due(one, entries, MONDAY + 2 * DAY + 4 * HOUR).outlook.at == near(moment + 7 * DAY)


def test_what_becomes_old_enough_within_a_window_is_taken_in_what_is_left_of_it():
    one, entries = plan("Wed 02:00-04:00", delay=DAY), [entry("1.1", MONDAY + DAY + 3 * HOUR)]
    at = due(one, entries, MONDAY + 1.5 * DAY).outlook.at
    assert at == near(MONDAY + 2 * DAY + 3 * HOUR + PLACE * HOUR / 2)


def test_what_is_urgent_waits_for_no_delay_but_for_the_window_unless_told_otherwise():
    one, entries = plan("Wed 02:00-04:00", delay=30 * DAY), [entry("1.1", urgent=True)]
    assert due(one, entries, MONDAY).outlook.at == near(MONDAY + 2 * DAY + 2 * HOUR + PLACE * HOUR)
    any_time = one.changed(urgent_any_time=True)
    assert due(any_time, entries, MONDAY).outlook.at == near(MONDAY + PLACE * HOUR)
    assert taken(any_time, [entry("1.1")], MONDAY + DAY) is None, "only what is urgent"


@pytest.mark.parametrize("mark", ["needs_consent", "irreversible"])
def test_from_what_needs_consent_on_nothing_is_taken(mark):
    entries = [entry("1.1"), entry("2.0", **{mark: True}), entry("2.1", urgent=True)]
    assert taken(plan(), entries, MONDAY + DAY) == "1.1"
    there = due(plan(), entries[1:], MONDAY + DAY)
    assert there.step is None and there.outlook.consent == "2.1"
    assert "2.1 needs your consent. To install it: discode update myapp" in there.outlook.why
    withdrawn = [entries[1].changed(yanked="bad"), entries[2]]
    assert taken(plan(), withdrawn, MONDAY + DAY) is None, "2.1 would bring what 2.0 brought"
    elsewhere = [entries[1].changed(channels=("beta",)), entries[2]]
    assert taken(plan(), elsewhere, MONDAY + DAY) is None
    release = RELEASES.publish("2.0")
    assert taken(plan(), entries, MONDAY + DAY, installation=HERE.with_release(release, 1)) == "2.1", "a person has"


def test_what_was_withdrawn_before_its_time_is_never_taken():
    yanked = entry("1.1", yanked="It lost pictures.")
    for days in range(10):
        there = due(plan(delay=2 * DAY), [yanked], MONDAY + days * DAY)
        assert there.step is None and there.outlook.version is None


def test_what_is_held_back_or_not_rolled_out_to_here_waits():
    one = entry("1.1")
    assert taken(plan(), [one], MONDAY + DAY, held=frozenset([one.key])) is None
    ramp = parse_ramp("0%,100%@48h", MONDAY, None, 20)
    assert taken(plan(), [one.changed(rollout=ramp)], MONDAY + DAY) is None
    assert taken(plan(), [one.changed(rollout=ramp)], MONDAY + 2 * DAY) == "1.1"


def test_another_channels_release_is_none():
    assert taken(plan(), [entry("1.1", channels=("beta",))], MONDAY + DAY) is None


def test_a_release_that_failed_waits_as_long_as_the_memory_says():
    release = RELEASES.publish("1.1")
    entries = [entry("1.1").changed(key=release.key)]
    failed = HERE.remembering(release, "It did not answer.", MONDAY + DAY)
    assert taken(plan(), entries, MONDAY + DAY + 0.9 * HOUR, installation=failed) is None
    assert taken(plan(), entries, MONDAY + DAY + HOUR, installation=failed) == "1.1"
    left = HERE.remembering(release, "", MONDAY, again=False)
    assert taken(plan(), entries, MONDAY + 90 * DAY, installation=left) is None, "the customer went back from it"
    bridge = [*entries, entry("1.2", requires=">=1.1")]
    assert taken(plan(), bridge, MONDAY + DAY + 60, installation=failed) is None, "the way goes by the one that failed"


def test_a_vendor_whose_clock_is_ahead_or_who_tells_no_time_delays_nothing_for_long():
    known = Outlook(looked=MONDAY, next=MONDAY, seen={entry("1.1").key: MONDAY})
    for published in (entry("1.1", MONDAY + 1000 * DAY), entry("1.1").changed(published="soon")):
        at = due(plan(delay=DAY), [published], MONDAY + HOUR, known).outlook.at
        assert at == near(MONDAY + DAY + PLACE * HOUR)


def test_what_was_seen_is_remembered_for_as_long_as_it_is_published():
    first = due(plan(delay=DAY), [entry("1.1"), entry("1.2")], MONDAY).outlook
    assert set(first.seen.values()) == {MONDAY}
    second = due(plan(delay=DAY), [entry("1.2"), entry("1.3")], MONDAY + HOUR, first).outlook
    assert second.seen == {entry("1.2").key: MONDAY, entry("1.3").key: MONDAY + HOUR}
    ahead = Outlook(looked=MONDAY, next=MONDAY, seen={entry("1.1").key: MONDAY + 1000 * DAY})
    assert due(plan(), [entry("1.1")], MONDAY, ahead).outlook.seen == {entry("1.1").key: MONDAY}


@given(st.integers(0, 20 * 86400), st.integers(0, 5 * 86400), st.text("0123456789abcdef", min_size=8, max_size=8))
def test_nothing_is_taken_outside_a_window_or_before_its_delay(second, delay, seed):
    now, one = MONDAY + second, plan("Tue,Fri 22:00-01:00", delay=float(delay))
    there = due(one, [entry("1.1")], now, installation=HERE.seeded(seed))
    if there.step is None:
        at = there.outlook.at
        assert at > now and there.outlook.next <= min(at, now + LOOK)
        assert due(one, [entry("1.1")], at, installation=HERE.seeded(seed)).step is not None, "what it says is so"
    moment = datetime.fromtimestamp(now if there.step else there.outlook.at, UTC)
    minute, day = moment.hour * 60 + moment.minute, moment.weekday()
    assert (day in (1, 4) and minute >= 22 * 60) or (day in (2, 5) and minute < 60)
    assert moment.timestamp() >= MONDAY + delay


@given(st.integers(0, 20 * 86400))
def test_with_nothing_to_take_each_window_is_looked_at_once_besides_every_hour(second):
    there = due(plan("Sun 02:00-02:10"), [], MONDAY + second)
    looked, next_ = there.outlook.looked, there.outlook.next
    assert looked < next_ <= looked + LOOK


def test_a_clock_that_went_back_makes_a_look_due():
    found = Outlook(looked=MONDAY, next=MONDAY + HOUR)
    assert not found.is_due(MONDAY + 1) and found.is_due(MONDAY + HOUR)
    assert not found.is_due(MONDAY - 60) and found.is_due(MONDAY - 365 * DAY)


def test_after_a_failure_what_was_known_is_kept():
    known = Outlook(looked=0.0, next=0.0, consent="2.0", version="1.1", at=1.0, seen={"0" * 12: 1.0})
    told = after_failure("No room.", known, MONDAY, soon=False)
    assert (told.consent, told.seen, told.version, told.why) == ("2.0", known.seen, None, "No room.")
    assert (told.looked, told.next) == (MONDAY, MONDAY + LOOK)
    assert after_failure("Away.", None, MONDAY, soon=True).next == MONDAY + 600


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [("2d", 2 * DAY, "2d"), ("36h", 1.5 * DAY, "1d12h"), ("1d12h", 1.5 * DAY, "1d12h"), ("90m", 1.5 * HOUR, "1h30m"),
     ("0", 0.0, "0"), ("0d", 0.0, "0"), ("0.5d", DAY / 2, "12h"), ("90d", 90 * DAY, "90d")],
)  # fmt: skip
def test_delays_as_people_write_them(text, seconds, shown):
    assert parse_delay(text) == seconds and delay_text(seconds) == shown and parse_delay(shown) == seconds


@pytest.mark.parametrize("text", ["", "2", "soon", "-1d", "2d ago", "91d", "1e9d", "2w", "d", "99999999999d"])
def test_what_is_no_delay_is_refused_with_the_right_form(text):
    with pytest.raises(UsageError) as refused:
        parse_delay(text)
    assert "--delay 2d" in refused.value.next_step and refused.value.name == "invalid-delay"
