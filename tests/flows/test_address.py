"""An app that knows its own address is told again when its route changes; any other one is left alone."""

import pytest
from scenarios import APP

from discode.core.installation import Route
from discode.core.journal import Journal
from discode.flows.address import alters_env, with_route
from discode.flows.install import InstallRequest, install
from discode.flows.power import start, stop
from discode.flows.replace import replace
from discode.testing.memory_world import MemoryWorld

BEFORE = Route(hosts=("a.test", "b.test"))
TELLS_URL = {"BASE": {"template": "${url}/"}}
TELLS_HOST = {"ALLOWED": {"ask": "Which hosts?", "default": "${host}"}}


def installed(env, **settings):
    world = MemoryWorld(APP)
    world.publish("1.0", env=env)
    install(world.world(), InstallRequest(APP, "memory", route=BEFORE, settings=settings))
    return world, world.world().site("archive", world.world().steps())


def env_of(world):
    [instance] = world.runtime.live.values()
    return instance.spec.env


@pytest.mark.parametrize(
    ("route", "url", "host"),
    [
        (BEFORE, False, False),
        (Route(hosts=("a.test", "c.test")), False, False),
        (Route(hosts=("c.test", "b.test")), True, True),
        (Route(hosts=("*.a.test", "a.test")), False, False),
        (Route(), True, True),
        (Route(hosts=BEFORE.hosts, path_prefix="/shop"), True, False),
        (Route(hosts=BEFORE.hosts, tls="auto"), True, False),
        (Route(hosts=BEFORE.hosts, redirects={"b.test": "a.test"}), False, False),
    ],
    ids=["the same", "another second", "another first", "wild first", "no host", "a prefix", "https", "a redirect"],
)
def test_only_what_it_is_told_counts(route, url, host):
    told_url, told_host = installed(TELLS_URL), installed(TELLS_HOST)
    for (world, site), expected in ((told_url, url), (told_host, host), (installed({}), False)):
        installation = world.store.installations[APP]
        assert alters_env(site, installation, route) is expected
        after = with_route(site, installation, route)
        assert after.route == route and (after.number, after.settings) == (2 if expected else 1, installation.settings)


def test_a_value_of_the_customers_own_is_theirs():
    world, site = installed(TELLS_HOST, ALLOWED="mine.test")
    assert not alters_env(site, world.store.installations[APP], Route(hosts=("c.test",)))


def test_the_new_instance_has_the_new_address_and_the_route():
    world, site = installed({**TELLS_URL, **TELLS_HOST})
    before, route = world.store.installations[APP], Route(hosts=("c.test",), path_prefix="/shop")
    assert env_of(world) == {"BASE": "http://a.test/", "ALLOWED": "a.test"}
    after = with_route(site, before, route)
    replace(site, Journal(flow="config", started=0.0, before=before, after=after))
    assert env_of(world) == {"BASE": "http://c.test/shop/", "ALLOWED": "c.test"}
    assert world.proxy.services[APP].route == route and world.store.installations[APP] == after


def test_one_that_is_stopped_is_told_when_it_starts():
    world, site = installed(TELLS_URL)
    stop(world.world(), APP)
    after = with_route(site, world.store.installations[APP], Route(hosts=("c.test",)))
    assert (after.number, after.state) == (1, "stopped")
    world.store.save_installation(after)
    start(world.world(), APP)
    assert world.store.installations[APP].state == "running"
    assert env_of(world) == {"BASE": "http://c.test/"}
