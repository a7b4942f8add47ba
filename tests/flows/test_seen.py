"""What is said of the running app comes from a look at it."""

import pytest
from scenarios import APP, sick, with_next

from discode.core.errors import Failed, ProxyUnreachable
from discode.flows.restore import restore
from discode.flows.update import update
from discode.testing.memory_runtime import Behaviour
from discode.testing.memory_world import MemoryWorld


def _failed_update(prepare, spoil=lambda world: None):
    world = MemoryWorld(APP)
    prepare(world)
    spoil(world)
    with pytest.raises(Failed) as raised:
        update(world.world(), APP)
    return raised.value


def test_a_version_that_answers_is_still_serving():
    error = _failed_update(with_next(Behaviour.EXITS))
    assert error.sentence == "1.1 exited with 3 while booting. 1.0 is still serving."


def test_one_that_does_not_is_not_called_so():
    """The database is down, and so are both."""
    error = _failed_update(sick(with_next(Behaviour.EXITS)))
    assert error.sentence == (
        "1.1 exited with 3 while booting. 1.0 has the traffic, but it does not answer: 503 at /up. "
        "To see why: discode logs myapp."
    )
    assert error.name == "release-failed"


def test_what_cannot_be_seen_is_not_claimed():
    def blind(world):
        def probe(*_):
            raise ProxyUnreachable("The proxy does not answer.")

        world.proxy.probe = probe

    error = _failed_update(with_next(Behaviour.EXITS), blind)
    assert error.sentence.endswith("1.0 has the traffic; whether it answers could not be seen.")


def test_a_settle_does_not_call_serving_what_does_not_answer():
    world = MemoryWorld(APP)
    with_next()(world)
    assert restore(world.world(), APP).outcome == "running"
    world.runtime.behaviours[world.store.installations[APP].release.key] = Behaviour.NEVER_HEALTHY
    result = restore(world.world(), APP)
    assert (result.outcome, result.message) == ("not-answering", "It was: 503 at /up.")
