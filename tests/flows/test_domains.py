"""The addresses of an app change while the same instance serves."""

from dataclasses import replace

import pytest
from scenarios import APP, ENV, told_its_address
from trial import faulty

from discode.core.errors import PreflightError, Refused, UsageError
from discode.core.installation import Route
from discode.flows import domains
from discode.flows.domains import NeedsConsent
from discode.flows.install import InstallRequest, install
from discode.flows.power import start, stop
from discode.flows.update import update
from discode.testing.faults import Script
from discode.testing.memory_world import MemoryWorld


def made(prepare):
    world = MemoryWorld(APP)
    prepare(world)
    return world


def installed(world, route=Route(hosts=("a.test",))):
    world.publish("1.0", env=ENV)
    install(world.world(), InstallRequest(APP, "memory", route=route))


def of_two_names(world):
    installed(world, Route(hosts=("a.test", "b.test")))


def stopped(world):
    installed(world)
    stop(world.world(), APP)


def one_taken(world):
    """The proxy has b.test for somebody of whom no file tells."""
    installed(world)
    world.proxy.services["other"] = replace(world.proxy.services[APP], route=Route(hosts=("b.test",)))


def without_hosts(world):
    world.publish("1.0")
    install(world.world(), InstallRequest(APP, "memory"))


def shown(world):
    """What the proxy has, and what is recorded: they have to be the same."""
    assert world.proxy.services[APP].route == world.store.installations[APP].route
    return world.proxy.services[APP].route


def calls_of(world, flow):
    script = Script({})
    return flow(faulty(world, script)), script.names


def test_a_name_comes_by_one_switch_and_nothing_is_started():
    world = made(installed)
    before = dict(world.runtime.live)
    result, calls = calls_of(world, lambda w: domains.add(w, APP, ["b.test"]))
    assert (result.flow, result.outcome, result.message) == (
        "domain",
        "added",
        "myapp answers at b.test now. Its address is http://a.test.",
    )
    assert shown(world) == Route(hosts=("a.test", "b.test")) and world.runtime.live == before
    assert calls.count("switch") == 1 and not {"start", "stop", "remove", "pause"} & set(calls)
    last = world.store.entries[APP][-1]
    assert (last.flow, last.outcome, last.serves, last.route) == ("domain", "done", "1.0", "+b.test")


def test_what_is_there_already_is_nothing_to_do():
    world = made(of_two_names)
    history = list(world.store.entries[APP])
    for flow in (
        lambda w: domains.add(w, APP, ["b.test", "a.test"]),
        lambda w: domains.answer(w, APP, "a.test"),
        lambda w: domains.move(w, APP, "/"),
        lambda w: domains.secure(w, APP, "off"),
    ):
        result, calls = calls_of(world, flow)
        assert result.outcome == "nothing-to-do" and "Nothing to do" in result.message
        assert not {"switch", "write_journal", "save_installation"} & set(calls)
    assert world.store.entries[APP] == history


def test_a_redirect_the_removal_of_a_name_and_another_path():
    world = made(of_two_names)
    domains.redirect(world.world(), APP, "a.test", "b.test")
    assert shown(world).redirects == {"a.test": "b.test"}
    assert domains.answer(world.world(), APP, "a.test").outcome == "answering"
    domains.move(world.world(), APP, "/shop")
    result = domains.remove(world.world(), APP, ["a.test"])
    assert result.message == "myapp has given up a.test. Its address is http://b.test/shop."
    assert shown(world) == Route(hosts=("b.test",), path_prefix="/shop")


def test_an_update_afterwards_has_the_new_addresses():
    world = made(installed)
    domains.add(world.world(), APP, ["b.test"])
    domains.redirect(world.world(), APP, "a.test", "b.test")
    route = shown(world)
    world.publish("1.1", env=ENV)
    update(world.world(), APP)
    assert shown(world) == route and world.store.installations[APP].version == "1.1"


def test_an_app_that_answers_everywhere_asks_before_it_does_not_and_before_it_does():
    world = made(without_hosts)
    with pytest.raises(NeedsConsent) as raised:
        domains.add(world.world(), APP, ["a.test"])
    assert raised.value.next_step == "If that is what you want: discode domain add myapp a.test --yes"
    assert "Nothing was changed" in raised.value.sentence and shown(world) == Route()
    domains.add(world.world(), APP, ["a.test"], sure=True)
    assert shown(world) == Route(hosts=("a.test",))
    with pytest.raises(NeedsConsent, match="No name would be left"):
        domains.remove(world.world(), APP, ["a.test"])
    domains.remove(world.world(), APP, ["a.test"], sure=True)
    assert shown(world) == Route()
    with pytest.raises(Refused, match=r"a\.test is no name of myapp"):
        domains.redirect(world.world(), APP, "b.test", "a.test")


def test_a_stopped_app_stays_stopped_at_its_new_addresses():
    world = made(stopped)
    instances = list(world.runtime.live)
    result = domains.add(world.world(), APP, ["b.test"])
    assert result.message == (
        "myapp answers at b.test now. Its address is http://a.test. It is stopped; start it with: discode start myapp"
    )
    assert shown(world).hosts == ("a.test", "b.test") and world.proxy.services[APP].mode.value == "stopped"
    start(world.world(), APP)
    assert shown(world).hosts == ("a.test", "b.test") and list(world.runtime.live) == instances


def test_one_that_knows_its_address_comes_again_when_that_changes_and_only_then():
    world = made(told_its_address)
    domains.add(world.world(), APP, ["b.test"])
    assert world.store.installations[APP].number == 1
    result = domains.redirect(world.world(), APP, "a.test", "b.test")
    assert "myapp has been restarted, because it is told its own address." in result.message
    [instance] = world.runtime.live.values()
    assert instance.spec.env["HOME_PAGE"] == "http://b.test/home" and world.store.installations[APP].number == 2


def test_a_name_of_another_app_is_refused_as_at_an_install():
    world = made(installed)
    other = world.store.installations[APP].changed(app="blog", route=Route(hosts=("b.test",)))
    world.store.installations["blog"] = other
    for flow in (
        lambda w: domains.add(w, APP, ["b.test"]),
        lambda w: domains.redirect(w, APP, "b.test", "a.test"),
    ):
        with pytest.raises(Refused) as raised:
            flow(world.world())
        assert raised.value.name == "host-taken" and "blog already uses b.test" in raised.value.sentence
        assert raised.value.next_step.endswith("discode domain remove blog b.test")
    assert shown(world) == Route(hosts=("a.test",)) and not world.store.journals


def test_a_name_that_the_proxy_has_given_away_leaves_all_as_it_was():
    world = made(one_taken)
    with pytest.raises(Refused) as raised:
        domains.add(world.world(), APP, ["b.test"])
    assert raised.value.name == "host-taken" and "The addresses are as they were." in raised.value.sentence
    assert shown(world) == Route(hosts=("a.test",)) and not world.store.journals
    assert world.store.entries[APP][-1].outcome == "failed"


def test_an_app_that_the_proxy_does_not_know_gets_its_addresses_with_its_requests():
    world = made(installed)
    world.proxy.services.clear()
    result = domains.add(world.world(), APP, ["b.test"])
    assert "bring it back with: discode settle myapp" in result.message
    assert world.store.installations[APP].route.hosts == ("a.test", "b.test") and not world.proxy.services


def test_a_name_that_it_does_not_have_is_a_mistake():
    world = made(installed)
    for flow in (lambda w: domains.remove(w, APP, ["b.test"]), lambda w: domains.answer(w, APP, "b.test")):
        with pytest.raises(UsageError) as raised:
            flow(world.world())
        assert raised.value.name == "unknown-host"


def of_the_world(world):
    world.proxy.certified_after = 0
    installed(world, Route(hosts=("a.example.com",), tls="auto"))
    world.names.questions.clear()


def test_a_new_name_is_looked_at_as_at_an_install_and_the_old_ones_are_not():
    world = made(of_the_world)
    world.names.take("b.example.com")
    with pytest.raises(PreflightError) as raised:
        domains.add(world.world(), APP, ["b.example.com"])
    assert raised.value.name == "name-missing" and "b.example.com.  A  203.0.113.7" in raised.value.next_step
    assert world.names.questions == ["b.example.com", "Let's Encrypt"]
    assert shown(world).hosts == ("a.example.com",) and not world.store.journals
    domains.add(world.world(), APP, ["b.example.com"], skip_checks=True)
    assert shown(world).hosts == ("a.example.com", "b.example.com")
    world.names.questions.clear()
    domains.add(world.world(), APP, ["nas.local"])  # goes without a certificate
    domains.add(world.world(), APP, ["b.example.com"])
    assert world.names.questions == []


def test_what_the_proxy_does_not_answer_for_is_told_before_anything_is_touched():
    world = made(of_the_world)
    world.names.add("b.example.com", "198.51.100.1")
    with pytest.raises(PreflightError) as raised:
        domains.add(world.world(), APP, ["b.example.com"])
    assert raised.value.name == "name-elsewhere" and shown(world).hosts == ("a.example.com",)
