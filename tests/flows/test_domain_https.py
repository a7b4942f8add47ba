"""Names of an app with HTTPS change: who comes by HTTPS is never led to a name without a certificate."""

import pytest
from scenarios import APP, ENV

from discode.core.authority import Authority
from discode.core.certificate import CertificateFailure
from discode.core.errors import NoHttps, PreflightError, Refused, UsageError
from discode.core.installation import Route
from discode.flows import domains
from discode.flows.install import InstallRequest, install
from discode.testing.faults import Faulty, Script
from discode.testing.memory_proxy import certified
from discode.testing.memory_world import MemoryWorld

REFUSED = CertificateFailure("refused", "no A record for b.net", None)


def made(*hosts, tls="auto", refused=()):
    world = MemoryWorld(APP)
    world.publish("1.0", env=ENV)
    install(world.world(), InstallRequest(APP, "memory", route=Route(hosts=hosts, tls=tls)))
    world.proxy.failures = dict.fromkeys(refused, REFUSED)
    return world


def route(world):
    assert world.proxy.services[APP].route == world.store.installations[APP].route
    assert not world.store.journals
    return world.store.installations[APP].route


def test_a_new_name_is_told_with_its_certificate():
    world = made("a.net")
    world.proxy.certified_after = 5
    result = domains.add(world.world(), APP, ["b.net"])
    assert result.https is not None and result.https.is_proved
    assert "It has HTTPS: https://b.net" in result.message and "Its address is https://a.net." in result.message


def test_the_proxy_is_told_the_route_again_when_the_certificates_are_there():
    """kamal-proxy leads nobody to HTTPS before; see `KamalProxy.switch`. The edge does so by itself."""
    world = made("a.net")
    world.proxy.sends_on_when_told = True
    for refused, switches in (("b.net", 1), ("", 2)):
        world.proxy.failures = {refused: REFUSED}
        script = Script({})
        watched = world.world(proxy=Faulty(world.proxy, script, Refused("")))
        domains.add(watched, APP, ["b.net"])
        assert script.names.count("switch") == switches
        domains.remove(world.world(), APP, ["b.net"])


def test_one_that_gets_none_is_served_all_the_same_and_the_last_words_say_why():
    world = made("a.net", refused=["b.net"])
    result = domains.add(world.world(), APP, ["b.net"])
    assert "It has no HTTPS yet and is served at http://b.net. b.net: the CA says: no A record" in result.message
    assert result.outcome == "added" and route(world).hosts == ("a.net", "b.net")


def test_one_that_gets_none_is_taken_back_where_https_is_required():
    world = made("a.net", refused=["b.net"])
    with pytest.raises(NoHttps) as raised:
        domains.add(world.world(), APP, ["b.net"], require_https=True)
    assert "myapp has its earlier addresses again." in raised.value.sentence and raised.value.exit_code == 5
    assert route(world) == Route(hosts=("a.net",), tls="auto")
    domains.add(world.world(), APP, ["c.net"], require_https=True)
    assert route(world).hosts == ("a.net", "c.net")


def test_https_cannot_be_required_of_an_app_that_would_have_none():
    world = made("nas.local", tls="off")
    with pytest.raises(UsageError, match="HTTPS is required"):
        domains.add(world.world(), APP, ["b.local"], require_https=True)
    assert route(world) == Route(hosts=("nas.local",))


def test_a_private_name_beside_a_public_one_is_not_waited_for_and_not_taken_back():
    """A CA for the world does not sign it: it is served by plain HTTP, as after an install with both."""
    world = made("a.net")
    world.proxy.certified_after, begun = 10**6, world.system.time
    result = domains.add(world.world(), APP, ["nas.local"], require_https=True)
    assert result.https is None and result.message == "myapp answers at nas.local now. Its address is https://a.net."
    assert world.system.time - begun < 5 and route(world) == Route(hosts=("a.net", "nas.local"), tls="auto")


def test_a_name_that_leads_nowhere_is_refused_before_anything_is_touched_unless_told_otherwise():
    world = made("a.net")
    world.names.take("b.net")
    for change in (
        lambda **more: domains.add(world.world(), APP, ["b.net"], **more),
        lambda **more: domains.redirect(world.world(), APP, "b.net", "a.net", **more),
    ):
        with pytest.raises(PreflightError) as raised:
            change()
        assert raised.value.name == "name-missing" and "--skip-checks" in raised.value.next_step
        assert route(world).hosts == ("a.net",)
    domains.add(world.world(), APP, ["b.net"], skip_checks=True)
    assert route(world).hosts == ("a.net", "b.net")


def test_a_wildcard_takes_no_name_its_certificate():
    world = made("a.net")
    with pytest.raises(UsageError):
        domains.add(world.world(), APP, ["*.a.net"], skip_checks=True)
    assert route(world) == Route(hosts=("a.net",), tls="auto")


def test_a_public_name_brings_https_to_an_app_with_local_names_and_the_last_one_takes_it_along():
    world = made("nas.local", tls="off")
    assert domains.add(world.world(), APP, ["a.net"]).https.is_proved and route(world).tls == "auto"
    domains.remove(world.world(), APP, ["a.net"])
    assert route(world) == Route(hosts=("nas.local",))
    assert domains.add(world.world(), APP, ["a.net"], tls="off").https is None and route(world).tls == "off"


def test_a_name_with_a_certificate_is_not_led_to_one_without():
    world = made("a.net", refused=["b.net"])
    domains.add(world.world(), APP, ["b.net"])
    before = route(world)
    for change in (
        lambda **more: domains.redirect(world.world(), APP, "a.net", "b.net", **more),
        lambda **more: domains.remove(world.world(), APP, ["a.net"], **more),
    ):
        with pytest.raises(Refused) as raised:
            change()
        assert raised.value.name == "no-certificate" and "Nothing was changed." in raised.value.sentence
        assert "a.net has a certificate" in raised.value.sentence and "--skip-checks" in raised.value.next_step
        assert route(world) == before
    domains.redirect(world.world(), APP, "b.net", "a.net")
    assert route(world).redirects == {"b.net": "a.net"}, "that one leads to where a certificate is"
    domains.answer(world.world(), APP, "b.net")
    domains.remove(world.world(), APP, ["a.net"], skip_checks=True)
    assert route(world).hosts == ("b.net",)


def test_a_name_that_the_ca_never_signs_is_refused_at_once_and_with_a_ca_of_ones_own_waited_for():
    world = made("a.net", "nas.local")
    world.proxy.certified_after = 10**6
    world.proxy.certificates["a.net"] = certified("a.net")
    begun = world.system.time
    with pytest.raises(Refused, match=r"nas\.local is a name for private use, which Let's Encrypt") as raised:
        domains.redirect(world.world(), APP, "a.net", "nas.local")
    assert raised.value.name == "no-certificate" and "--skip-checks" in raised.value.next_step
    assert world.system.time - begun < 5 and not route(world).redirects
    world.names.ca = Authority("ca.local", is_own=True)
    world.proxy.certified_after = 50
    domains.redirect(world.world(), APP, "a.net", "nas.local")
    assert world.system.time - begun >= 9 and route(world).redirects == {"a.net": "nas.local"}


def test_a_name_is_led_on_as_soon_as_the_other_has_its_certificate():
    world = made("a.net")
    world.proxy.certified_after = 0
    domains.add(world.world(), APP, ["b.net"])
    domains.redirect(world.world(), APP, "a.net", "b.net")
    domains.remove(world.world(), APP, ["a.net"])
    assert route(world) == Route(hosts=("b.net",), tls="auto")


def test_where_nobody_has_https_nothing_is_waited_for():
    world = made("a.net", "b.net", refused=["a.net", "b.net"])
    domains.redirect(world.world(), APP, "a.net", "b.net")
    assert route(world).redirects == {"a.net": "b.net"}
    world = made("a.test", "b.test", tls="off")
    domains.remove(world.world(), APP, ["a.test"])
    assert route(world) == Route(hosts=("b.test",))
