import pytest

from discode.core.errors import Refused
from discode.core.installation import Installation
from discode.core.plan import NothingToDo, Step, plan_install, plan_rollback, plan_update, warning_of, withdrawn
from discode.testing.memory_world import MemoryReleases

APP = "myapp"


@pytest.fixture
def vendor():
    return MemoryReleases(APP)


def at(release, **fields):
    return Installation(app=APP, source="memory", release=release, **fields)


def changed(vendor, version, **fields):
    """The index entry of a version with other fields."""
    vendor.entries = [e.changed(**fields) if e.version == version else e for e in vendor.entries]


def test_the_newest_release_of_the_channel_is_taken(vendor):
    one = vendor.publish("1.0")
    vendor.publish("1.10")
    vendor.publish("1.9")
    vendor.publish("2.0")
    changed(vendor, "2.0", channels=("beta",))
    plan = plan_update(at(one), vendor.index(), None)
    assert isinstance(plan, Step) and plan.entry.version == "1.10"
    assert plan_install(vendor.index(), "beta", None).version == "2.0"


def test_a_yanked_release_is_not_offered_and_not_taken_by_name(vendor):
    one = vendor.publish("1.0")
    vendor.publish("1.1")
    changed(vendor, "1.1", yanked="loses mail")
    assert isinstance(plan_update(at(one), vendor.index(), None), NothingToDo)
    with pytest.raises(Refused, match="loses mail"):
        plan_update(at(one), vendor.index(), "1.1")


@pytest.mark.parametrize("previous", [False, True])
def test_a_release_that_serves_and_was_taken_back_is_told_with_the_reason(vendor, previous):
    one, two = vendor.publish("1.0"), vendor.publish("1.1")
    here = at(one).with_release(two, 1) if previous else at(two)
    assert withdrawn(here, vendor.index()) is None and warning_of(here, None) == ""
    changed(vendor, "1.0", yanked="not this one")
    assert withdrawn(here, vendor.index()) is None
    changed(vendor, "1.1", yanked="loses\n mail.")
    reason = withdrawn(here, vendor.index())
    assert reason == "loses mail."
    back = " To go back: discode rollback myapp" if previous else ""
    assert warning_of(here, reason) == f"The vendor withdrew 1.1, which is installed here: loses mail.{back}"
    changed(vendor, "1.1", key="0" * 12)
    assert withdrawn(here, vendor.index()) is None, "another release of the same name"


def test_an_old_installation_goes_through_the_releases_that_lead_on(vendor):
    one = vendor.publish("1.0")
    vendor.publish("1.5")
    vendor.publish("2.0", requires=">=1.5")
    vendor.publish("3.0", requires=">=2.0")
    plan = plan_update(at(one), vendor.index(), None)
    assert isinstance(plan, Step) and (plan.entry.version, plan.target.version) == ("1.5", "3.0")


def test_a_gap_that_no_release_bridges_is_refused(vendor):
    one = vendor.publish("1.0")
    vendor.publish("3.0", requires=">=2.0")
    with pytest.raises(Refused, match=r"requires >=2\.0") as refused:
        plan_update(at(one), vendor.index(), None)
    assert refused.value.name == "requires"


def test_a_release_that_failed_here_is_left_alone_until_its_time(vendor):
    one, two = vendor.publish("1.0"), vendor.publish("1.1")
    installation = at(one).remembering(two, "1.1 exited with 3.", now=1000.0)
    plan = plan_update(installation, vendor.index(), None, installation.avoided(1001.0))
    assert isinstance(plan, NothingToDo) and "exited with 3" in plan.reason
    assert isinstance(plan_update(installation, vendor.index(), None, installation.avoided(1000.0 + 3601)), Step)
    assert isinstance(plan_update(installation, vendor.index(), "1.1", installation.avoided(1001.0)), Step)


def test_the_pause_after_a_failure_grows(vendor):
    one, two = vendor.publish("1.0"), vendor.publish("1.1")
    once = at(one).remembering(two, "no", now=0.0)
    twice = once.remembering(two, "no", now=0.0)
    assert twice.bad[two.key].tries == 2
    assert twice.bad[two.key].retry_at > once.bad[two.key].retry_at


def test_an_older_version_is_refused_by_name_and_never_offered(vendor):
    vendor.publish("1.0")
    two = vendor.publish("1.1")
    with pytest.raises(Refused, match="older"):
        plan_update(at(two), vendor.index(), "1.0")
    assert isinstance(plan_update(at(two), vendor.index(), None), NothingToDo)


def test_rollback_prefers_what_is_older_and_stops_at_an_irreversible_release(vendor):
    one, two, three = vendor.publish("1.0"), vendor.publish("1.1"), vendor.publish("1.2", irreversible=True)
    assert plan_rollback(at(two, previous=(three, one)), None) is one
    assert plan_rollback(at(two, previous=(three, one)), "1.2") is three
    with pytest.raises(Refused) as refused:
        plan_rollback(at(three, previous=(two, one)), None)
    assert refused.value.name == "irreversible"
    with pytest.raises(Refused, match=r"no earlier release 0\.9"):
        plan_rollback(at(two, previous=(one,)), "0.9")


def test_an_unknown_channel_and_version_say_what_there_is(vendor):
    vendor.publish("1.0")
    with pytest.raises(Refused) as refused:
        plan_install(vendor.index(), "nightly", None)
    assert "stable" in refused.value.next_step
    with pytest.raises(Refused, match=r"no release 9\.9"):
        plan_install(vendor.index(), "stable", "9.9")
