"""Settings are what the customer last got, not what was last tried."""

import pytest
from notes import Notes
from scenarios import APP, ENV, installed

from discode.core.errors import DiscodeError, UsageError
from discode.core.installation import Route
from discode.flows.configure import configure
from discode.flows.install import InstallRequest, install
from discode.flows.remove import remove
from discode.flows.rollback import rollback
from discode.flows.update import update
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


def test_a_bad_value_is_told_long_before_the_deadline_and_the_old_settings_stay():
    world = MemoryWorld(APP)
    installed(world, health={"deadline": 60.0})
    release = world.store.installations[APP].release
    world.runtime.behaviours[release.key] = Behaviour.ERRS
    begun, report = world.system.time, Notes()
    with pytest.raises(DiscodeError) as failed:
        configure(world.world(report=report), APP, {"GREETING": "x"})
    told = failed.value.sentence  # in memory all instances of a release behave alike, so the old one errs as well
    assert told.startswith("1.0 keeps answering with an error, for 15 s, without a change: 500 at /up. 1.0 ")
    assert told.endswith(" The settings are as they were.")
    assert failed.value.log[-1] == "It said at its health check: no database"
    assert "discode config set myapp" in failed.value.next_step
    assert report.seen == ["500 at /up: no database"] and world.system.time - begun < 30
    assert world.store.settings(APP, world.store.installations[APP].settings).get("GREETING") is None


def test_settings_of_an_update_go_to_the_releases_that_know_them():
    world = MemoryWorld(APP)
    installed(world)
    world.publish("1.1", env=ENV)
    world.publish("2.0", env={**ENV, "PLAN": {"ask": "Which plan?", "choices": ["a", "b"]}}, requires=">=1.1")
    with pytest.raises(UsageError, match=r"PLAN has to be one of: a, b\. Nothing"):
        update(world.world(), APP, to="2.0", settings={"PLAN": "c"})
    assert world.store.installations[APP].version == "1.1", "the release on the way does not know it"
    update(world.world(), APP, settings={"PLAN": "b"})
    after = world.store.installations[APP]
    assert after.version == "2.0" and world.store.settings(APP, after.settings)["PLAN"] == "b"
    assert "No setting was changed" in update(world.world(), APP, settings={"PLAN": "a"}).message
    with pytest.raises(UsageError, match="PLAN"):
        rollback(world.world(), APP, settings={"PLAN": "b", "NOPE": "x"})
