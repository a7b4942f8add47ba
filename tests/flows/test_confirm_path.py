"""A page of the vendor's is asked for while a release is confirmed: `/up` may answer where all else fails."""

import pytest
from scenarios import APP, installed

from discode.core.errors import ReleaseFailed
from discode.flows.update import update
from discode.testing.memory_runtime import Behaviour
from discode.testing.memory_world import MemoryWorld


def _updated(path):
    world = MemoryWorld(APP)
    installed(world)
    world.publish("1.1", Behaviour.PAGES_FAIL, update={"confirm": 1.0, "confirm_path": path})
    return update(world.world(), APP)


def test_a_page_that_fails_is_a_release_that_failed():
    with pytest.raises(ReleaseFailed) as raised:
        _updated("/orders")
    assert raised.value.sentence == "1.1 stopped answering after the switch: 500 at /orders. 1.0 is still serving."


@pytest.mark.parametrize("path", [None, "/login", "/account"], ids=["none", "a redirect", "a login"])
def test_a_page_may_send_a_user_elsewhere(path):
    assert _updated(path).outcome == "updated"
