"""Settings are what the customer last got, not what was last tried."""

import pytest
from scenarios import APP, installed

from discode.core.errors import DiscodeError
from discode.core.installation import Route
from discode.flows.configure import configure
from discode.flows.install import InstallRequest, install
from discode.flows.remove import remove
from discode.testing.memory_runtime import Behaviour
from discode.testing.memory_world import MemoryWorld


def test_settings_that_did_not_make_it_do_not_come_back_with_the_next_install():
    world = MemoryWorld(APP)
    installed(world)
    secret = world.store.settings(APP, 1)["SECRET"]
    configure(world.world(), APP, {"GREETING": "hello"})
    release = world.store.installations[APP].release
    world.runtime.behaviours[release.key] = Behaviour.NEVER_HEALTHY
    with pytest.raises(DiscodeError):
        configure(world.world(), APP, {"GREETING": "nobody answers with it"})
    world.runtime.behaviours[release.key] = Behaviour.GOOD
    remove(world.world(), APP)
    install(world.world(), InstallRequest(APP, "memory", route=Route(hosts=("a.test",))))
    settings = world.store.settings(APP, world.store.installations[APP].settings)
    assert settings["GREETING"] == "hello" and settings["SECRET"] == secret
