import itertools

import pytest

from rig import pace
from rig.wait import WaitedInVain, wait_for, with_time


def test_it_returns_what_the_condition_became():
    answers = iter([None, 0, "", "here"])
    assert wait_for(lambda: next(answers)) == "here"


def test_it_says_what_never_happened():
    with pytest.raises(WaitedInVain, match=r"the server's port did not come true within 0\.05 s"):
        wait_for(lambda: False, 0.05, "the server's port")


def test_it_does_not_wait_for_what_cannot_happen_any_more():
    asked = itertools.count()
    with pytest.raises(WaitedInVain, match="the server: it has exited with 3"):
        wait_for(lambda: False, 60, "the server", unless=lambda: next(asked) > 2 and "it has exited with 3")
    assert next(asked) == 4


def test_what_has_happened_wins_over_the_reason_why_it_will_not():
    assert wait_for(lambda: True, unless=lambda: "too late")


def test_a_deadline_that_is_too_short_is_longer_the_next_time_and_not_for_ever():
    tried = []

    def attempt(seconds):
        tried.append(seconds)
        return "begun" if seconds > 1 else ""

    assert with_time(attempt, bool, 0.3) == "begun" and tried == [0.3, 1.2]
    tried.clear()
    assert with_time(attempt, lambda found: False, 10) == "begun" and tried == [10, 40, 160]


def test_the_pace_of_a_machine_is_what_was_asked_for_at_the_least():
    assert pace.seconds(1000) == 1000 and pace.seconds(0) >= 1
