"""How long an answer may take is the release's word: every flow that gives traffic to one passes it on."""

from scenarios import APP, installed

from discode.core.manifest import Timeouts
from discode.flows.rebuild import rebuild
from discode.flows.restore import restore
from discode.flows.rollback import rollback
from discode.flows.update import update
from discode.testing.memory_world import MemoryWorld


def test_it_goes_with_the_release_that_serves():
    world = MemoryWorld(APP)
    installed(world, timeouts=Timeouts(response=120.0))

    def response():
        return world.proxy.services[APP].response

    assert response() == 120.0
    world.publish("1.1")
    update(world.world(), APP)
    assert response() == 60.0, "of a release that says nothing"
    rollback(world.world(), APP)
    assert response() == 120.0
    world.store.damaged.add((APP, "installation"))
    rebuild(world.world(), APP)
    assert world.store.installations[APP].release.manifest.timeouts.response == 120.0
    world.proxy.services.clear()
    restore(world.world(), APP)
    assert response() == 120.0
