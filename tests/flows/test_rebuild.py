"""Every flow is interrupted at every call, and then files are damaged too: rebuilding and settling set it right."""

import itertools
from dataclasses import replace

import pytest
from scenarios import APP, SCENARIOS
from trial import check_end, faulty, fresh, trial

from discode.core.errors import DiscodeError, ReleaseFailed, StateError
from discode.flows.rebuild import plan_rebuild, rebuild
from discode.flows.restore import restore
from discode.flows.rollback import rollback
from discode.testing.faults import Crash, Fault, Script

DAMAGE = [("journal",), ("installation",), ("journal", "installation"), ("journal", "installation", "history")]
# With all that was recorded gone, a bad release that has the traffic stays. Past a major version of a database no way
# leads back from it, and only a newer release helps. Its data is whole.
HELPLESS = "update beside a major version, app turns bad"
FIRST = [scenario for scenario in SCENARIOS if scenario.name not in ("restore", HELPLESS)]


def damaged(world, documents):
    """Damage what is there of the documents; the answer is which were."""
    tables = {"journal": world.store.journals, "installation": world.store.installations}
    there = [name for name in documents if APP in tables.get(name, {APP: None})]
    world.store.damaged |= {(APP, name) for name in there}
    return there


def remains(world):
    return set(world.runtime.live), set(world.runtime.volumes), dict(world.proxy.services)


def _as_recorded(scenario, there):
    """With all that was recorded gone, nobody can know that the one with the traffic had not proved itself yet. That
    HTTPS was required is in the journal alone."""
    if scenario.requires_https and "journal" in there:
        return replace(scenario, may_serve={None, "1.0"}, requires_https=False)
    everything = {"journal", "installation"} <= set(there)
    return replace(scenario, may_serve={*scenario.may_serve, "1.1"}) if everything else scenario


@pytest.mark.parametrize("scenario", FIRST, ids=lambda scenario: scenario.name)
def test_a_crash_and_damaged_files_at_once(scenario, combinations):
    ran, unknown = 0, 0
    for crash, documents in itertools.product(range(len(trial(scenario, {})) + 1), DAMAGE):
        world = fresh(scenario)
        script = Script({crash: Fault("crash")})
        try:
            scenario.run(faulty(world, script))
        except (Crash, DiscodeError):
            world.store.release_all()
        there = damaged(world, documents)
        before = remains(world)
        ran += 1
        try:
            rebuild(world.world(), APP)
        except StateError as error:
            # Installing, removing and stopping have moments at which nobody has the traffic, and nobody can know.
            assert scenario.name.startswith(("install", "uninstall")), f"{scenario.name} at {crash}: {error}"
            assert remains(world) == before and "move the damaged file away" in error.next_step
            unknown += 1
            continue
        assert remains(world) == before, f"{scenario.name} at {crash}, {there}: something was touched"
        assert not world.store.damaged and plan_rebuild(world.world(), APP) is None
        try:
            restore(world.world(), APP)  # the ordinary command: discode settle
        except ReleaseFailed:
            # A bad release was about to be left, and nothing tells so any more: the customer goes back by hand.
            names = ("update by hold, turns bad", "update beside one that turns bad")
            bad_data = "snapshot of an earlier version restored, turns bad"
            assert scenario.name in (*names, bad_data) and "installation" in there
            if scenario.name == bad_data:  # by another restore: its data from before is kept
                assert any("kept" in path.parts for path in world.repositories.files)
                continue
            rollback(world.world(), APP)
        end = {crash: f"crash, and damaged: {there}"}
        check_end(_as_recorded(scenario, there), world, end)
    combinations[f"{scenario.name}, damaged"] = ran
    assert unknown < ran / 4


def test_a_whole_world_has_nothing_to_rebuild():
    world = fresh(SCENARIOS[-2])
    assert plan_rebuild(world.world(), APP) is None and rebuild(world.world(), APP) is None
