"""A disk without room is told before anything is stopped: which folder, what is needed, what is free."""

import pytest
from arrivals import bare, elsewhere, snapshot_of
from scenarios import APP, backed_up, installed, with_next

from discode.core.errors import PreflightError
from discode.core.room import SPARE
from discode.flows.backup import backup
from discode.flows.install import InstallRequest, install
from discode.flows.restore_data import restore_data
from discode.flows.restore_new import restore_new
from discode.flows.update import update
from discode.ports.proxy import Mode
from discode.testing.memory_world import MemoryWorld


def in_memory(prepare):
    def make():
        world = MemoryWorld(APP)
        prepare(world)
        return world

    return make


def with_snapshot():
    world = in_memory(backed_up(installed))()
    backup(world.world(), APP)
    return world


CALLERS = {
    "install": (
        in_memory(lambda world: world.publish("1.0")), lambda world: install(world, InstallRequest(APP, "memory")),
        "myapp 1.0",
    ),
    "update": (in_memory(with_next()), lambda world: update(world, APP), "myapp 1.1"),
    "restore": (
        with_snapshot, lambda world: restore_data(world, APP, "latest", sure=True, snapshot_before=False), "myapp 1.0"
    ),
    "restore elsewhere": (lambda: bare(snapshot_of()), None, "myapp 1.0"),
}  # fmt: skip


@pytest.mark.parametrize(("prepare", "run", "what"), CALLERS.values(), ids=CALLERS)
def test_it_is_told_before_anything_is_touched(prepare, run, what):
    world = prepare()
    world.runtime.disk = SPARE
    was = world.store.installation(APP)
    with pytest.raises(PreflightError) as refused:
        run(world.world()) if run else restore_new(world.world(), elsewhere(world))
    assert refused.value.sentence.startswith(f"{what} needs 64 MB of disk space, but only 64 MB are free in ")
    assert refused.value.sentence.endswith(" in /memory/releases. Nothing was changed.")
    assert refused.value.next_step == "Free some space there, then run the command again."
    assert world.store.installation(APP) == was and not world.store.journals
    assert was is None or world.proxy.services[APP].mode is Mode.RUNNING
