"""Vendors are told how flows ended, once each: also when the hub was away, or the command was killed."""

from pathlib import Path

import pytest
from arrivals import bare, elsewhere, snapshot_of
from scenarios import APP, ENV, ROUTE, in_memory, installed, with_next, with_snapshot
from test_rollback_data import updated as updated_with_a_snapshot
from trial import faulty

from discode.core.errors import DiscodeError
from discode.core.history import HistoryEntry
from discode.core.report import MOST, Agreement, due
from discode.flows.configure import restart
from discode.flows.install import InstallRequest, install
from discode.flows.reporting import tell_vendors
from discode.flows.restore_data import restore_data
from discode.flows.restore_new import restore_new
from discode.flows.rollback import rollback
from discode.flows.rollback_data import rollback_with_data
from discode.flows.settle import settle_for_the_dead
from discode.flows.update import update
from discode.testing.faults import Crash, Fault, Script
from discode.testing.memory_runtime import Behaviour

HUB = "https://hub.example.com"


def agreed(prepare):
    """From a hub, with a customer who agrees to reports of what comes after that."""
    world = prepare()
    if (there := world.store.installation(APP)) is not None:
        world.store.save_installation(there.changed(source=HUB))
    world.system.time += 1
    world.reports.enable(APP, world.system.now())
    world.system.time += 1
    return world


FLOWS = [
    (in_memory(with_next()), lambda world: update(world, APP), ("update", "1.0", "1.1", "1.1", "done")),
    (
        in_memory(with_next(Behaviour.NEVER_HEALTHY)), lambda world: update(world, APP),
        ("update", "1.0", "1.1", "1.0", "failed"),
    ),
    (updated_with_a_snapshot, lambda world: rollback(world, APP), ("rollback", "1.1", "1.0", "1.0", "done")),
    (
        updated_with_a_snapshot, lambda world: rollback_with_data(world, APP, sure=True),
        ("restore", "1.1", "1.0", "1.0", "done"),
    ),
    (
        with_snapshot, lambda world: restore_data(world, APP, "latest", sure=True),
        ("restore", "1.0", "1.0", "1.0", "done"),
    ),
    (
        in_memory(lambda world: world.publish("1.0", env=ENV)),
        lambda world: install(world, InstallRequest(APP, HUB, route=ROUTE.changed(tls="off"))),
        ("install", None, "1.0", "1.0", "done"),
    ),
]  # fmt: skip
NAMES = ["update", "update that fails", "rollback", "rollback with data", "restore", "install"]


def words(told):
    return tuple(told[name] for name in ("flow", "before", "version", "serves", "outcome"))


@pytest.mark.parametrize(("prepare", "run", "expected"), FLOWS, ids=NAMES)
def test_each_flow_that_brings_a_version_is_told_once(prepare, run, expected):
    world = agreed(prepare)
    try:
        run(world.world())
    except DiscodeError:
        assert expected[-1] == "failed"
    tell_vendors(world.world())
    tell_vendors(world.world())
    assert [words(one) for one in world.reports.told] == [expected]


def test_one_that_came_from_a_snapshot_is_told_by_what_the_vendor_calls_it():
    world = bare(snapshot_of())
    world.reports.enable("copy", 0.0)
    restore_new(world.world(), elsewhere(world, name="copy", route=ROUTE.changed(hosts=("c.test",), tls="off"),
                                         source=HUB, settings={}))  # fmt: skip
    tell_vendors(world.world())
    [told] = world.reports.told
    assert words(told) == ("restore", None, "1.0", "1.0", "done") and told["app"] == APP


def agreed_snapshot():
    """On a machine that has nothing: of an app from a hub, whose customer agreed. With it the app does not start."""
    made = snapshot_of()
    [(one, files)] = made.repositories.storage.kept.values()
    files[Path(one.folder) / "documents/reporting.json"] = Agreement(installation="theirs", told=1.0).as_json().encode()
    world = bare(made)
    world.runtime.behaviours[made.store.installation(APP).release.key] = Behaviour.NEVER_HEALTHY
    return world


@pytest.mark.parametrize("name", [APP, "copy"])
def test_one_elsewhere_that_comes_to_nothing_is_told_at_once(name):
    """Of a copy as of another installation: it is none of the app's own history."""
    world = agreed_snapshot()
    with pytest.raises(DiscodeError, match="nothing is left of it"):
        restore_new(world.world(), elsewhere(world, name=name, route=ROUTE.changed(tls="off"), source=HUB))
    tell_vendors(world.world())
    [told] = world.reports.told
    assert words(told) == ("restore", None, "1.0", None, "failed") and told["app"] == APP
    assert (told["installation"] == "theirs") is (name == APP) and "boot" in told["seconds"]
    assert world.store.installation(name) is None


def test_of_one_elsewhere_nobody_is_told_without_consent_and_no_hub_keeps_its_error_away():
    world = agreed_snapshot()
    world.reports.away = True
    wanted = elsewhere(world, route=ROUTE.changed(tls="off"), source=HUB)
    with pytest.raises(DiscodeError, match="nothing is left of it"):
        restore_new(world.world(), wanted)
    assert world.reports.tries == 1
    [(one, files)] = world.repositories.storage.kept.values()
    del files[Path(one.folder) / "documents/reporting.json"]
    with pytest.raises(DiscodeError, match="nothing is left of it"):
        restore_new(world.world(), wanted)
    assert world.reports.tries == 1


@pytest.mark.parametrize(("prepare", "run", "expected"), FLOWS, ids=NAMES)
def test_one_that_is_killed_anywhere_is_told_once_by_its_guard(prepare, run, expected):
    rehearsal = agreed(prepare)
    script = Script({})
    try:
        run(faulty(rehearsal, script))
    except DiscodeError:
        assert expected[-1] == "failed"
    for call in range(0, len(script.names), 3):
        world = agreed(prepare)
        known = len(world.store.history(APP))
        with pytest.raises(Crash):
            run(faulty(world, Script({call: Fault("crash")})))
        world.store.release_all()
        settle_for_the_dead(world.world(), APP)
        ended = [one for one in world.store.history(APP)[known:] if one.flow != "backup"]
        assert [one["outcome"] for one in world.reports.told] == [one.outcome for one in ended], script.names[call]


def test_what_a_hub_that_is_away_was_not_told_it_hears_later():
    world = agreed(in_memory(with_next()))
    world.reports.away = True
    update(world.world(), APP)
    tell_vendors(world.world())
    tell_vendors(world.world())
    assert world.reports.tries == 1, "nobody asks it again and again"
    rollback(world.world(), APP)
    tell_vendors(world.world())
    assert world.reports.tries == 2, "but when there is something new"
    world.reports.away = False
    world.system.time += 900
    tell_vendors(world.world())
    assert [one["flow"] for one in world.reports.told] == ["update", "rollback"]


def test_what_a_hub_never_takes_keeps_nothing_back():
    world = agreed(updated_with_a_snapshot)
    world.reports.refuses = {"restore"}
    rollback_with_data(world.world(), APP, sure=True)
    world.publish("1.2", env=ENV)
    update(world.world(), APP)
    tell_vendors(world.world())
    assert [one["flow"] for one in world.reports.told] == ["update"]


def test_nothing_is_told_without_consent_nor_to_a_folder_nor_of_the_customers_own_affairs():
    world = in_memory(with_next())()
    update(world.world(), APP)
    tell_vendors(world.world())
    world.reports.enable(APP, world.system.now())
    rollback(world.world(), APP)
    tell_vendors(world.world())
    world = agreed(in_memory(installed))
    restart(world.world(), APP)
    tell_vendors(world.world())
    assert world.reports.tries == 0


def entry(at, flow="update"):
    return HistoryEntry(started=at, at=at, flow=flow, outcome="done", to_version="1.1")


def test_what_is_due():
    lines = [entry(10.0), entry(20.0, "backup"), entry(5.0, "rollback")]
    assert due(lines, 10.0) == [lines[2]], "a clock that was set back loses none"
    assert due(lines, 20.0) == [lines[2]] and due(lines, 5.0) == []
    assert due(lines, 7.0) == [lines[0]], "where the line itself is gone"
    assert due(lines, None) == [lines[2]], "an earlier Discode told of all, or of none"
    assert len(due([entry(float(number)) for number in range(100)], -1.0)) == MOST


def test_a_clock_that_was_set_back_does_not_keep_from_trying():
    agreement = Agreement(installation="x", told=1.0, tried=1000.0)
    assert not agreement.may_try([entry(2.0)], 1001.0) and agreement.may_try([entry(2.0)], 999.0)
