"""Rollback with the data, in memory: which snapshot it is, what is refused, and where other refusals lead to it."""

import pytest
from beside import ONLY_DB, ONLY_MAJOR, fields_of
from scenarios import APP, DATA, ENV, MIGRATION, backed_up, installed, installed_with

from discode.core.backup_errors import NoSuchSnapshot
from discode.core.errors import Refused
from discode.flows.configure import configure
from discode.flows.restore_data import WouldUndo
from discode.flows.rollback import DataIsNewer, rollback
from discode.flows.rollback_data import rollback_with_data
from discode.flows.update import update
from discode.testing.memory_world import MemoryWorld

WAY = "discode rollback myapp --with-data"


def updated(prepare=installed, **fields):
    """By an update that took a snapshot first; then its data was changed."""
    world = MemoryWorld(APP)
    backed_up(prepare)(world)
    world.repositories.files[DATA / "note"] = b"before the update"
    world.publish("1.1", **{"env": ENV, **fields})
    update(world.world(), APP)
    world.repositories.files[DATA / "note"] = b"after it"
    return world


def note(world):
    return world.repositories.files[DATA / "note"]


def test_version_and_data_from_before_the_update_are_back_and_what_they_replace_is_kept():
    world = updated()
    configure(world.world(), APP, {"GREETING": "later"})
    told = rollback_with_data(world.world(), APP, sure=True)
    assert (told.outcome, told.from_version, told.to_version) == ("rolled-back", "1.1", "1.0")
    assert note(world) == b"before the update" and told.snapshot == "00000002"
    assert "discode restore myapp 00000002" in told.message
    assert "GREETING" not in world.store.settings(APP, world.store.installation(APP).settings)
    assert update(world.world(), APP).outcome == "nothing-to-do", "the release that was left is not gone to by itself"


def test_nobody_goes_back_without_having_consented():
    world = updated()
    with pytest.raises(WouldUndo) as refused:
        rollback_with_data(world.world(), APP)
    assert refused.value.next_step == f"If that is what you want: {WAY} --yes {APP}"
    assert "This undoes what was written to myapp since" in refused.value.question
    assert note(world) == b"after it" and world.store.installation(APP).version == "1.1"


def test_of_more_than_one_update_it_is_the_one_that_left_that_version():
    world = updated()
    world.publish("1.2", env=ENV)
    update(world.world(), APP)
    world.repositories.files[DATA / "note"] = b"after the second"
    with pytest.raises(WouldUndo) as refused:
        rollback_with_data(world.world(), APP, to="1.0")
    assert f"{WAY} --to 1.0 --yes {APP}" in refused.value.next_step
    rollback_with_data(world.world(), APP, sure=True)
    assert (note(world), world.store.installation(APP).version) == (b"after it", "1.1")
    rollback_with_data(world.world(), APP, sure=True)
    assert (note(world), world.store.installation(APP).version) == (b"before the update", "1.0")


def test_an_update_that_took_none_one_that_was_not_and_a_snapshot_that_was_forgotten():
    world = MemoryWorld(APP)
    installed(world)
    with pytest.raises(Refused) as refused:
        rollback_with_data(world.world(), APP, sure=True)
    assert "myapp 1.0 did not come by an update" in refused.value.sentence
    world.publish("1.1", env=ENV)
    update(world.world(), APP)
    with pytest.raises(Refused) as refused:
        rollback_with_data(world.world(), APP, sure=True)
    assert "No snapshot was taken before the update from 1.0 to 1.1" in refused.value.sentence
    assert refused.value.name == "nothing-to-roll-back-to"
    assert refused.value.next_step == f"To go back with the data as it is: discode rollback {APP}"
    with pytest.raises(Refused, match=r"0\.9 was not left by an update"):
        rollback_with_data(world.world(), APP, to="0.9", sure=True)
    world = updated()
    world.repositories.storage.kept.clear()
    with pytest.raises(NoSuchSnapshot):
        rollback_with_data(world.world(), APP, sure=True)


IRREVERSIBLE = {"irreversible": True}


def test_a_way_back_that_is_closed_is_not_named():
    world = MemoryWorld(APP)
    installed(world)
    world.publish("1.1", env=ENV, irreversible=True)
    update(world.world(), APP)
    with pytest.raises(Refused) as refused:
        rollback_with_data(world.world(), APP, sure=True)
    assert refused.value.next_step == f"Go forward to a newer release: discode update {APP}"
    world.repositories.set_up(APP)
    with pytest.raises(Refused) as refused:
        rollback_with_data(world.world(), APP, sure=True)
    assert refused.value.next_step == f"To choose a snapshot: discode restore {APP}"
    with pytest.raises(Refused) as refused:
        rollback(world.world(), APP)
    assert refused.value.next_step == f"Go forward to a newer release, or choose a snapshot: discode restore {APP}"


@pytest.mark.parametrize(
    ("prepare", "fields", "key"),
    [
        (installed, IRREVERSIBLE, "irreversible"),
        (installed, MIGRATION, DataIsNewer.key),
        (lambda world: installed_with(world, ONLY_DB), fields_of(ONLY_MAJOR), "accessory-data"),
    ],
    ids=["irreversible", "migrated", "older database"],
)
def test_where_the_data_closes_the_way_back_it_is_the_next_step_and_that_works(prepare, fields, key):
    world = updated(prepare, **fields)
    with pytest.raises(Refused) as refused:
        rollback(world.world(), APP)
    assert refused.value.name == key and refused.value.next_step.endswith(
        f"go back with the data from before the update: {WAY}"
    )
    rollback_with_data(world.world(), APP, sure=True)
    assert (note(world), world.store.installation(APP).version) == (b"before the update", "1.0")


def test_where_there_is_no_such_snapshot_a_backup_is_named():
    world = updated(**IRREVERSIBLE)
    kept = dict(world.repositories.storage.kept)
    world.repositories.storage.kept.clear()
    with pytest.raises(Refused) as refused:
        rollback(world.world(), APP)
    assert refused.value.next_step == f"Go forward to a newer release, or choose a snapshot: discode restore {APP}"
    world.repositories.storage.kept.update(kept)
    world.repositories.storage.trouble = Refused("It is away.", "Later.")
    with pytest.raises(Refused) as refused:
        rollback(world.world(), APP)
    assert WAY in refused.value.next_step, "who cannot ask the storage goes by the history"


def test_an_update_that_was_taken_back_is_none():
    world = updated()
    last = world.store.entries[APP][-1]
    world.store.entries[APP].append(replace_entry(last, outcome="settled-back", serves="1.1", to_version="1.2"))
    rollback_with_data(world.world(), APP, sure=True)
    assert world.store.installation(APP).version == "1.0"


def replace_entry(entry, **fields):
    return entry.changed(from_version="1.1", snapshot=None, **fields)
