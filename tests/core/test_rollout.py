"""Rollouts over a thousand simulated installations, and the rules that hold for every ramp."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discode.core.errors import Refused, UsageError
from discode.core.installation import Installation
from discode.core.offer import is_in, offered_here
from discode.core.plan import NothingToDo, Step, plan_install, plan_update
from discode.core.release import IndexEntry
from discode.core.rollout import Rollout, Stage, must_halt, parse_ramp, place_of
from discode.testing.memory_world import MemoryReleases

START = 1_800_000_000.0
SEEDS = [f"{number:032x}" for number in range(1000)]


def ramp(text, **fields):
    return parse_ramp(text, START, fields.get("halt_at"), fields.get("halt_reports", 20))


def entry(rollout, key="0" * 12, version="2.0"):
    return IndexEntry(version=version, key=key, rollout=rollout)


def among(one, now):
    return {seed for seed in SEEDS if is_in(one, seed, now)}


@pytest.mark.parametrize("key", ["0" * 12, "abc123def456", "f" * 12])
def test_shares_over_a_thousand_installations(key):
    one = entry(ramp("1%,5%@1h,25%@24h,50%@48h,100%@72h"), key)
    for hours, share in [(0, 1), (1, 5), (23, 5), (24, 25), (48, 50), (71, 50), (72, 100), (9999, 100)]:
        assert abs(len(among(one, START + hours * 3600)) / 10 - share) <= 3, (hours, share)
    assert not among(one, START - 1), "a clock that is behind waits"


def test_who_is_in_stays_in_as_it_grows():
    one = entry(ramp("1%,2%@1h,10%@2h,33%@3h,70%@4h,100%@5h"))
    found = [among(one, START + hours * 3600) for hours in range(7)]
    assert all(earlier <= later for earlier, later in itertools.pairwise(found))
    by_hand = [among(entry(ramp(f"{share}%")), START) for share in (1, 5, 20, 50, 100)]
    assert all(earlier <= later for earlier, later in itertools.pairwise(by_hand))


def test_the_first_ones_are_others_with_the_next_release():
    first, second = (among(entry(ramp("10%"), key), START) for key in ("0" * 12, "1" * 12))
    assert len(first & second) < 40, "a tenth of a tenth, about"


@given(st.text(max_size=40), st.text(max_size=12))
def test_a_place_is_always_between_0_and_100_and_the_same(seed, key):
    assert 0 <= place_of(seed, key) < 100 and place_of(seed, key) == place_of(seed, key)


@given(
    st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 100)), min_size=1, max_size=6),
    st.lists(st.floats(-10, 2000), min_size=2, max_size=2),
)
def test_every_ramp_only_grows(stages, times):
    try:
        made = Rollout(started=START, stages=tuple(Stage(after=after, share=share) for after, share in stages))
    except ValueError:
        return
    early, late = sorted(times)
    assert made.share(START + early) <= made.share(START + late)


@pytest.mark.parametrize("text", ["", "5", "5%,2%@1h", "5%@2h,9%@1h", "101%", "5%@soon", "-5%", "5%,,9%", "nan%"])
def test_ramps_that_do_not_hold(text):
    with pytest.raises(UsageError):
        ramp(text)


def test_halting():
    one = ramp("5%", halt_at=20, halt_reports=10)
    assert not must_halt(one, 9, 9), "too few have reported"
    assert not must_halt(one, 2, 10)
    assert must_halt(one, 3, 10)
    assert not must_halt(ramp("5%"), 100, 100)


def at(release, seed):
    return Installation(app="myapp", source="memory", release=release, seed=seed)


def test_the_plan_waits_goes_ahead_and_heeds_what_is_held():
    vendor = MemoryReleases("myapp")
    one = vendor.publish("1.0")
    vendor.publish("1.1")
    vendor.publish("2.0")
    vendor.entries[2] = vendor.entries[2].changed(rollout=ramp("50%"))
    key = vendor.entries[2].key
    early = next(seed for seed in SEEDS if place_of(seed, key) < 50)
    late = next(seed for seed in SEEDS if place_of(seed, key) >= 50)
    index = vendor.index()

    def plan(seed, index=index, release=one, **options):
        return plan_update(at(release, seed), index, options.pop("to", None), now=START, **options)

    assert plan(early).entry.version == "2.0" and plan(late).entry.version == "1.1"
    newer = vendor.releases[vendor.entries[1].key]
    waits = plan(late, release=newer)
    assert isinstance(waits, NothingToDo) and "50%" in waits.reason and "--now" in waits.reason
    assert plan(late, release=newer, ahead=True).entry.version == "2.0"
    assert isinstance(plan(late, to="2.0"), Step)
    held = index.changed(held=frozenset([key]))
    assert plan(early, held).entry.version == "1.1"
    halted = plan(early, held, newer, ahead=True)
    assert isinstance(halted, NothingToDo) and "halted" in halted.reason
    with pytest.raises(Refused) as refused:
        plan(early, held, to="2.0")
    assert refused.value.name == "rollout-halted"
    assert plan_install(index, "stable", None, early, START).version == "2.0"
    assert plan_install(index, "stable", None, late, START).version == "1.1"
    assert plan_install(held, "stable", None, early, START).version == "1.1"


def test_a_first_release_can_be_installed_though_it_is_rolled_out():
    vendor = MemoryReleases("myapp")
    vendor.publish("1.0")
    vendor.entries[0] = vendor.entries[0].changed(rollout=ramp("0%"))
    assert plan_install(vendor.index(), "stable", None, SEEDS[0], START).version == "1.0"


def test_what_a_hub_says_never_moves_an_installation_on():
    """Whatever is held: who was not offered a release without it is not offered it with it."""
    one = entry(ramp("30%"))
    index = MemoryReleases("myapp").index().changed(releases=(one,))
    for held in (frozenset(), frozenset([one.key]), frozenset(["f" * 12])):
        with_held = index.changed(held=held)
        for seed in SEEDS[:100]:
            here = offered_here(with_held, seed, START).releases
            assert len(here) <= len(offered_here(index, seed, START).releases)
