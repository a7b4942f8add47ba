"""Restore in memory: what is refused while nothing is touched, and what the result says. Faults: `scenarios`."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from beside import DB, ONLY_DB, behaves, fields_of
from scenarios import (
    APP,
    DATA,
    ENV,
    HOLD,
    LATER,
    installed,
    restorable,
    restorable_with,
    settle_once,
    with_nothing_beside,
)  # fmt: skip
from snapshot_seen import FIRST, PART, release_of, with_installation, with_record

from discode.core.backup_errors import BackupFailed, NoRepository, NoSuchSnapshot, RepositoryDamaged
from discode.core.errors import DiscodeError, Failed, Interrupted, PreflightError, Refused
from discode.core.snapshot import RECORD, SCHEMA, read_record
from discode.flows.backup import backup
from discode.flows.configure import configure
from discode.flows.power import stop
from discode.flows.prune import prune
from discode.flows.remove import remove
from discode.flows.restore import restore as settle_all
from discode.flows.restore_data import WouldUndo, restore_data
from discode.flows.update import update
from discode.ports.proxy import Mode
from discode.ports.runtime import Probe
from discode.testing.faults import Crash
from discode.testing.memory_accessories import AccessoryBehaviour, Elsewhere
from discode.testing.memory_runtime import Behaviour
from discode.testing.memory_world import MemoryWorld


@pytest.fixture
def world():
    made = MemoryWorld(APP)
    restorable(installed)(made)
    return made


def restore(world, which=FIRST, **options):
    return restore_data(world.world(), APP, which, sure=True, **options)


def untouched(world):
    """The app, its data, and the disk beside it."""
    assert world.repositories.files[DATA / "note"] == b"later"
    assert not [path for path in world.repositories.files if path.is_relative_to("/memory/swaps")]
    assert world.store.installation(APP).number == 2 and not world.store.journals
    assert world.proxy.services[APP].mode is Mode.RUNNING


def test_what_was_replaced_is_a_snapshot_and_can_be_gone_back_to(world):
    first = restore(world)
    assert world.repositories.files[DATA / "note"] == b"of the snapshot"
    assert first.snapshot == "00000002" and first.message.endswith(
        "What they replaced is the snapshot 00000002: to go back, discode restore myapp 00000002. "
        "With what was written after that snapshot, it also stays on this disk until: discode prune myapp"
    )
    world.system.sleep(60)
    second = restore(world, "latest", snapshot_before=False)
    assert second.message.endswith("What they replaced stays on this disk until: discode prune myapp")
    assert second.snapshot is None and world.repositories.files[DATA / "note"] == b"later"
    assert world.store.settings(APP, world.store.installation(APP).settings)["GREETING"] == "later"
    assert world.store.entries[APP][-1].flow == "restore"
    assert "Data that a restore has replaced is deleted." in prune(world.world(), APP).message
    assert not [path for path in world.repositories.files if path.is_relative_to("/memory/swaps")]


def test_nobody_restores_without_having_consented(world):
    with pytest.raises(WouldUndo) as refused:
        restore_data(world.world(), APP, FIRST)
    assert f"--yes {APP}" in refused.value.next_step
    untouched(world)
    assert len(world.repositories.storage.kept) == 1, "no snapshot is taken in vain"


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda world: with_record(world, snapshot_schema=SCHEMA + 1), "newer-snapshot"),
        (lambda world: with_installation(world, installation_schema=99), "newer-snapshot"),
        (lambda world: with_record(world, architecture="riscv64"), "other-architecture"),
        (lambda world: with_record(world, app="another"), "other-app"),
        (lambda world: with_record(world, kind="no such kind"), "damaged-snapshot"),
        (lambda world: with_record(world, parts=[{**PART, "name": "../../etc"}]), "damaged-snapshot"),
        (lambda world: with_record(world, parts=[{**PART, "name": ".swaps"}]), "damaged-snapshot"),
        (lambda world: with_installation(world, app="another"), "damaged-snapshot"),
        (lambda world: with_installation(world, release=release_of(world, "another")), "damaged-snapshot"),
        (lambda world: with_installation(world, previous=[release_of(world, "another")]), "damaged-snapshot"),
        (lambda world: with_installation(world, release="?"), "damaged-snapshot"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_snapshot_that_cannot_be_restored_here_is_refused(world, change, key):
    change(world)
    with pytest.raises(Refused) as refused:
        restore(world)
    assert refused.value.name == key
    untouched(world)


def test_a_snapshot_that_is_not_there_and_backups_that_were_never_set_up(world):
    with pytest.raises(NoSuchSnapshot):
        restore(world, "0000000f")
    world.repositories.plans.clear()
    with pytest.raises(NoRepository):
        restore(world)
    untouched(world)


def test_a_disk_that_is_too_small_is_told_before_anything_is_stopped(world):
    world.runtime.disk = (64 << 20) + 8
    with pytest.raises(PreflightError) as refused:
        restore(world)
    assert refused.value.name == "disk-full" and "Nothing was changed." in refused.value.sentence
    untouched(world)


def test_a_stopped_app_is_started_by_it(world):
    stop(world.world(), APP)
    assert restore(world).outcome == "restored"
    assert world.store.installation(APP).state == "running" and world.proxy.services[APP].mode is Mode.RUNNING
    assert world.repositories.files[DATA / "note"] == b"of the snapshot"


def test_who_interrupts_it_is_not_sent_to_another_snapshot(world):
    def interrupted(*_):
        del world.runtime.start  # the version from before starts
        raise Interrupted("Interrupted by SIGINT.", "Run the command again when you like.")

    world.runtime.start = interrupted
    with pytest.raises(Interrupted) as raised:
        restore(world)
    assert raised.value.next_step == "Run the command again when you like."


def test_a_stopped_app_that_does_not_start_with_it_is_stopped_as_before(world):
    stop(world.world(), APP)
    world.runtime.behaviours[world.vendor.entries[0].key] = Behaviour.NEVER_HEALTHY
    with pytest.raises(Failed) as refused:
        restore(world)
    assert "myapp is stopped, as before. Its data and settings are as they were." in refused.value.sentence
    assert world.store.installation(APP).state == "stopped" and world.proxy.services[APP].mode is Mode.STOPPED
    assert world.repositories.files[DATA / "note"] == b"later"


@pytest.fixture
def with_database():
    made = MemoryWorld(APP)
    restorable_with(ONLY_DB)(made)
    return made


OF_THE_SNAPSHOT = [f"from before {number}" for number in range(4)]


def aside(world):
    """What a restore makes beside the app."""
    beside, swaps = world.accessories, "/memory/swaps"
    files = [path for path in world.repositories.files if path.is_relative_to(swaps)]
    owners = [owner for owner, _ in (*beside.data, *beside.live, *beside.fetched) if owner != APP]
    return files + [owner for owner in owners if not owner.startswith(f"{swaps}/{APP}/") or "/kept" not in owner]


def untouched_database(world):
    assert world.accessories.read(APP, "db") == [*OF_THE_SNAPSHOT, LATER]
    assert world.repositories.files[DATA / "note"] == b"later" and not world.store.journals and not aside(world)
    assert world.proxy.services[APP].mode is Mode.RUNNING


def test_a_database_beside_the_app_comes_back_with_it_and_can_be_gone_back_to(with_database):
    world = with_database
    first = restore(world)
    assert world.accessories.read(APP, "db") == OF_THE_SNAPSHOT
    assert world.repositories.files[DATA / "note"] == b"of the snapshot"
    world.system.sleep(60)
    restore(world, first.snapshot)
    assert world.accessories.read(APP, "db") == [*OF_THE_SNAPSHOT, LATER]
    kept = [owner for owner, _ in world.accessories.data if owner != APP]
    assert len(kept) == 2, "what each has replaced"
    assert "Data that a restore has replaced is deleted." in prune(world.world(), APP).message
    assert not aside(world) and {owner for owner, _ in world.accessories.data} == {APP}


@pytest.mark.parametrize(
    ("how", "words"),
    [(AccessoryBehaviour.RESTORE_FAILS, "exited with 1"), (AccessoryBehaviour.NEVER_HEALTHY, "did not get healthy")],
    ids=["half loaded", "ill"],
)
def test_a_database_that_cannot_be_loaded_touches_nothing(with_database, how, words):
    behaves(with_database, DB, how)
    with_database.accessories.healthy, healthy = _well_for_the_app(with_database), with_database.accessories.healthy
    with pytest.raises(BackupFailed) as refused:
        restore(with_database)
    with_database.accessories.healthy = healthy
    assert refused.value.name == "load-failed" and words in refused.value.sentence
    assert "myapp-db (postgres 15)" in refused.value.sentence and "was not touched" in refused.value.sentence
    untouched_database(with_database)


def _well_for_the_app(world):
    healthy = world.accessories.healthy
    return lambda spec: Probe(True, "it answers") if spec.app == APP else healthy(spec)


def test_what_a_server_does_not_have_after_its_restart_is_not_restored(with_database, monkeypatch):
    stop_, beside = with_database.accessories.stop, with_database.accessories

    def forgets(app, name, grace):
        if app != APP:
            beside.data[app, "db.data.15"].lines.pop()
        stop_(app, name, grace)

    monkeypatch.setattr(beside, "stop", forgets)
    with pytest.raises(BackupFailed) as refused:
        restore(with_database)
    assert "does not have on its disk what was loaded into it" in refused.value.sentence
    untouched_database(with_database)


def test_a_snapshot_without_a_database_that_its_release_has_is_refused(with_database):
    one, files = with_database.repositories.storage.kept[FIRST]
    parts = read_record(files[Path(one.folder) / RECORD], one.app).parts
    with_record(with_database, parts=[part.as_dict() for part in parts if part.kind != "dump"])
    with pytest.raises(Refused) as refused:
        restore(with_database)
    assert refused.value.name == "damaged-snapshot" and "nothing of myapp-db" in refused.value.sentence
    untouched_database(with_database)


def test_room_is_needed_for_what_is_loaded_too(with_database):
    with_database.runtime.disk = (64 << 20) + 1024
    with pytest.raises(PreflightError) as refused:
        restore(with_database)
    assert refused.value.name == "disk-full"
    untouched_database(with_database)


def test_a_database_that_the_snapshot_does_not_have_is_made_anew_by_the_release_that_has_it():
    world = MemoryWorld(APP)
    restorable(with_nothing_beside, **fields_of(ONLY_DB))(world)
    restore(world)
    assert not world.accessories.live and not world.accessories.volumes(APP)
    assert LATER in [line for one in world.accessories.data.values() for line in one.lines], "it is kept"
    update(world.world(), APP, to="1.1")
    assert world.accessories.read(APP, "db") == []


@pytest.mark.parametrize("end", [lambda world: _settled(world), lambda world: _uninstalled(world)])
def test_a_server_that_a_killed_one_has_left_is_swept_and_the_app_s_own_is_not(with_database, monkeypatch, end):
    def dies(*words):
        raise Crash

    with monkeypatch.context() as patched, suppress(Crash):
        patched.setattr(with_database.repositories, "lay_out", dies)
        patched.setattr(with_database.accessories, "remove", dies)
        restore(with_database)
    with_database.store.release_all()
    assert aside(with_database)
    end(with_database)
    assert not aside(with_database)


def _settled(world):
    settle_all(world.world(), APP)
    untouched_database(world)


def _uninstalled(world):
    remove(world.world(), APP)


@pytest.mark.parametrize(
    ("servers", "words"),
    [
        ({"db.example.com": Elsewhere(password="p", lines=["a"])}, ". To load what the snapshot has of it: docs/"),
        ({}, ". Nothing of it is in the snapshot."),
    ],
    ids=["dumped", "away"],
)
def test_where_the_snapshot_is_of_an_address_elsewhere_that_is_left_alone(with_database, servers, words):
    """Its settings lead there again, and the data beside the app is as if it had never been."""
    world = with_database
    world.accessories.servers.update(servers)
    url = "postgres://u:p@db.example.com/shop"
    configure(world.world(), APP, {"DATABASE_URL": url})
    taken = backup(world.world(), APP).snapshot
    configure(world.world(), APP, {"DATABASE_URL": None})
    assert world.accessories.live
    assert f"It uses the db at your address, which was not touched{words}" in restore(world, taken).message
    assert world.store.settings(APP, world.store.installation(APP).settings)["DATABASE_URL"] == url
    assert not world.accessories.live
    told = restore(world, FIRST).message
    assert "It uses the db beside it now; the one at your address was not touched." in told
    assert world.accessories.read(APP, "db") == OF_THE_SNAPSHOT


def test_a_repository_that_fails_halfway_leaves_nothing(world, monkeypatch):
    def lay_out(tree, record, target):
        raise RepositoryDamaged("A part is gone.", "Check it.")

    monkeypatch.setattr(world.repositories, "lay_out", lay_out)
    with pytest.raises(RepositoryDamaged):
        restore(world)
    untouched(world)


def test_who_changes_the_app_meanwhile_wins(world, monkeypatch):
    lay_out = world.repositories.lay_out

    def changed_meanwhile(tree, record, target):
        lay_out(tree, record, target)
        configure(world.world(), APP, {"GREETING": "meanwhile"})

    monkeypatch.setattr(world.repositories, "lay_out", changed_meanwhile)
    with pytest.raises(Failed) as refused:
        restore(world)
    assert refused.value.name == "changed-meanwhile"
    assert world.repositories.files[DATA / "note"] == b"later"
    assert not [path for path in world.repositories.files if path.is_relative_to("/memory/swaps")]


def test_what_a_killed_one_has_made_ready_is_swept_and_what_was_replaced_is_not(world):
    restore(world)
    kept = [path for path in world.repositories.files if "kept" in path.parts]
    world.repositories.files[world.runtime.incoming(APP, "killed") / "data/note"] = b"half"
    settle_all(world.world(), APP)
    assert kept and kept == [path for path in world.repositories.files if path.is_relative_to("/memory/swaps")]


def test_its_release_is_fetched_where_it_is_gone():
    world = MemoryWorld(APP)
    restorable(installed, env=ENV)(world)
    prune(world.world(), APP, keep=0)
    result = restore(world)
    assert (result.from_version, result.to_version) == ("1.1", "1.0")
    assert [one.version for one in world.store.installation(APP).bad.values()] == ["1.1"], "as after a rollback"


def test_from_where_requests_go_on_there_is_no_way_back():
    """What they write is in the restored data alone, also when its version falls ill then."""
    world = MemoryWorld(APP)
    restorable(installed, env=ENV)(world)
    resume = world.proxy.resume

    def resumed_and_dead(app):
        resume(app)
        world.runtime.behaviours[world.vendor.entries[0].key] = Behaviour.NEVER_HEALTHY
        world.proxy.resume = resume
        raise Crash

    world.proxy.resume = resumed_and_dead
    with suppress(Crash, DiscodeError):
        restore(world)
    settle_once(world.world())
    assert world.store.installation(APP).version == "1.0" and not world.store.journals
    assert world.repositories.files[DATA / "note"] == b"of the snapshot"
    assert world.proxy.services[APP].mode is Mode.RUNNING


def test_requests_wait_no_longer_than_the_vendor_allows():
    world = MemoryWorld(APP)
    restorable(lambda made: installed(made, **HOLD))(world)
    swap = world.runtime.swap_data

    def slow(*words):
        swap(*words)
        world.system.sleep(HOLD["update"]["hold"] + 1)

    world.runtime.swap_data = slow
    answer = world.runtime.answer
    world.runtime.answer = lambda endpoint, path: replace(answer(endpoint, path), ok=not _is_swapped(world))
    with pytest.raises(DiscodeError) as refused:
        restore(world)
    assert "did not answer within 0 s" in refused.value.sentence
    assert world.repositories.files[DATA / "note"] == b"later" and world.proxy.services[APP].mode is Mode.RUNNING


def _is_swapped(world):
    return any("replaced" in path.parts for path in world.repositories.files)
