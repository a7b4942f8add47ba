"""Restore in memory: what is refused while nothing is touched, and what the result says. Faults: `scenarios`."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from beside import ONLY_DB
from scenarios import APP, DATA, ENV, HOLD, installed, installed_with, restorable, settle_once

from discode.core.backup_errors import NoRepository, NoSuchSnapshot, RepositoryDamaged
from discode.core.errors import DiscodeError, Failed, PreflightError, Refused
from discode.core.snapshot import RECORD, SCHEMA, read_record
from discode.flows.configure import configure
from discode.flows.power import stop
from discode.flows.prune import prune
from discode.flows.restore import restore as settle_all
from discode.flows.restore_data import WouldUndo, restore_data
from discode.ports.proxy import Mode
from discode.testing.faults import Crash
from discode.testing.memory_runtime import Behaviour
from discode.testing.memory_world import MemoryWorld

FIRST = "00000001"


@pytest.fixture
def world():
    made = MemoryWorld(APP)
    restorable(installed)(made)
    return made


def restore(world, which=FIRST, **options):
    return restore_data(world.world(), APP, which, sure=True, **options)


def with_record(world, **fields):
    """The snapshot says that of itself."""
    one, files = world.repositories.storage.kept[FIRST]
    path = Path(one.folder) / RECORD
    changed = read_record(files[path]).as_dict() | fields
    files[path] = json.dumps(changed, default=lambda part: part.as_dict()).encode()


def untouched(world):
    """The app, its data, and the disk beside it."""
    assert world.repositories.files[DATA / "note"] == b"later"
    assert not [path for path in world.repositories.files if path.is_relative_to("/memory/swaps")]
    assert world.store.installation(APP).number == 2 and not world.store.journals
    assert world.proxy.services[APP].mode is Mode.RUNNING


def test_what_was_replaced_is_a_snapshot_and_can_be_gone_back_to(world):
    first = restore(world)
    assert world.repositories.files[DATA / "note"] == b"of the snapshot"
    assert first.snapshot == "00000002" and "discode restore myapp 00000002" in first.message
    world.system.sleep(60)
    second = restore(world, "latest", snapshot_before=False)
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
    ("fields", "key"),
    [
        ({"snapshot_schema": SCHEMA + 1}, "newer-snapshot"),
        ({"architecture": "riscv64"}, "other-architecture"),
        ({"app": "another"}, "other-app"),
        ({"kind": "no such kind"}, "damaged-snapshot"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_snapshot_that_cannot_be_restored_here_is_refused(world, fields, key):
    with_record(world, **fields)
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


def test_of_a_stopped_app_it_is_refused(world):
    stop(world.world(), APP)
    with pytest.raises(Refused) as refused:
        restore(world)
    assert refused.value.name == "stopped"


def test_of_an_app_with_a_database_beside_it_nothing_is_restored():
    world = MemoryWorld(APP)
    restorable(lambda made: installed_with(made, ONLY_DB))(world)
    with pytest.raises(Refused) as refused:
        restore(world)
    assert refused.value.name == "restore-by-hand"
    assert world.repositories.files[DATA / "note"] == b"later"


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
