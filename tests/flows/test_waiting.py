"""A backup that is under way when an update or a rollback is typed: it is waited for, and not for ever."""

from contextlib import ExitStack

import pytest
from notes import Notes
from scenarios import APP, ENV, installed

from discode.core.errors import Busy
from discode.flows.rollback import rollback
from discode.flows.update import update
from discode.flows.waiting import LONGEST
from discode.testing.memory_world import MemoryWorld


@pytest.fixture
def world():
    made = MemoryWorld(APP)
    installed(made)
    made.publish("1.1", env=ENV)
    return made


def held(world, looks):
    """A backup holds its lock, and the app's while it stages, until it was looked at so often."""
    stack, sleep, left = ExitStack(), world.system.sleep, [looks]
    stack.enter_context(world.store.backing_up(APP))
    stack.enter_context(world.store.lock(APP))

    def slept(seconds):
        left[0] -= 1
        if left[0] == 0:
            stack.close()
        sleep(seconds)

    world.system.sleep = slept
    return stack


def test_an_update_waits_until_it_is_done(world):
    held(world, 3)
    notes = Notes()
    update(world.world(report=notes), APP)
    assert notes.steps[0] == "Waiting until a backup of myapp is done" and notes.seen[:3] == ["it is at work"] * 3
    assert world.store.installations[APP].version == "1.1"


def test_a_rollback_waits_too(world):
    update(world.world(), APP)
    held(world, 2)
    rollback(world.world(), APP, sure=True)
    assert world.store.installations[APP].version == "1.0"


def test_one_that_does_not_end_is_told(world):
    with held(world, 10**9), pytest.raises(Busy, match=r"A backup of myapp has been at work .* Nothing was changed\."):
        update(world.world(), APP)
    assert world.system.time > LONGEST and world.store.installations[APP].version == "1.0"


def test_nobody_is_told_of_waiting_where_there_is_none(world):
    notes = Notes()
    update(world.world(report=notes), APP)
    assert not [title for title in notes.steps if title.startswith("Waiting until")]
