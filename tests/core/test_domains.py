"""An app's addresses change: what each change makes of a route, and what it refuses."""

import pytest

from discode.core.domains import added, answering, below, redirected, removed, tls_for, told
from discode.core.errors import Refused, UsageError
from discode.core.installation import Route

TWO = Route(hosts=("a.test", "www.a.test"))
LED = TWO.changed(redirects={"www.a.test": "a.test"})
PUBLIC = Route(hosts=("a.net",), tls="auto")


def test_names_are_added_once_and_removed():
    assert added(TWO, ["b.test", "a.test", "b.test"]).hosts == ("a.test", "www.a.test", "b.test")
    assert added(TWO, ["www.a.test"]) == TWO
    assert removed("myapp", TWO, ["a.test"]) == Route(hosts=("www.a.test",))
    assert removed("myapp", TWO, ["a.test", "www.a.test"]) == Route()


@pytest.mark.parametrize(
    ("before", "hosts", "tls"),
    [
        (Route(), ("a.net",), "auto"),
        (Route(hosts=("a.local",)), ("a.local", "a.net"), "auto"),
        (Route(hosts=("a.local",)), ("a.local", "b.local"), "off"),
        (Route(hosts=("a.net",), tls="off"), ("a.net", "b.net"), "off"),
        (Route(hosts=("a.local",), tls="auto"), ("a.local", "b.local"), "auto"),
        (Route(hosts=("a.net", "a.local"), tls="auto"), ("a.local",), "off"),
        (PUBLIC, ("a.net", "*.a.net"), "auto"),
        (PUBLIC, ("b.net",), "auto"),
        (PUBLIC, (), "off"),
        (Route(hosts=("a.net",), tls="own"), ("a.net", "b.net"), "own"),
    ],
    ids=[
        "the first public name", "a public one beside local ones", "local ones", "off, by choice", "auto, by choice",
        "the last public one goes", "a wildcard takes nothing away", "another public one", "no name", "own",
    ],
)  # fmt: skip
def test_https_follows_the_names_unless_somebody_chose_otherwise(before, hosts, tls):
    assert tls_for(before, hosts) == tls


def test_a_wildcard_brings_https_where_this_machine_gets_certificates_for_such():
    route = Route(hosts=("a.local",))
    assert [added(route, ["*.a.net"], wildcards=wild).tls for wild in (False, True)] == ["off", "auto"]
    both = Route(hosts=("a.local", "*.a.net"), tls="auto")
    assert removed("myapp", both, ["*.a.net"], wildcards=True) == route
    assert removed("myapp", both, ["a.local"], wildcards=True).tls == "auto"


def test_a_name_is_sent_on_and_answered_again():
    assert redirected("myapp", TWO, "www.a.test", "a.test") == LED
    new = redirected("myapp", TWO, "old.test", "a.test")
    assert (new.hosts, new.redirects) == (("a.test", "www.a.test", "old.test"), {"old.test": "a.test"})
    assert redirected("myapp", LED, "www.a.test", "a.test") == LED
    assert redirected("myapp", LED, "*.a.test", "a.test").redirects["*.a.test"] == "a.test"
    assert answering("myapp", LED, "www.a.test") == TWO and answering("myapp", TWO, "a.test") == TWO
    with pytest.raises(UsageError, match=r"b\.test is no name of myapp"):
        answering("myapp", TWO, "b.test")


def test_there_are_no_chains_and_no_circles():
    swapped = redirected("myapp", LED, "a.test", "www.a.test")
    assert swapped.redirects == {"a.test": "www.a.test"}, "they have changed places"
    three = redirected("myapp", added(LED, ["b.test"]), "a.test", "b.test")
    assert three.redirects == {"www.a.test": "b.test", "a.test": "b.test"}, "what led there goes along"
    for source, to, error, step in (
        ("b.test", "www.a.test", Refused, "discode domain redirect myapp b.test --to a.test"),
        ("b.test", "c.test", Refused, "discode domain add myapp c.test"),
        ("a.test", "a.test", UsageError, "discode domain redirect myapp a.test --to HOST"),
        ("b.test", "*.a.test", UsageError, "discode domain redirect myapp b.test --to a.test"),
    ):
        with pytest.raises(error) as raised:
            redirected("myapp", LED, source, to)
        assert step in raised.value.next_step and "Nothing was changed" in raised.value.sentence


def test_what_others_lead_to_goes_with_them_or_not_at_all():
    with pytest.raises(Refused) as raised:
        removed("myapp", LED, ["a.test"])
    assert raised.value.name == "redirect-target"
    assert raised.value.next_step.endswith("discode domain remove myapp a.test www.a.test")
    assert removed("myapp", LED, ["www.a.test"]) == Route(hosts=("a.test",))
    assert removed("myapp", LED, ["a.test", "www.a.test"]) == Route()
    with pytest.raises(UsageError, match=r"b\.test is no name of myapp") as unknown:
        removed("myapp", LED, ["a.test", "b.test"])
    assert unknown.value.next_step == "Its names are: a.test, www.a.test"


def test_an_address_is_one_that_answers():
    swapped = redirected("myapp", LED, "a.test", "www.a.test")
    assert [route.host for route in (TWO, LED, swapped)] == ["a.test", "a.test", "www.a.test"]
    assert [route.some_host for route in (TWO, LED, swapped)] == ["a.test", "a.test", "www.a.test"]
    assert [route.canonical for route in (TWO, LED, swapped)] == ["", "a.test", "www.a.test"]
    assert added(LED, ["b.test"]).canonical == "" and Route().canonical == ""


def test_a_change_is_told_in_a_line():
    after = below(redirected("myapp", added(TWO, ["b.test"]), "www.a.test", "a.test"), "/shop")
    assert told(TWO, after) == "+b.test, www.a.test → a.test, below /shop"
    assert told(after, TWO.changed(tls="auto")) == "-b.test, www.a.test answers, below /, HTTPS auto"
    own = TWO.changed(tls="own", certificate=1)
    assert told(TWO, own) == "HTTPS own" and told(own, own.changed(certificate=2)) == "another certificate"
    assert told(TWO, TWO) == ""


def test_what_a_proxy_tells_of_a_route_is_completed_by_what_is_known():
    known = LED.changed(tls="own")
    assert known.as_routed(known.hosts, "/", None, is_secure=True) == known
    assert known.as_routed(("b.test",), "/x", None, is_secure=False) == Route(hosts=("b.test",), path_prefix="/x")
    assert TWO.as_routed(TWO.hosts, "/", {"www.a.test": "a.test"}, is_secure=True) == LED.changed(tls="auto")
