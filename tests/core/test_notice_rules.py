"""Notices as rules: what is told when, over a year of troubles, nights, changed clocks and servers that are away."""

import random
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from discode.core.errors import UsageError
from discode.core.history import HistoryEntry
from discode.core.notice import LONGEST, Notice, Words, message_of
from discode.core.notice_address import Address, check_name, free_name, has_secret, scheme_of, shown
from discode.core.notice_book import Position, begun
from discode.core.outbox import MOST, Outbox
from discode.core.quiet_hours import QuietHours, parse_quiet_hours
from discode.core.trouble import View, observed

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
BEGIN = datetime(2026, 1, 1, tzinfo=BERLIN).timestamp()


def at(*moment):
    return datetime(*moment, tzinfo=BERLIN).timestamp()


def notice(number, severity="info", **fields):
    words = Words(f"subject {number}", f"text {number}.")
    return Notice.of(number, float(number), "event", "myapp", severity, words, False).changed(**fields)


NIGHT = QuietHours(begin="22:00", end="07:00", zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("moment", "quiet"),
    [
        ((2026, 3, 28, 21, 59), False), ((2026, 3, 28, 22, 0), True), ((2026, 3, 29, 1, 59), True),
        ((2026, 3, 29, 3, 0), True), ((2026, 3, 29, 6, 59), True), ((2026, 3, 29, 7, 0), False),
        ((2026, 10, 25, 2, 30), True), ((2026, 10, 25, 6, 59), True), ((2026, 10, 25, 7, 0), False),
    ],
)  # fmt: skip
def test_quiet_hours_go_by_the_clock_on_the_wall(moment, quiet):
    assert NIGHT.holds(at(*moment)) is quiet


def test_the_night_in_which_clocks_go_forward_is_an_hour_shorter_and_the_other_one_longer():
    def hours(*evening):
        begin = at(*evening)
        return sum(NIGHT.holds(begin + minute * MINUTE) for minute in range(14 * 60)) / 60

    assert (hours(2026, 3, 28, 20), hours(2026, 6, 1, 20), hours(2026, 10, 24, 20)) == (8.0, 9.0, 10.0)


def test_hours_of_the_day_and_a_zone_that_is_gone():
    lunch = QuietHours(begin="12:00", end="13:00", zone="Europe/Berlin")
    assert lunch.holds(at(2026, 5, 5, 12, 30)) and not lunch.holds(at(2026, 5, 5, 13, 0))
    assert not QuietHours(begin="00:00", end="23:59", zone="Europe/Atlantis").holds(BEGIN)


@pytest.mark.parametrize("text", ["25:00-07:00", "22-07", "22:00", "22:00-22:00", "22:60-07:00", "", "always"])
def test_quiet_hours_that_make_no_sense_are_refused(text):
    with pytest.raises(UsageError) as caught:
        parse_quiet_hours(text)
    assert caught.value.name == "quiet-hours" and "Nothing was changed." in caught.value.sentence


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../../etc/passwd", "/etc/passwd", "Europe", "\0"])
def test_a_zone_that_does_not_exist_is_refused(zone):
    with pytest.raises(UsageError) as caught:
        parse_quiet_hours("22:00-07:00", zone)
    assert caught.value.name == "unknown-zone"


SHOWN = {
    "mailtos://user:pass@mail.example.com:587?to=a@b": "mailtos://mail.example.com:587",
    "json://hooks.example.com/secret": "json://hooks.example.com",
    "jsons://[2001:db8::1]:8443/secret": "jsons://[2001:db8::1]:8443",
    "slack://TOKEN/TOKEN/TOKEN": "slack://…",
    "tgram://123:TOKEN/42": "tgram://…",
    "ntfy://secret-topic": "ntfy://…",
    "json://host:port/secret": "json://…",
    "secret": "?",
}


@pytest.mark.parametrize(("url", "place"), SHOWN.items())
def test_of_an_address_the_service_and_a_host_are_shown_and_nothing_else(url, place):
    assert shown(url) == place
    assert place in repr(Address(name="ops", url=url)) and "secret" not in repr(Address(name="ops", url=url)).lower()
    assert has_secret(url)


def test_an_address_without_a_secret_has_none():
    assert not has_secret("json://hooks.example.com/") and not has_secret("mailto://mail.example.com")


def test_names_are_by_the_service_and_used_once():
    taken = frozenset(("mail", "slack"))
    assert [free_name(f"{scheme}://x/y", taken) for scheme in ("mailtos", "slack", "ntfys", "json")] == [
        "mail-2", "slack-2", "ntfys", "webhook",
    ]  # fmt: skip
    assert check_name("ops-2", taken) == "ops-2"
    for wrong in ("Mail", "", "a b", "x" * 31, "mail"):
        with pytest.raises(UsageError):
            check_name(wrong, taken)
    with pytest.raises(UsageError):
        scheme_of("nothing")


def test_what_others_wrote_begins_no_line_of_a_mails_head_and_fills_no_page():
    words = Words("down\r\nBcc: all@example.com", "x\n" * 5000, "discode logs myapp")
    made = Notice.of(1, 0.0, "answers", "myapp", "critical", words, False)
    assert made.subject == "down Bcc: all@example.com" and len(made.text) == LONGEST
    assert message_of("web1", [made], 0).subject == "[web1] down Bcc: all@example.com"


def test_a_message_of_several_has_the_worst_in_its_subject():
    several = [notice(1), notice(2, "critical"), notice(3, "critical", is_recovery=True)]
    message = message_of("web1", several, 2)
    assert message.subject == "[web1] 3 notices: subject 2, …" and message.mood == "failure"
    assert message.body.startswith("2 earlier notices were dropped: more than can be kept were waiting.\n\ntext 1.")


def test_of_a_full_outbox_the_oldest_of_the_least_severity_goes():
    outbox = Outbox()
    for number in range(MOST):
        outbox = outbox.with_notice(notice(number, "warning" if number else "critical"))
    outbox = outbox.with_notice(notice(MOST, "info"))
    assert outbox.dropped == 1 and outbox.waiting[-1].number == MOST - 1, "what is new may be the least"
    outbox = outbox.with_notice(notice(MOST + 1, "critical"))
    assert [one.number for one in outbox.waiting[:2]] == [0, 2] and outbox.dropped == 2


def test_pauses_grow_to_an_hour_and_end_with_a_clock_that_is_set_back():
    outbox, now, pauses = Outbox().with_notice(notice(1)), BEGIN, []
    for _ in range(9):
        outbox = outbox.failed(now, "away")
        pauses.append(next(minutes for minutes in range(1000) if outbox.due(now + minutes * MINUTE, quiet=False)))
        now += pauses[-1] * MINUTE
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert outbox.due(now - 365 * DAY, quiet=False) and not outbox.failed(now, "away").due(now, quiet=False)
    assert outbox.delivered(outbox.waiting) == Outbox()


def line(at_):
    return HistoryEntry(started=at_, at=at_, flow="update", outcome="done")


def test_the_place_in_a_history_is_found_by_its_lines_whatever_the_clock_said():
    history = [line(5.0), line(9.0), line(2.0)]
    position = Position.end_of(history)
    assert position.after(history) == []
    assert position.after([*history, line(1.0), line(2.0)]) == [line(1.0), line(2.0)]
    assert position.after([line(9.0), line(2.0), line(7.0)]) == [line(7.0)], "lines before it are gone"
    assert Position().after(history) == history


def view(key, state, **fields):
    return View(key, "myapp", state, Words(f"{key} {state}", f"{key} {state}."), **fields)


def seen(views, steps=1, known=None, now=BEGIN, step=MINUTE):
    """The troubles, and the subjects that were told, after so many looks."""
    told, known = [], known or {}
    for number in range(steps):
        known, events = observed(known, views, (), now + number * step)
        told += [event.words.subject for event in events]
    return known, told


def test_a_trouble_that_gets_worse_is_told_again_and_one_that_gets_better_is_not():
    known, told = {}, []
    for level in (1, 1, 3, 2, 3, 1):
        known, new = seen([view("disk:", "bad", level=level)], known=known)
        told += new
    assert told == ["disk: bad"] * 2
    assert seen([view("disk:", "well")], known=known) == ({}, ["disk: well"])


def test_bad_and_well_have_to_last_before_they_are_told():
    bad = view("answers:myapp", "bad", patience=90.0)
    well = view("answers:myapp", "well", calm=90.0)
    known, told = seen([bad], 2)
    assert told == [] and seen([well], known=known) == ({}, [])
    known, told = seen([bad], 3)
    assert told == ["answers:myapp bad"]
    known, told = seen([well], 2, known)
    known, more = seen([bad], 5, known, BEGIN + HOUR)
    assert told == more == []
    assert seen([well], 3, known, BEGIN + 2 * HOUR) == ({}, ["answers:myapp well"])


def test_a_clock_that_jumps_makes_nothing_last_longer_or_shorter_than_it_was_seen():
    bad = view("answers:myapp", "bad", patience=90.0)
    known, _ = seen([bad])
    known, told = seen([bad], 1, known, BEGIN - 365 * DAY)
    assert told == []
    assert seen([bad], 3, known, BEGIN - 365 * DAY)[1] == ["answers:myapp bad"]


def test_what_is_not_seen_is_kept_where_it_may_be_there_and_forgotten_where_it_is_not():
    known, _ = seen([view("beside:myapp:db", "bad")])
    assert observed(known, [], ("myapp",), BEGIN) == (known, [])
    assert observed(known, [], (), BEGIN) == ({}, [])
    assert observed(known, [view("beside:myapp:db", "unknown")], (), BEGIN) == (known, [])
    assert observed(known, [view("beside:myapp:db", "gone")], (), BEGIN) == ({}, [])


KINDS = ("answers:myapp", "certificate:myapp:a.test", "backup:myapp", "disk:", "memory:")
SEVERITIES = dict(zip(KINDS, ("critical", "warning", "warning", "critical", "info"), strict=True))


def troubles_of_a_year(chance):
    """By kind, (begin, end) in looks of half an hour, each longer than it takes to be told."""
    spans = {}
    for kind in KINDS:
        moments = sorted(chance.sample(range(100, 17_400), 24))
        spans[kind] = [(begin, end) for begin, end in zip(moments[::2], moments[1::2], strict=True) if end - begin > 6]
        spans[kind] = [one for before, one in zip([(0, 0), *spans[kind]], spans[kind], strict=False)
                       if one[0] - before[1] > 6]  # fmt: skip
    return spans


@pytest.mark.parametrize("seed", range(3))
def test_a_year_of_troubles_is_told_each_once_with_its_recovery_and_no_night_is_disturbed(seed):
    """Looked at every half hour. The service is away for a day now and then; in summer the clock is a year behind
    for a week."""
    chance = random.Random(seed)
    spans = troubles_of_a_year(chance)
    away = [(day * 48, day * 48 + 48) for day in chance.sample(range(5, 360, 10), 5)]
    address = Address(name="ops", url="json://x", quiet=NIGHT)
    book, sent = begun(None, BEGIN, {}), []
    for number in range(17_520):
        behind = 365 * DAY if 8_700 <= number < 9_036 else 0.0
        now = BEGIN + number * HOUR / 2 - behind
        views = [state_of(kind, spans[kind], number) for kind in KINDS]
        known, events = observed(book.troubles, views, (), now)
        book = book.changed(troubles=known).with_events(events, [address], now)
        outbox = book.outbox("ops")
        if not (due := outbox.due(now, quiet=NIGHT.holds(now))):
            continue
        if any(begin <= number < end for begin, end in away):
            book = book.with_outbox("ops", outbox.failed(now, "away"))
            continue
        sent.append((now, due))
        book = book.with_outbox("ops", outbox.delivered(due))
    flat = [one for _, due in sent for one in due]
    for kind in KINDS:
        mine = [one.is_recovery for one in flat if one.subject.startswith(kind)]
        assert mine == [False, True] * len(spans[kind]), kind
    assert sorted({one.number for one in flat}) == list(range(1, len(flat) + 1))
    assert not [now for now, due in sent if NIGHT.holds(now) and any(one.severity != "critical" for one in due)]
    assert_one_message_after_each_night(sent)


def state_of(kind, spans, number):
    is_bad = any(begin <= number < end for begin, end in spans)
    fields = {"severity": SEVERITIES[kind], "patience": 45 * MINUTE, "calm": 45 * MINUTE}
    return view(kind, "bad" if is_bad else "well", **fields)


def assert_one_message_after_each_night(sent):
    mornings = {}
    for now, due in sent:
        local = datetime.fromtimestamp(now, BERLIN)
        if local.hour == 7 and local.minute < 30 and any(now - one.at > HOUR / 2 for one in due):
            mornings.setdefault(local.date(), []).append(due)
    assert mornings and all(len(messages) == 1 for messages in mornings.values())
