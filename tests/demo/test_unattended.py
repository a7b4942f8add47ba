"""What `bin/demo --unattended` makes of what came, and that it sees what is not as it has to be. All of it runs for
minutes, by hand."""

from dataclasses import replace

import pytest
from unattended_demo import EXPECTED, Taken
from unattended_heard import again, doubled, heard, lost

from discode.core.notice import Notice, Words, greeting, message_of
from rig.told import Told

WORDS = [
    Words("", "sample is updated to 1.1.0, from 1.0.0.", serves="sample 1.1.0"),
    Words("", "The update of sample to 1.2.0 failed: it answers 503.", "discode history sample", "sample 1.1.0"),
    Words("", "sample 1.3.0 is available.", "discode update sample"),
    Words("", "sample is updated to 1.3.0, from 1.1.0.", serves="sample 1.3.0"),
]


def notice(number, words):
    return Notice.of(number, 1_800_000_000.0, "update", "sample", "warning", words, False)


def sent(*notices):
    """As it is on its way: one message of all of them."""
    message = message_of("host", notices, 0)
    return Told(message.subject, message.body, message.mood)


ALL = [notice(number, words) for number, words in enumerate(WORDS, 1)]
GREETING = Told("", greeting("host", "ops", "info").body)
GOOD = heard([GREETING, sent(*ALL[:2]), sent(*ALL[2:])])


def judged(by_hook):
    came = {"mail": GOOD, "webhook": by_hook}
    return lost(came, EXPECTED), doubled(came, EXPECTED)


def test_all_of_it_once_is_as_it_has_to_be():
    assert [(one.number, one.serves) for one in GOOD] == [
        (1, "sample 1.1.0"), (2, "sample 1.1.0"), (3, ""), (4, "sample 1.3.0"),
    ]  # fmt: skip
    assert judged(GOOD) == ([], []) and again(GOOD) == 0


def test_a_message_that_came_twice_is_told_apart_by_its_numbers():
    twice = heard([sent(*ALL[:2]), sent(*ALL[:3]), sent(ALL[3])])
    assert judged(twice) == ([], []) and again(twice) == 2


@pytest.mark.parametrize("number", range(1, 5))
def test_what_one_was_not_told_is_lost(number):
    [missing], told_again = judged([one for one in GOOD if one.number != number])[0][:1], judged(GOOD)[1]
    assert missing == f"webhook: notice {number}" and told_again == []


def test_what_nobody_was_told_is_lost():
    came = {"mail": GOOD[:3], "webhook": GOOD[:3]}
    what = "sample is updated to 1.3.0, from 1.1.0., sample 1.3.0 serves"
    assert lost(came, EXPECTED) == [f"mail: {what}", f"webhook: {what}"]


def test_what_says_that_something_else_serves_is_not_what_has_to_be_told():
    wrong = [replace(one, serves="nothing") if one.number == 2 else one for one in GOOD]
    assert judged(wrong)[0] == ["webhook: The update of sample to 1.2.0 failed:, sample 1.1.0 serves"]


def test_an_event_under_two_numbers_is_doubled():
    assert judged([*GOOD, replace(GOOD[0], number=5)])[1] == ["webhook: sample is updated to 1.1.0, from 1.0.0."]


def test_a_number_of_two_notices_is_doubled():
    assert judged([*GOOD, replace(GOOD[2], whole="Something else.")])[1] == ["webhook: two notices 3"]


@pytest.mark.parametrize(("started", "is_in"), [(99, False), (100, True), (219.9, True), (220, False), (340, True)])
def test_an_update_begins_in_one_of_its_windows(started, is_in):
    assert Taken("1.1.0", [(100, 220), (340, 460)], [{"started": started}]).is_in_a_window is is_in
