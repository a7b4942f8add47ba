"""A source may take its time: no flow holds the app's lock while it asks, and others get on with the app meanwhile."""

import contextlib

import pytest
from scenarios import APP, SCENARIOS, settle_once, updated
from trial import fresh

from discode.core.errors import Busy, DiscodeError, NoSuchApp, PreflightError, Refused
from discode.flows.configure import configure, restart
from discode.flows.install import InstallRequest, install
from discode.flows.power import stop
from discode.flows.prune import prune
from discode.flows.remove import remove
from discode.flows.restore import restore
from discode.flows.rollback import rollback
from discode.flows.update import check, update
from discode.testing.memory_world import MemoryWorld

NEED_NO_BYTES = (
    "stop", "uninstall", "uninstall and purge", "purge later", "domain add", "domain add, taken", "domain remove",
    "domain redirect", "domain of a stopped one", "stop with doors", "uninstall with doors",
    "certificate", "automatic certificate", "stop with those beside", "uninstall with those beside",
    "uninstall and purge with those beside", "purge later of those beside", "backup", "backup by hold",
)  # fmt: skip


class Slow:
    """The vendor's releases; `meanwhile` happens in each call, once as often as it is given."""

    def __init__(self, world, *meanwhile):
        self._world, self._meanwhile, self.asked = world, list(meanwhile), []

    def __getattr__(self, name):
        def call(*args):
            self.asked.append(name)
            assert (APP, "lock") not in self._world.store.locked, f"{name} is asked under the lock"
            if self._meanwhile:
                self._meanwhile.pop(0)(self._world.world())
            return getattr(self._world.vendor, name)(*args)

        return call


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_nobody_asks_under_the_lock_even_when_every_byte_is_gone(scenario):
    world = fresh(scenario)
    world.runtime.fetched.clear()
    world.accessories.fetched.clear()
    slow = Slow(world)
    with contextlib.suppress(DiscodeError):  # some come to nothing, for reasons of their own
        scenario.run(world.world(releases=slow))
    assert slow.asked or scenario.name in NEED_NO_BYTES


def at(world, version):
    assert (world.store.installation(APP).version, world.store.installation(APP).state) == (version, "running")


def prepared():
    world = MemoryWorld(APP)
    updated(world)
    world.publish("1.2", env={"SECRET": {"generate": "hex32"}, "GREETING": {"ask": "Which?", "optional": True}})
    return world


@pytest.mark.parametrize(
    "meanwhile",
    [settle_once, lambda w: restore(w, APP), lambda w: restart(w, APP), lambda w: rollback(w, APP),
     lambda w: configure(w, APP, {"GREETING": "hi"}), lambda w: prune(w, APP)],
    ids=["settle", "restore", "restart", "rollback", "config", "prune"],
)  # fmt: skip
@pytest.mark.parametrize("when", [0, 1, 2], ids=["index", "manifest", "archive"])
def test_an_update_goes_on_from_what_other_commands_made(meanwhile, when):
    world = prepared()
    slow = Slow(world, *[lambda w: None] * when, meanwhile)
    update(world.world(releases=slow), APP)
    at(world, "1.2")
    assert len(world.runtime.instances(APP)) == 1 and not world.runtime.violations


def test_a_setting_that_was_changed_meanwhile_is_kept():
    world = prepared()
    slow = Slow(world, lambda w: None, lambda w: None, lambda w: configure(w, APP, {"GREETING": "hi"}))
    update(world.world(releases=slow), APP)
    assert world.store.settings(APP, world.store.installation(APP).settings)["GREETING"] == "hi"


def test_an_app_that_was_stopped_meanwhile_stays_stopped():
    world = prepared()
    with pytest.raises(Refused, match="is stopped"):
        update(world.world(releases=Slow(world, lambda w: stop(w, APP))), APP)
    assert world.store.installation(APP).state == "stopped"


def test_an_app_that_was_uninstalled_meanwhile_stays_so():
    world = prepared()
    with pytest.raises(NoSuchApp):
        update(world.world(releases=Slow(world, lambda w: remove(w, APP))), APP)
    assert world.store.installation(APP) is None and not world.runtime.instances(APP)


def test_what_was_pruned_meanwhile_is_fetched_again():
    world = prepared()
    slow = Slow(world)
    runtime, pruned = world.runtime, []

    class Pruning:
        """Drops what was fetched once, just before the lock is taken."""

        def __getattr__(self, name):
            return getattr(runtime, name)

        def fetch(self, *args):
            runtime.fetch(*args)
            if not pruned:
                pruned.append(prune(world.world(), APP))

    update(world.world(releases=slow, runtime=Pruning()), APP)
    at(world, "1.2")
    assert slow.asked.count("archive") == 2


def test_two_who_ask_for_one_app_do_not_meet():
    world = prepared()
    for another in (lambda w: update(w, APP), lambda w: check(w, APP)):
        refused = []

        def meanwhile(w, another=another, refused=refused):
            with pytest.raises(Busy) as raised:
                another(w)
            refused.append(raised.value)

        check(world.world(releases=Slow(world, meanwhile)), APP)
        assert refused


def test_two_installs_of_one_app_do_not_meet():
    world = MemoryWorld(APP)
    world.publish("1.0")
    request = InstallRequest(APP, "memory")

    def meanwhile(w):
        with pytest.raises(Busy):
            install(w, request)

    install(world.world(releases=Slow(world, meanwhile)), request)
    at(world, "1.0")


def test_what_is_refused_is_refused_before_anything_is_fetched():
    world = prepared()
    world.publish("1.3", env={"NEEDED": {"ask": "What?"}})
    slow = Slow(world)
    with pytest.raises(PreflightError, match="NEEDED"):
        update(world.world(releases=slow), APP)
    world.publish("1.4", resources={"memory": 10**9})
    world.system.memory = 1
    with pytest.raises(PreflightError, match="of memory"):
        update(world.world(releases=slow), APP)
    assert "archive" not in slow.asked
    at(world, "1.1")
