"""A version that has proved itself stays: what befalls it between that and the end of the flow is not its fault."""

import pytest
from beside import ONLY_DB
from scenarios import APP, backed_up, in_memory, installed, with_next
from test_rollback_data import updated as updated_with_a_snapshot
from trial import faulty

from discode.flows.backup import backup
from discode.flows.restore_data import restore_data
from discode.flows.rollback_data import rollback_with_data
from discode.flows.settle import settle_for_the_dead
from discode.flows.update import update
from discode.testing.faults import Crash, Fault, Script
from discode.testing.memory_runtime import Behaviour


def to_restore():
    world = in_memory(backed_up(lambda one: installed(one, **ONLY_DB)))()
    backup(world.world(), APP)
    return world


FLOWS = {
    "update": (in_memory(with_next()), lambda world: update(world, APP)),
    "restore": (to_restore, lambda world: restore_data(world, APP, "latest", sure=True)),
    "rollback with data": (updated_with_a_snapshot, lambda world: rollback_with_data(world, APP, sure=True)),
}


def killed_when_proved(prepare, run):
    """At each call from then on."""
    rehearsal, proved = prepare(), []
    script = Script({})
    script.watch = lambda: proved.append(script.calls) if _is_proved(rehearsal) else None
    run(faulty(rehearsal, script))
    assert proved, "the journal says so before its end"
    for call in range(proved[0], proved[-1] + 1):
        world = prepare()
        with pytest.raises(Crash):
            run(faulty(world, Script({call: Fault("crash")})))
        world.store.release_all()
        yield world


def _is_proved(world):
    journal = world.store.journals.get(APP)
    return journal is not None and journal.is_proved


@pytest.mark.parametrize(("prepare", "run"), FLOWS.values(), ids=FLOWS)
def test_it_stays_when_all_goes_down_and_it_does_not_come_up_by_itself(prepare, run):
    for world in killed_when_proved(prepare, run):
        after, key = world.store.journals[APP].after, world.store.journals[APP].after.release.key
        for name in list(world.runtime.live):
            world.runtime.stop(name, 1)
        world.runtime.behaviours[key] = Behaviour.NEVER_HEALTHY
        settle_for_the_dead(world.world(), APP)
        assert world.store.installation(APP) == after and not world.store.journals
        told = world.store.history(APP)[-1]
        assert (told.outcome, told.serves) in {("settled-forward", after.version), ("done", after.version)}
        assert key not in world.store.installation(APP).avoided(world.system.now())
