"""A release whose bytes somebody removed (`docker system prune`) is fetched again by every flow that needs it."""

import pytest
from scenarios import APP, HOLD, with_next

from discode.core.errors import DiscodeError
from discode.flows.configure import configure, restart
from discode.flows.power import start, stop
from discode.flows.restore import restore
from discode.flows.rollback import rollback
from discode.flows.update import update
from discode.testing.memory_runtime import Behaviour
from discode.testing.memory_world import MemoryWorld


def _emptied(world: MemoryWorld) -> None:
    """What does not run is gone, and what nothing runs of."""
    live = world.runtime.live
    for name in [name for name, one in live.items() if one.phase.value != "running"]:
        del live[name]
    world.runtime.fetched = {(name.app, name.key) for name in live}


@pytest.fixture
def world() -> MemoryWorld:
    made = MemoryWorld(APP)
    with_next()(made)
    update(made.world(), APP)
    return made


def _served(world: MemoryWorld) -> str:
    service = world.proxy.services[APP]
    return next(one.spec.release.version for one in world.runtime.live.values() if one.endpoint == service.endpoint)


@pytest.mark.parametrize("flow", [start, restore], ids=["start", "settle"])
def test_a_stopped_app_starts_again(world, flow):
    stop(world.world(), APP)
    _emptied(world)
    if flow is restore:  # it was on its way up when the power failed
        world.store.save_installation(world.store.installations[APP].with_state("running"))
    flow(world.world(), APP)
    assert world.store.installations[APP].state == "running" and _served(world) == "1.1"


@pytest.mark.parametrize(
    ("flow", "serves"),
    [
        (lambda w: restart(w, APP), "1.1"),
        (lambda w: configure(w, APP, {"GREETING": "ho"}), "1.1"),
        (lambda w: rollback(w, APP), "1.0"),
    ],
    ids=["restart", "config", "rollback"],
)
def test_another_instance_starts(world, flow, serves):
    _emptied(world)
    world.runtime.fetched.clear()
    flow(world.world())
    assert _served(world) == serves


class _Pruned(MemoryWorld):
    """The old version's bytes go while it is stopped for the new one."""

    def publish_and_prune(self):
        with_next(Behaviour.NEVER_HEALTHY, **HOLD)(self)
        stopping = self.runtime.stop

        def stop_and_prune(name, grace):
            stopping(name, grace)
            _emptied(self)

        self.runtime.stop = stop_and_prune


def test_the_old_version_of_a_hold_comes_back():
    world = _Pruned(APP)
    world.publish_and_prune()
    with pytest.raises(DiscodeError, match="did not answer within"):
        update(world.world(), APP)
    assert _served(world) == "1.0" and not world.store.journals


def test_a_start_that_cannot_fetch_says_so_and_leaves_the_app_stopped(world):
    stop(world.world(), APP)
    _emptied(world)
    world.vendor.away = True
    with pytest.raises(DiscodeError) as raised:
        start(world.world(), APP)
    assert raised.value.sentence == (
        "myapp 1.1 is no longer on this machine, and it cannot be fetched again: The releases cannot be reached. "
        "myapp stays stopped."
    )
    assert raised.value.next_step == "Try again later."
    assert world.store.installations[APP].state == "stopped" and not world.store.journals
    world.vendor.away = False
    start(world.world(), APP)
    assert _served(world) == "1.1"


def test_a_time_for_fetching_is_no_time_for_booting(world):
    """Nor is it counted as such: what is fetched for minutes has its whole deadline afterwards."""
    stop(world.world(), APP)
    _emptied(world)
    fetching = world.vendor.archive

    def slowly(release, report):
        world.system.sleep(600)
        return fetching(release, report)

    world.vendor.archive = slowly
    world.runtime.behaviours[world.store.installations[APP].release.key] = Behaviour.GOOD
    start(world.world(), APP)
    assert _served(world) == "1.1"
