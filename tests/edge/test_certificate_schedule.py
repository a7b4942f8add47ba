"""When a CA is asked: pure."""

from hypothesis import given
from hypothesis import strategies as st

from discode.edge.tls.pem import covers
from discode.edge.tls.schedule import Failure, after_failure, is_due, is_over_with_a_deploy, renewal_time

DAY = 86400.0


def test_a_certificate_is_renewed_when_a_third_of_its_life_is_left():
    life = (0.0, 90 * DAY)
    assert renewal_time(life) == 60 * DAY
    assert not is_due(life, None, 60 * DAY - 1) and is_due(life, None, 60 * DAY)
    assert is_due(None, None, 0.0)


def test_nothing_is_due_before_the_next_try():
    failure = Failure(1, 100.0, "refused", "")
    assert not is_due(None, failure, 99.0) and is_due(None, failure, 100.0)


def test_waits_double_up_to_six_hours():
    failure, waits = None, []
    for _ in range(12):
        failure = after_failure(failure, "refused", "no", None, 60.0, 0.0)
        waits.append(failure.next_try)
    assert waits[:4] == [60.0, 120.0, 240.0, 480.0] and waits[-1] == 6 * 3600.0


def test_a_limit_is_obeyed_and_a_ca_that_is_away_is_asked_sooner():
    assert after_failure(None, "rate limited", "", 7200.0, 60.0, 0.0).next_try == 7200.0
    assert after_failure(None, "rate limited", "", None, 60.0, 0.0).next_try == 3600.0
    assert after_failure(None, "unreachable", "", None, 60.0, 0.0).next_try == 10.0
    assert after_failure(None, "unreachable", "", 50.0, 60.0, 0.0).next_try == 50.0
    assert after_failure(None, "rate limited", "", 6 * DAY, 60.0, 0.0).next_try == 6 * DAY, "as long as a week"
    assert after_failure(None, "rate limited", "", 1e12, 60.0, 0.0).next_try == 8 * DAY, "not for ever"


def test_a_deploy_mends_what_a_person_can_and_no_limit_of_the_ca():
    assert is_over_with_a_deploy(Failure(1, 60.0, "dns", ""), 0.0)
    assert not is_over_with_a_deploy(Failure(1, 60.0, "rate limited", ""), 59.0)
    assert is_over_with_a_deploy(Failure(1, 60.0, "rate limited", ""), 60.0)


@given(st.lists(st.sampled_from(["refused", "rate limited", "unreachable"]), min_size=1, max_size=60))
def test_waits_never_shrink_while_the_same_goes_wrong_and_are_never_longer_than_a_day(kinds):
    failure = None
    for kind in kinds:
        before, failure = failure, after_failure(failure, kind, "", None, 60.0, 0.0)
        assert 0 < failure.next_try <= DAY
        if before and before.kind == kind:
            assert failure.next_try >= before.next_try


def test_a_wildcard_stands_for_one_label():
    assert covers("*.a.test", "b.a.test") and covers("a.test", "a.test")
    assert not covers("*.a.test", "a.test") and not covers("*.a.test", "c.b.a.test") and not covers("*.test", "test")
    assert covers("*.a.test", "*.a.test")
