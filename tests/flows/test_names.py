"""The look at names that an install makes before anything is touched."""

import pytest
from notes import Notes
from scenarios import APP

from discode.core.authority import Answered, Authority
from discode.core.caa import Caa, Policy
from discode.core.errors import PreflightError, UsageError
from discode.core.installation import Route
from discode.core.name_checks import Found, Machine, Reach
from discode.flows.install import InstallRequest, install
from discode.flows.look import look_at_all
from discode.flows.name_look import look_at_names
from discode.ports.names import Told
from discode.testing.faults import Faulty, Script
from discode.testing.memory_proxy import certified
from discode.testing.memory_world import MemoryWorld

HOST, OWN, ELSEWHERE = "app.example.com", "203.0.113.7", "198.51.100.1"


@pytest.fixture
def world():
    """A machine with a public address of its own, to which its name points."""
    made = MemoryWorld(APP)
    made.publish("1.0")
    return made


def installed(world, *hosts, tls="auto", skip=False):
    notes = Notes()
    route = Route(hosts=hosts or (HOST,), tls=tls)
    install(world.world(report=notes), InstallRequest(APP, "memory", route=route, skip_checks=skip))
    return notes.notes


def refused(world, *hosts, tls="auto"):
    """The proxy runs only when it is needed for the answer; nothing else is touched."""
    with pytest.raises(PreflightError) as raised:
        installed(world, *hosts, tls=tls)
    assert APP not in world.store.installations and not world.runtime.fetched and not world.proxy.services
    assert "Nothing was changed." in raised.value.sentence and raised.value.next_step.endswith("--skip-checks")
    assert raised.value.exit_code == 4
    return raised.value


def test_a_name_that_leads_here_is_installed_without_a_word(world):
    assert installed(world) == []
    assert world.names.questions == [HOST, "Let's Encrypt"]


def test_a_name_that_does_not_exist_is_refused_with_the_record_to_add(world):
    world.names.take("www.example.com")
    error = refused(world, HOST, "www.example.com")
    assert error.name == "name-missing" and error.sentence.startswith("www.example.com does not exist in DNS.")
    assert "Add this record where the domain is managed: www.example.com.  A  203.0.113.7." in error.next_step
    assert installed(world, HOST, "www.example.com", skip=True) == []
    assert world.names.questions == [HOST, "www.example.com", "Let's Encrypt"]


def test_a_name_that_points_elsewhere_is_refused_when_the_token_did_not_come_back(world):
    world.names.add(HOST, ELSEWHERE)
    assert refused(world).name == "name-elsewhere"
    world.proxy.reaches[ELSEWHERE] = Reach("here")
    assert installed(world) == []


def test_behind_a_router_it_is_installed_with_a_word(world):
    world.names.add(HOST, OWN)
    world.names.here, world.proxy.reaches = Machine(("192.168.1.10",)), {}
    (note,) = installed(world)
    assert "which is none of this machine's own addresses (192.168.1.10)" in note
    assert "If that is the address of your router or cloud" in note


def test_a_resolver_that_does_not_answer_is_no_reason_to_refuse(world):
    world.names.records[HOST] = Told(Found(reason="the resolver 127.0.0.53 does not answer"))
    (note,) = installed(world)
    assert "the resolver 127.0.0.53 does not answer" in note


def test_a_caa_record_that_forbids_is_refused(world):
    world.names.add(HOST, OWN, caa=Policy("example.com", (Caa(0, "issue", "ca.example"),)))
    error = refused(world)
    assert error.name == "caa-forbids" and 'example.com.  CAA  0 issue "letsencrypt.org"' in error.next_step
    world.names.answered = Answered(("ca.example",), 0.0)
    assert installed(world) == []


def test_a_clock_that_is_a_year_off_is_told_and_refused_where_no_certificate_can_be_had(world):
    world.names.answered = Answered(("letsencrypt.org",), 365 * 86400.0, "not yet valid", by_clock=True)
    error = refused(world)
    assert error.name == "clock-off" and "365 days ahead of that of Let's Encrypt" in error.sentence
    world.names.answered = Answered(("letsencrypt.org",), 365 * 86400.0)
    (note,) = installed(world)
    assert note.startswith("This machine's clock is 365 days ahead of that of Let's Encrypt. Set this machine's clock")


def test_a_ca_that_is_away_is_told(world):
    world.names.answered = Answered(reason="connection refused")
    (note,) = installed(world)
    assert note.startswith("The CA Let's Encrypt cannot be reached from here: connection refused.")


@pytest.mark.parametrize("hosts", [("app.test",), ("localhost",), ("192.0.2.7",), ("app",), ("*.home.arpa",)])
def test_nothing_is_asked_about_names_of_private_use(world, hosts):
    assert installed(world, *hosts, tls="off") == []
    assert world.names.questions == []


def test_nothing_is_asked_about_names_of_private_use_that_an_own_ca_certifies(world):
    world.names.ca = Authority("ca.corp.test", is_own=True)
    assert installed(world, "app.test", "app.localhost") == []
    assert world.names.questions == []


def test_without_https_nothing_is_asked_and_the_record_is_told(world):
    (note,) = installed(world, HOST, tls="off")
    assert note == f"Without HTTPS, nothing was asked about names. What leads here in DNS: {HOST}.  A  {OWN}"
    assert world.names.questions == []


def test_with_an_own_certificate_a_name_may_point_elsewhere_until_it_is_moved(world):
    world.names.add(HOST, ELSEWHERE, caa=Policy("example.com", (Caa(0, "issue", ";"),)))
    (note,) = installed(world, HOST, tls="own")
    assert "which is none of this machine's own addresses" in note and world.names.questions == [HOST]


@pytest.mark.parametrize("host", ["192.0.2.7", "*.example.com", "app.local"])
def test_what_no_certificate_can_be_had_for_is_refused_also_without_checks(world, host):
    for skip in (False, True):
        with pytest.raises(UsageError) as raised:
            installed(world, host, skip=skip)
        assert raised.value.name == "no-certificate-for-name" and world.names.questions == []
    assert world.store.installations == {}
    world.names.ca = Authority("Let's Encrypt", by_dns=True)
    world.names.take(host)
    if host == "*.example.com":  # DNS-01 asks at no port
        (note,) = installed(world, host)
        assert note.startswith("*.example.com does not exist in DNS.")


def test_many_problems_are_told_briefly(world):
    hosts = [f"a{number}.example.com" for number in range(40)]
    for host in hosts:
        world.names.take(host)
    error = refused(world, *hosts)
    assert "The same goes for 35 more. Nothing was changed." in error.sentence and len(error.next_step) < 800


def looked_at(world):
    apps = [*world.store.installations.values()]
    seen = [sight.https for sight in look_at_all(world.world(), apps) if sight.https]
    return look_at_names(world.world(), apps, {one.host for https in seen for one in https.names if one.is_proved})


def test_installed_apps_are_looked_at_again(world):
    installed(world)
    assert looked_at(world) == {APP: ()}
    world.names.add(HOST, OWN, "2001:db8::1")
    (problem,) = looked_at(world)[APP]
    assert problem.key == "name-ipv6-elsewhere" and problem.is_sure
    shop = world.store.installations[APP].changed(app="shop", route=Route(hosts=("b.example.com",), tls="own"))
    lan = shop.changed(app="lan", route=Route(hosts=("lan.test",), tls="own"))
    plain = shop.changed(app="plain", route=Route(hosts=("c.example.com",)))
    world.store.installations.update(shop=shop, lan=lan, plain=plain)
    world.names.take("b.example.com")
    world.names.questions.clear()
    found = looked_at(world)
    assert {app: [problem.key for problem in problems] for app, problems in found.items()} == {
        APP: ["name-ipv6-elsewhere"], "shop": ["name-missing"],
    }  # fmt: skip
    assert world.names.questions == [HOST, "b.example.com", "Let's Encrypt"], "each once"


def test_of_many_apps_the_proxy_is_asked_once_for_tokens(world):
    installed(world)
    one = world.store.installations[APP]
    apps = [one.changed(app=f"app{n}", route=Route(hosts=(f"{n}.example.com",), tls="auto")) for n in range(9)]
    script = Script({})
    found = look_at_names(world.world(proxy=Faulty(world.proxy, script, PreflightError(""))), apps, set())
    assert [*found] == [app.app for app in apps] and script.names == ["reach"]


def test_where_a_certificate_is_there_a_router_in_between_is_no_news(world):
    world.names.add(HOST, OWN)
    world.names.here, world.proxy.reaches = Machine(("192.168.1.10",)), {}
    installed(world)
    world.proxy.certificates[HOST] = certified(HOST, is_trusted=False)
    assert [problem.key for problem in looked_at(world)[APP]] == ["name-elsewhere"]
    world.proxy.certificates[HOST] = certified(HOST)
    assert looked_at(world) == {APP: ()}
