"""The last lines of a flow: whatever kills it there, the history tells of it once."""

import pytest
from scenarios import APP, backed_up, installed, with_next
from trial import faulty

from discode.core.history import HistoryEntry
from discode.flows.backup import backup
from discode.flows.restore_data import restore_data
from discode.flows.settle import settle_for_the_dead
from discode.flows.update import update
from discode.testing.faults import Crash, Fault, Script
from discode.testing.memory_world import MemoryWorld


def killed_update(call):
    """Just before a call of its record."""
    rehearsal, world = MemoryWorld(APP), MemoryWorld(APP)
    for one in (rehearsal, world):
        with_next()(one)
    script = Script({})
    update(faulty(rehearsal, script), APP)
    last = len(script.names) - 1 - script.names[::-1].index(call)
    with pytest.raises(Crash):
        update(faulty(world, Script({last: Fault("crash")})), APP)
    world.store.release_all()
    return world


@pytest.mark.parametrize("call", ["save_installation", "prune", "append_history", "clear_journal"])
def test_a_kill_in_the_record_neither_loses_nor_doubles_its_line(call):
    world = killed_update(call)
    assert APP in world.store.journals
    settle_for_the_dead(world.world(), APP)
    settle_for_the_dead(world.world(), APP)
    assert [(one.flow, one.serves) for one in world.store.history(APP)] == [("install", "1.0"), ("update", "1.1")]


def test_a_backup_that_ends_between_the_line_and_the_end_of_the_journal_does_not_double_it():
    world = killed_update("clear_journal")
    now = world.system.now()
    world.store.append_history(APP, HistoryEntry(started=now, at=now, flow="backup", outcome="done", serves="1.1"))
    settle_for_the_dead(world.world(), APP)
    assert [one.flow for one in world.store.history(APP)] == ["install", "update", "backup"]


def test_a_flow_that_begins_when_a_backup_does_has_a_line_of_its_own():
    """A clock may be coarse, or be set back."""
    world = MemoryWorld(APP)
    backed_up(installed)(world)
    backup(world.world(), APP)
    restore_data(world.world(), APP, "latest", sure=True)
    assert [one.flow for one in world.store.history(APP)][-2:] == ["backup", "restore"]
