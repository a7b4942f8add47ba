"""Two apps that ask for the same requests: the second one is refused, with the name of the first."""

import pytest
from notes import Notes
from scenarios import APP

from discode.core.errors import Refused
from discode.core.installation import Route
from discode.flows.install import InstallRequest, install
from discode.testing.memory_world import MemoryWorld


@pytest.fixture
def world():
    """With an app `shop` that somebody has installed."""
    made = MemoryWorld(APP)
    made.publish("1.0")
    install(made.world(), InstallRequest(APP, "memory", route=Route(hosts=("first.test",))))
    mine = made.store.installations.pop(APP)
    made.proxy.services.clear()
    made.runtime.volumes.clear()
    made.store.installations["shop"] = mine.changed(app="shop")
    return made


def asked(world, there, route):
    shop = world.store.installations["shop"]
    world.store.installations["shop"] = shop.changed(route=there)
    notes = Notes()
    install(world.world(report=notes), InstallRequest(APP, "memory", route=route))
    return notes.notes


@pytest.mark.parametrize(
    ("there", "route", "told"),
    [
        (Route(hosts=("a.test", "b.test")), Route(hosts=("c.test", "b.test")), "shop already uses b.test on"),
        (Route(), Route(), "shop already uses every host on"),
        (Route(hosts=("*.a.test",)), Route(hosts=("*.a.test",)), "shop already uses *.a.test on"),
        (Route(hosts=("a.test",), redirects={"w.test": "a.test"}), Route(hosts=("w.test",)), "already uses w.test on"),
        (
            Route(hosts=("a.test",), path_prefix="/shop"),
            Route(hosts=("a.test",), path_prefix="/shop"),
            "shop already uses a.test at /shop on",
        ),
    ],
)
def test_a_name_of_another_app_is_refused(world, there, route, told):
    with pytest.raises(Refused) as raised:
        asked(world, there, route)
    assert raised.value.name == "host-taken"
    assert told in raised.value.sentence and "Nothing was changed." in raised.value.sentence
    assert raised.value.next_step == f"Give {APP} a host of its own: --host {APP}.example.com"
    assert APP not in world.store.installations and not world.proxy.services


@pytest.mark.parametrize(
    ("there", "route"),
    [
        (Route(hosts=("a.test",)), Route(hosts=("b.test",))),
        (Route(hosts=("a.test",)), Route(hosts=("a.test",), path_prefix="/docs")),
        (Route(), Route(hosts=("a.test",))),
        (Route(hosts=("w.a.test",)), Route(hosts=("*.a.test",))),
    ],
)
def test_apps_side_by_side_are_none_of_each_others_business(world, there, route):
    assert asked(world, there, route) == []
    assert world.store.installations[APP].route == route


def test_what_another_app_has_by_a_wildcard_is_told_once(world):
    notes = asked(world, Route(hosts=("*.a.test",)), Route(hosts=("w.a.test", "b.test")))
    assert notes == [f"shop answers for w.a.test by a wildcard; {APP} takes that over."]
