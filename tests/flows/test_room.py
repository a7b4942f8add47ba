"""A disk without room is told before anything is stopped: which folder, what is needed, what is free."""

import pytest
from arrivals import bare, elsewhere, snapshot_of
from beside import DB, publish
from scenarios import APP, ROUTE, backed_up, in_memory, with_next, with_snapshot

from discode.core.artifact import Resources
from discode.core.errors import PreflightError
from discode.core.room import SPARE
from discode.flows.backup import backup
from discode.flows.install import InstallRequest, install
from discode.flows.restore_data import restore_data
from discode.flows.restore_new import restore_new
from discode.flows.update import update
from discode.ports.proxy import Mode

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


LIMITED = {"db": DB.changed(resources=Resources(memory=1 << 30))}


def with_limited(world):
    publish(world, "1.0", LIMITED)
    install(world.world(), InstallRequest(APP, "memory", route=ROUTE.changed(tls="off")))


def with_a_database_next(world):
    publish(world, "1.0", {})
    install(world.world(), InstallRequest(APP, "memory", route=ROUTE.changed(tls="off")))
    publish(world, "1.1", LIMITED)


def with_a_snapshot_of_one():
    world = in_memory(backed_up(with_limited))()
    backup(world.world(), APP)
    return world


@pytest.mark.parametrize(
    ("prepare", "run"),
    [
        (in_memory(with_a_database_next), lambda world: update(world, APP)),
        (with_a_snapshot_of_one, lambda world: restore_data(world, APP, "latest", sure=True, snapshot_before=False)),
    ],
    ids=["update", "restore"],
)
def test_memory_for_a_database_beside_is_looked_at_where_the_vendor_says_how_much(prepare, run):
    world = prepare()
    world.system.memory = (1 << 30) - 1
    with pytest.raises(PreflightError, match=r"with what is started beside it, needs .* of memory") as refused:
        run(world.world())
    assert refused.value.name == "memory" and world.proxy.services[APP].mode is Mode.RUNNING
    world.system.memory += 1
    run(world.world())
