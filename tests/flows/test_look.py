"""One word for how an app is, wherever it is told."""

from collections import Counter
from dataclasses import replace

import pytest
from notes import Notes
from scenarios import APP, installed

from discode.core.condition import condition
from discode.core.errors import ProxyUnreachable, UsageError
from discode.core.https import in_short
from discode.core.installation import Route
from discode.flows.install import InstallRequest, install
from discode.flows.look import look, look_at_all
from discode.flows.power import stop
from discode.flows.remove import remove
from discode.testing.faults import Fault, Faulty, Script
from discode.testing.memory_runtime import Behaviour
from discode.testing.memory_world import MemoryWorld


@pytest.fixture
def world():
    made = MemoryWorld(APP)
    installed(made)
    return made


def word(made, world=None):
    installation = made.store.installations[APP]
    one, other = look(world or made.world(), installation), look_at_all(world or made.world(), [installation] * 3)
    assert {sight.condition(installation) for sight in other} == {one.condition(installation)}
    return one.condition(installation)


def test_what_is_found_has_one_name(world):
    assert word(world) == "serving"
    release = world.store.installations[APP].release
    world.runtime.behaviours[release.key] = Behaviour.NEVER_HEALTHY
    assert word(world) == "not answering"
    world.proxy.pause(APP, 10.0)
    assert word(world) == "not serving"
    world.proxy.unroute(APP)
    assert word(world) == "not serving"


def test_one_that_was_stopped_and_one_that_nobody_can_tell(world):
    silent = Faulty(world.proxy, Script({n: Fault("error") for n in range(99)}), ProxyUnreachable("It is silent."))
    assert word(world, world.world(proxy=silent)) == "unknown"
    assert look(world.world(proxy=silent), world.store.installations[APP]).trouble == "It is silent."
    stop(world.world(), APP)
    assert word(world) == word(world, world.world(proxy=silent)) == "stopped"


@pytest.mark.parametrize("number", [1, 2])
def test_what_is_in_the_way_of_a_look_is_part_of_it_of_one_app_as_of_many(world, number):
    """Whatever it is: settings of the host that are invalid, too."""
    invalid = Faulty(world.proxy, Script({n: Fault("error") for n in range(99)}), UsageError("bind is 7.", "Mend it."))
    sights = look_at_all(world.world(proxy=invalid), [world.store.installations[APP]] * number)
    assert [(one.trouble, one.advice, one.serves) for one in sights] == [("bind is 7.", "Mend it.", None)] * number


def test_a_stopped_app_is_told_with_the_certificate_that_it_has():
    made, host = MemoryWorld(APP), "a.example.com"
    made.publish("1.0")
    install(made.world(), InstallRequest(APP, "memory", route=Route(hosts=(host,), tls="auto")))
    stop(made.world(), APP)
    one = made.store.installations[APP]
    for sight in (look(made.world(), one), *look_at_all(made.world(), [one, one])):
        assert in_short("auto", sight.https) == "89 days" and sight.condition(one) == "stopped"


@pytest.mark.parametrize("tls", ["auto", "off"])
def test_of_many_apps_the_proxy_is_asked_once(world, tls):
    one = world.store.installations[APP]
    apps = [one.changed(app=f"app{n}", route=Route(hosts=(f"{n}.test", f"www.{n}.test"), tls=tls)) for n in range(20)]
    for app in apps:
        world.runtime.live[app.instance] = world.runtime.live[one.instance]
        world.proxy.services[app.app] = replace(world.proxy.services[APP], route=app.route)
    script = Script({})
    proxy = Faulty(world.proxy, script, ProxyUnreachable(""))
    sights = look_at_all(world.world(proxy=proxy), apps)
    assert Counter(script.names) == {"all_serving": 1, **({"https": 1} if tls == "auto" else {})}
    assert all(sight.serves for sight in sights)
    names = [[state.host for state in sight.https.names] if sight.https else [] for sight in sights]
    assert names == [list(app.route.hosts) if tls == "auto" else [] for app in apps]


@pytest.mark.parametrize(
    ("state", "serves", "is_healthy", "word"),
    [("running", True, True, "serving"), ("running", True, False, "not answering"), ("running", None, True, "unknown"),
     ("running", False, True, "not serving"), ("stopped", True, True, "stopped")],
)  # fmt: skip
def test_the_words(state, serves, is_healthy, word):
    assert condition(state, serves=serves, is_healthy=is_healthy) == word


def test_what_a_second_install_finds_is_told_and_remembered(world):
    assert world.store.installations[APP].reused_data == ()
    remove(world.world(), APP)
    report = Notes()
    install(world.world(report=report), InstallRequest(APP, "memory"))
    again = world.store.installations[APP]
    assert (again.reused_data, again.reused_settings) == (("data",), ("SECRET",))
    assert "Found from an earlier installation, and used again: data (data) and settings (SECRET)." in report.notes
    remove(world.world(), APP, purge=True)
    install(world.world(), InstallRequest(APP, "memory"))
    assert world.store.installations[APP].reused_data == world.store.installations[APP].reused_settings == ()
