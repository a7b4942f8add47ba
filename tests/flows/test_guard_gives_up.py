"""A guard that cannot settle says so where people look, and leaves the rest to the next command."""

import pytest
import scenarios
from scenarios import APP
from trial import faulty

from discode.core.errors import ProxyUnreachable
from discode.core.history import gave_up
from discode.core.installation import Route
from discode.flows.install import InstallRequest, install
from discode.flows.restore import restore
from discode.flows.settle import settle_for_the_dead
from discode.flows.update import update
from discode.testing.faults import Crash, Fault, Script
from discode.testing.memory_world import MemoryWorld


class Away:
    """A proxy that does not answer."""

    def __getattr__(self, name):
        def call(*_, **__):
            raise ProxyUnreachable("The proxy does not answer.")

        return call


def killed(prepare, flow):
    """A world in which the flow was killed when it had switched."""
    rehearsal, made = MemoryWorld(APP), MemoryWorld(APP)
    prepare(rehearsal)
    prepare(made)
    script = Script({})
    flow(faulty(rehearsal, script))
    with pytest.raises(Crash):
        flow(faulty(made, Script({script.names.index("switch"): Fault("crash", "after")})))
    return made


def install_it(world):
    install(world, InstallRequest(APP, "memory", route=Route(hosts=("a.test",))))


def test_the_history_says_that_the_guard_gave_up():
    made = killed(scenarios.with_next(), lambda world: update(world, APP))
    begun = made.store.journals[APP].started
    settle_for_the_dead(made.world(proxy=Away()), APP)
    [*_, told] = made.store.history(APP)
    assert (told.flow, told.outcome, told.serves) == ("guard", "failed", None)
    assert told.error == (
        f"The guard of a killed update tried to settle {APP} for 30 s and gave up: The proxy does not answer."
    )
    assert gave_up(made.store.history(APP), begun) == told.error and APP in made.store.journals
    restore(made.world(), APP)
    assert made.store.history(APP)[-1].outcome == "settled-back" and APP not in made.store.journals


def test_an_install_that_its_guard_gave_up_has_its_own_line_afterwards():
    made = killed(lambda one: one.publish("1.0"), install_it)
    settle_for_the_dead(made.world(proxy=Away()), APP)
    settle_for_the_dead(made.world(), APP)
    assert [one.flow for one in made.store.history(APP)] == ["guard", "install"]


def test_a_guard_with_nothing_to_settle_says_nothing():
    made = MemoryWorld(APP)
    scenarios.installed(made)
    before = made.store.history(APP)
    settle_for_the_dead(made.world(proxy=Away()), APP)
    assert made.store.history(APP) == before
