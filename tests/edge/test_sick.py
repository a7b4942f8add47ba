"""Targets that refuse a connection, or have fallen ill: what a request sees of that, and for how long."""

import pytest
from echo import Echo, ask

from discode.edge.services.service import Health
from discode.edge.text.backend import check_options
from rig.ports import free_port
from rig.wait import wait_for

# Seconds: a second try of the same target would come later. On a busy machine an answer may, too, now and then.
AT_ONCE = 1.0
STREAM = [("Accept", "text/event-stream")]


@pytest.fixture
def two():
    made = Echo("one"), Echo("two")
    yield made
    for app in made:
        app.close()


def at_once(edge, times=1):
    """The answers to so many requests; none unless each came at once."""
    try:
        return [ask(edge, patience=AT_ONCE) for _ in range(times)]
    except TimeoutError:
        return []


def test_a_target_that_nobody_listens_at_is_told_at_once(edge):
    edge.ok("deploy", "a", "--target", f"127.0.0.1:{free_port()}", "--host", "a.test", "--force")
    [answer] = wait_for(lambda: at_once(edge))
    assert answer.status == 502


def test_what_one_of_several_refuses_another_takes(edge, two):
    one, other = two
    both = ("--target", one.target, "--target", other.target, "--host", "a.test")
    edge.ok("deploy", "a", *both, "--health-check-interval", "1h")  # no check takes the other one out
    other.close()
    assert {answer.told["name"] for answer in wait_for(lambda: at_once(edge, 10))} == {"one"}
    assert edge.run("deploy", "a", *both, "--deploy-timeout", "100ms").returncode == 1
    edge.ok("deploy", "a", "--target", other.target, "--host", "a.test", "--force")
    [answer] = wait_for(lambda: at_once(edge))
    assert answer.status == 502, "it has no others any more"


def test_one_of_two_that_falls_ill_gets_no_requests_from_its_next_check_on(edge, two):
    one, other = two
    edge.ok("deploy", "a", "--target", one.target, "--target", other.target, "--host", "a.test")
    other.is_well = False
    wait_for(lambda: edge.service("a")["health"][other.target] == "503 at /up")
    assert {ask(edge).told["name"] for _ in range(10)} == {"one"}
    wait_for(lambda: {ask(edge, headers=STREAM).told["name"] for _ in range(10)} == {"one"})
    other.is_well = True
    for headers in ((), STREAM):
        wait_for(lambda headers=headers: ask(edge, headers=headers).told["name"] == "two")


@pytest.mark.parametrize("is_live", [False, True])
def test_several_targets_are_checked_every_second_and_one_failure_counts(is_live):
    assert check_options(Health(), 2, is_live) == "check inter 1000ms fall 1 rise 1"
    assert check_options(Health(interval=0.2), 2, is_live) == "check inter 1000ms fall 1 rise 1"
    assert check_options(Health(interval=7.0), 2, is_live) == "check inter 7000ms fall 1 rise 1"


def test_several_targets_of_an_earlier_version_s_state_take_from_each_other(edge, two):
    """Its state does not say that there are several."""
    one, other = two
    edge.ok("deploy", "a", "--target", one.target, "--target", other.target, "--host", "a.test")
    edge.kill()
    state = edge.folder / "state.json"
    state.write_text(state.read_text().replace('"has_several": true, ', ""))
    edge.start()
    other.close()
    assert {ask(edge).told["name"] for _ in range(6)} == {"one"}
