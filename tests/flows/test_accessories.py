"""What is beside an app, through its flows: what is touched, what happens to its data, how long requests wait."""

import pytest
from beside import DB, ENV, MAJOR, ONLY_DB, ONLY_MAJOR, ONLY_PATCHED, PATCHED, WITH_CACHE, behaves, postgres, publish
from notes import Notes
from scenarios import APP, from_to, installed_with

from discode.core.errors import Failed, PreflightError, Refused
from discode.core.installation import Route
from discode.core.room import SPARE
from discode.flows.configure import configure
from discode.flows.install import InstallRequest, install
from discode.flows.power import start, stop
from discode.flows.prune import prune
from discode.flows.remove import remove
from discode.flows.restore import restore
from discode.flows.rollback import rollback
from discode.flows.update import update
from discode.ports.proxy import Mode
from discode.ports.runtime import Phase
from discode.testing.faults import Crash, Faulty, Script
from discode.testing.memory_accessories import AccessoryBehaviour, MemoryAccessories, Volume
from discode.testing.memory_runtime import Behaviour
from discode.testing.memory_world import MemoryWorld

CHANGES = {"start", "stop", "remove", "execute", "drop_volume"}


def made(prepare):
    world = MemoryWorld(APP)
    prepare(world)
    return world


def calls_of(world, run):
    """What is done to accessories meanwhile."""
    script = Script({})
    run(world.world(accessories=Faulty(world.accessories, script, Refused("No."))))
    return [name for name in script.names if name in CHANGES]


def updated(prepare):
    world = made(prepare)
    update(world.world(), APP)
    return world


def version(world):
    return world.store.installations[APP].version


def env(world):
    [instance] = world.runtime.live.values()
    return instance.spec.env


def test_one_that_is_the_same_is_not_touched():
    world = made(from_to(WITH_CACHE, WITH_CACHE))
    since = {name: one.since for name, one in world.accessories.live.items()}
    assert calls_of(world, lambda w: update(w, APP)) == []
    assert {name: one.since for name, one in world.accessories.live.items()} == since


def test_a_new_one_is_healthy_before_the_release_command():
    world = made(from_to(ONLY_DB, WITH_CACHE))
    seen = []
    run_once = world.runtime.run_once

    def run(*args):
        seen.extend(state.name for state in world.accessories.all(APP) if state.phase is Phase.RUNNING)
        return run_once(*args)

    world.runtime.run_once = run
    update(world.world(), APP)
    assert seen == ["cache", "db"]


def test_the_app_is_told_of_it_by_a_generated_password():
    world = made(lambda w: installed_with(w, ONLY_DB))
    [db] = world.accessories.live.values()
    password = db.spec.env["POSTGRES_PASSWORD"]
    assert len(password) >= 32 and env(world)["DATABASE_URL"] == f"postgresql://app:{password}@db:5432/app"
    assert password not in repr(db.spec)
    update_later(world, PATCHED)
    [db] = world.accessories.live.values()
    assert db.spec.env["POSTGRES_PASSWORD"] == password


def update_later(world, db):
    publish(world, "1.1", {"db": db})
    update(world.world(), APP)


def test_a_major_version_takes_its_data_along_and_the_old_volume_stays_until_it_is_pruned():
    world = updated(from_to(ONLY_DB, ONLY_MAJOR))
    before = [f"from before {number}" for number in range(4)]
    assert world.accessories.read(APP, "db")[:4] == before and version(world) == "1.1"
    assert world.accessories.volumes(APP) == ["db.data.15", "db.data.17"]
    assert world.accessories.data[APP, "db.data.15"].lines == before
    done = prune(world.world(), APP)
    assert world.accessories.volumes(APP) == ["db.data.17"] and "db.data.15" in done.message
    assert world.accessories.read(APP, "db")[:4] == before


def test_there_is_no_way_back_from_a_major_version():
    world = updated(from_to(ONLY_DB, ONLY_MAJOR, release_command=None))
    with pytest.raises(Refused, match="older, cannot read its data"):
        rollback(world.world(), APP, sure=True)
    assert version(world) == "1.1" and world.accessories.volumes(APP) == ["db.data.15", "db.data.17"]


def test_a_second_try_begins_with_an_empty_volume():
    world = made(from_to(ONLY_DB, ONLY_MAJOR, AccessoryBehaviour.RESTORE_FAILS))
    world.accessories.data[APP, "db.data.17"] = Volume(["of who knows when"], "17", "made")
    with pytest.raises(Failed, match=r"1\.0 is still serving"):
        update(world.world(), APP)
    assert world.accessories.volumes(APP) == ["db.data.15"]
    world.accessories.data[APP, "db.data.17"] = Volume(["of who knows when"], "17", "made")
    behaves(world, MAJOR, AccessoryBehaviour.GOOD)
    update(world.world(), APP, retry=True)
    assert world.accessories.read(APP, "db")[:4] == [f"from before {number}" for number in range(4)]


class Cut(MemoryAccessories):
    """Its databases need a while for their first start, in which the process that waits for them dies."""

    def healthy(self, spec):
        if all(one.state == "made" for one in self._volumes(self.live[spec.app, spec.name])):
            return super().healthy(spec)
        raise Crash


def cut_off(world, run):
    """In the first start of a database; then the next command settles."""
    cut = Cut()
    cut.__dict__.update(world.accessories.__dict__)
    with pytest.raises(Crash):
        run(world.world(accessories=cut))
    restore(world.world(), APP)


def test_a_database_whose_first_start_was_cut_off_is_made_anew_by_the_next_try():
    world = MemoryWorld(APP)
    publish(world, "1.0", ONLY_DB)
    first = InstallRequest(APP, "memory", route=Route(hosts=("a.test",)))
    cut_off(world, lambda w: install(w, first))
    assert world.accessories.volumes(APP) == []
    install(world.world(), first)
    assert version(world) == "1.0"


def test_nor_does_an_update_start_on_half_a_database():
    world = made(from_to(ONLY_DB, WITH_CACHE))
    cut_off(world, lambda w: update(w, APP))
    assert version(world) == "1.0" and world.accessories.volumes(APP) == ["db.data.15"]
    update(world.world(), APP)
    assert version(world) == "1.1"


def test_data_that_was_well_once_is_never_dropped_by_a_flow_that_goes_back():
    world = made(from_to(ONLY_DB, ONLY_PATCHED, AccessoryBehaviour.NEVER_HEALTHY, of=PATCHED))
    kept = list(world.accessories.data[APP, "db.data.15"].lines)
    with pytest.raises(Failed):
        update(world.world(), APP)
    assert kept and world.accessories.read(APP, "db") == kept


@pytest.mark.parametrize(
    ("how", "of", "words"),
    [
        (AccessoryBehaviour.DUMP_FAILS, DB, "it broke off"),
        (AccessoryBehaviour.LOSES, MAJOR, "does not have after the restore what 15 had before"),
        (AccessoryBehaviour.NEVER_HEALTHY, MAJOR, "did not get healthy within"),
        (AccessoryBehaviour.EXITS, MAJOR, "exited with 3"),
    ],
)
def test_why_a_major_version_did_not_make_it_is_told(how, of, words):
    world = made(from_to(ONLY_DB, ONLY_MAJOR, how, of=of))
    with pytest.raises(Failed) as failed:
        update(world.world(), APP)
    assert words in f"{failed.value.sentence} {' '.join(failed.value.log)}"
    assert "1.0 is still serving" in failed.value.sentence and version(world) == "1.0"


class Slow:
    """A dump takes so many seconds."""

    def __init__(self, world, seconds):
        self._world, self._seconds = world, seconds

    def __getattr__(self, name):
        call = getattr(self._world.accessories, name)
        if name != "execute":
            return call

        def execute(*args, timeout, **options):
            self._world.system.time += min(self._seconds, timeout)
            return call(*args, timeout=timeout, **options)

        return execute


def test_over_the_longest_hold_it_backs_out():
    world = made(from_to(ONLY_DB, ONLY_MAJOR, update={"hold": 5, "confirm": 0.5}))
    with pytest.raises(Failed, match=r"in the time for which requests may be held.* 1\.0 is still serving"):
        update(world.world(accessories=Slow(world, 2)), APP)
    assert world.proxy.services[APP].mode.value == "running" and version(world) == "1.0"
    update(world.world(accessories=Slow(world, 0.5)), APP, retry=True)
    assert version(world) == "1.1"


def test_a_major_version_is_confirmed_before_a_request_is_let_through():
    """What it writes afterwards is in the new volume alone."""
    world = made(from_to(ONLY_DB, ONLY_MAJOR, behaviour=Behaviour.TURNS_BAD))
    with pytest.raises(Failed):
        update(world.world(), APP)
    assert version(world) == "1.0" and not world.accessories.lost(APP, "db")


def test_programs_of_people_are_ended_before_a_dump():
    world = made(from_to(ONLY_DB, ONLY_MAJOR))
    world.runtime.begun.append((APP, True))
    update(world.world(), APP)
    assert world.runtime.begun == []


def test_an_image_that_fails_is_left_and_the_release_remembered():
    world = made(from_to(ONLY_DB, ONLY_PATCHED, AccessoryBehaviour.NEVER_HEALTHY))
    with pytest.raises(Failed, match=r"myapp-db .* did not get healthy within .* 1\.0 is still serving"):
        update(world.world(), APP)
    [db] = world.accessories.live.values()
    assert db.spec.accessory == DB and update(world.world(), APP).outcome == "nothing-to-do"


def test_one_that_is_elsewhere_is_not_run():
    world = made(lambda w: installed_with(w, WITH_CACHE))
    configure(world.world(), APP, {"DATABASE_URL": "postgres://db.example.com/app"}, force=True)
    assert [state.name for state in world.accessories.all(APP)] == ["cache"]
    assert env(world)["DATABASE_URL"] == "postgres://db.example.com/app"
    assert "db.data.15" in world.accessories.volumes(APP)


def test_they_stop_after_the_app_and_start_before_it():
    world = made(lambda w: installed_with(w, WITH_CACHE))
    stop(world.world(), APP)
    assert {state.phase for state in world.accessories.all(APP)} == {Phase.STOPPED}
    start(world.world(), APP)
    assert {state.phase for state in world.accessories.all(APP)} == {Phase.RUNNING}
    assert not world.accessories.violations


def test_an_app_that_cannot_start_leaves_them_stopped():
    world = made(lambda w: installed_with(w, ONLY_DB))
    stop(world.world(), APP)
    behaves(world, DB, AccessoryBehaviour.NEVER_HEALTHY)
    with pytest.raises(Failed, match="stays stopped"):
        start(world.world(), APP)
    assert [state.phase for state in world.accessories.all(APP)] == [Phase.STOPPED]


def test_data_outlives_an_uninstall_and_is_found_again():
    world = made(lambda w: installed_with(w, ONLY_DB))
    remove(world.world(), APP)
    assert world.accessories.all(APP) == [] and world.accessories.volumes(APP) == ["db.data.15"]
    notes = Notes()
    install(world.world(report=notes), InstallRequest(APP, "memory"))
    assert world.accessories.read(APP, "db")[:4] == [f"from before {number}" for number in range(4)]
    assert any("db.data.15" in note for note in notes.notes)


def test_data_of_another_version_is_not_passed_over():
    world = made(lambda w: installed_with(w, {"db": postgres("14")}))
    remove(world.world(), APP)
    publish(world, "1.1", ONLY_DB)
    with pytest.raises(PreflightError, match="postgres 15 as db, and there is data of another version") as refused:
        install(world.world(), InstallRequest(APP, "memory"))
    assert refused.value.name == "accessory-other-data" and world.accessories.all(APP) == []
    remove(world.world(), APP, purge=True)
    install(world.world(), InstallRequest(APP, "memory"))
    assert world.accessories.volumes(APP) == ["db.data.15"]


def test_images_of_releases_that_are_gone_are_dropped():
    world = updated(from_to(ONLY_DB, ONLY_PATCHED, release_command=None))
    assert world.accessories.fetched == {(APP, DB.image.reference), (APP, PATCHED.image.reference)}
    prune(world.world(), APP, keep=0)
    assert world.accessories.fetched == {(APP, PATCHED.image.reference)}


def test_an_app_without_any_asks_for_none():
    world = MemoryWorld(APP)
    world.publish("1.0", env={name: value for name, value in ENV.items() if name != "DATABASE_URL"})
    install(world.world(), InstallRequest(APP, "memory"))
    world.publish("1.1")
    script = Script({})
    update(world.world(accessories=Faulty(world.accessories, script, Refused("No."))), APP)
    assert script.names == []


def test_a_disk_without_room_for_a_major_version_is_told_before_anything_is_held():
    world = made(from_to(ONLY_DB, ONLY_MAJOR))
    lines = world.accessories.data[APP, "db.data.15"].lines
    lines.append("x" * 1_000_000)
    data = sum(map(len, lines))
    world.runtime.disk = SPARE + 2 * data - 1
    with pytest.raises(
        PreflightError, match=r"A second copy of the data of myapp-db, with its dump, for myapp 1.1 needs "
    ) as raised:
        update(world.world(), APP)
    assert raised.value.name == "disk-full" and version(world) == "1.0" and not world.store.journals
    assert world.accessories.volumes(APP) == ["db.data.15"] and world.proxy.services[APP].mode is Mode.RUNNING
    world.runtime.disk += 1
    update(world.world(), APP)
    assert version(world) == "1.1"
