"""What every proxy has to do, by the words of the port. A subclass gives the fixture `site`: a proxy without routes,
and endpoints for it."""

from __future__ import annotations

from typing import Protocol

import pytest

from discode.core.doors import service_of
from discode.core.errors import Refused, ReleaseFailed
from discode.core.installation import Route
from discode.core.manifest import Door, DoorHealth, Health
from discode.ports.proxy import DoorTo, Mode, Proxy, Serving, Timing
from discode.ports.runtime import Endpoint

PATIENCE = 60.0  # seconds: what is asked answers, and what is held is let go of
HEALTH = Health(path="/up", timeout=2.0)
TIMING = Timing(deploy=30.0, drain=1.0)
SHORT = Timing(deploy=0.5, drain=1.0)
ROUTE = Route(hosts=("app.test",))
OTHER = Route(hosts=("other.test",))


class Site(Protocol):
    proxy: Proxy

    def healthy(self) -> Endpoint:
        """A new endpoint that answers 200 at every path."""

    def broken(self) -> Endpoint:
        """A new endpoint that answers, but never 2xx."""


class ProxyContract:
    def test_ensure_can_be_repeated(self, site: Site) -> None:
        site.proxy.ensure()
        site.proxy.ensure()
        assert site.proxy.serving("myapp") is None

    def test_an_unknown_service_is_no_error(self, site: Site) -> None:
        assert site.proxy.serving("myapp") is None
        assert not site.proxy.probe("myapp", ROUTE, "/up", PATIENCE).ok
        site.proxy.pause("myapp", 1.0)
        site.proxy.resume("myapp")
        site.proxy.stop("myapp", "Back at noon.")
        site.proxy.unroute("myapp")
        site.proxy.drained("myapp", 1.0)
        assert site.proxy.serving("myapp") is None

    def test_a_switch_makes_the_endpoint_serve(self, site: Site) -> None:
        endpoint = site.healthy()
        site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING)
        assert site.proxy.serving("myapp") == Serving(endpoint, Mode.RUNNING)
        assert site.proxy.serving("my") is None
        assert site.proxy.probe("myapp", ROUTE, "/up", PATIENCE).ok

    @pytest.mark.parametrize("route", [Route(), Route(hosts=("*.app.test",)), Route(hosts=("a.test", "b.test"))])
    def test_routes_of_every_kind_are_served_and_probed(self, site: Site, route: Route) -> None:
        site.proxy.switch("myapp", site.healthy(), route, HEALTH, TIMING)
        assert site.proxy.probe("myapp", route, "/up", PATIENCE).ok

    def test_https_is_as_the_route_of_the_last_switch_says(self, site: Site) -> None:
        """Without a certificate yet: the app is served over plain HTTP, and nobody is sent elsewhere."""
        first, second = site.healthy(), site.healthy()
        secure = ROUTE.changed(tls="auto")
        for endpoint, route in ((first, ROUTE), (second, secure), (first, secure), (first, ROUTE)):
            site.proxy.switch("myapp", endpoint, route, HEALTH, TIMING)
            assert site.proxy.serving("myapp") == Serving(endpoint, Mode.RUNNING, is_secure=route is secure)
            assert site.proxy.probe("myapp", route, "/up", PATIENCE).ok

    def test_a_secure_address_says_so(self, site: Site) -> None:
        assert site.proxy.url(ROUTE).startswith("http://app.test")
        assert site.proxy.url(ROUTE.changed(tls="own")).startswith("https://app.test")

    def test_the_last_switch_serves(self, site: Site) -> None:
        first, second = site.healthy(), site.healthy()
        for endpoint in (first, second, second, first):
            site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING)
            site.proxy.drained("myapp", TIMING.drain)
            assert site.proxy.serving("myapp") == Serving(endpoint, Mode.RUNNING)
            assert site.proxy.probe("myapp", ROUTE, "/up", PATIENCE).ok

    def test_an_endpoint_that_is_not_healthy_gets_no_request(self, site: Site) -> None:
        with pytest.raises(ReleaseFailed):
            site.proxy.switch("myapp", site.broken(), ROUTE, HEALTH, SHORT)
        assert site.proxy.serving("myapp") is None
        endpoint = site.healthy()
        site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING)
        with pytest.raises(ReleaseFailed):
            site.proxy.switch("myapp", site.broken(), ROUTE, HEALTH, SHORT)
        assert site.proxy.serving("myapp") == Serving(endpoint, Mode.RUNNING)
        assert site.proxy.probe("myapp", ROUTE, "/up", PATIENCE).ok

    def test_force_switches_to_an_endpoint_that_is_not_healthy(self, site: Site) -> None:
        site.proxy.switch("myapp", site.healthy(), ROUTE, HEALTH, TIMING)
        endpoint = site.broken()
        site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, SHORT, force=True)
        assert site.proxy.serving("myapp") == Serving(endpoint, Mode.RUNNING)
        assert not site.proxy.probe("myapp", ROUTE, "/up", PATIENCE).ok
        with pytest.raises(Refused):
            site.proxy.switch("thief", endpoint, ROUTE, HEALTH, SHORT, force=True)

    def test_a_question_about_names_is_answered_and_leaves_nothing(self, site: Site) -> None:
        endpoint = site.healthy()
        site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING)
        found = site.proxy.reach({"app.test": ["127.0.0.1"], "nobody.test": ["127.0.0.1"], "empty.test": []}, PATIENCE)
        assert {host: [*seen] for host, seen in found.items()} == {
            "app.test": ["127.0.0.1"],
            "nobody.test": ["127.0.0.1"],
            "empty.test": [],
        }
        assert site.proxy.serving("myapp") == Serving(endpoint, Mode.RUNNING)
        assert site.proxy.probe("myapp", ROUTE, "/up", PATIENCE).ok

    def test_a_route_of_another_app_is_refused(self, site: Site) -> None:
        endpoint = site.healthy()
        site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING)
        with pytest.raises(Refused) as raised:
            site.proxy.switch("thief", site.healthy(), ROUTE, HEALTH, TIMING)
        assert raised.value.name == "host-taken"
        assert site.proxy.serving("myapp") == Serving(endpoint, Mode.RUNNING)
        assert site.proxy.serving("thief") is None

    def test_the_route_changes_for_the_endpoint_that_serves(self, site: Site) -> None:
        endpoint, moved = site.healthy(), Route(hosts=("b.test", "*.c.test"), path_prefix="/shop")
        site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING)
        for route in (moved, Route(), ROUTE):
            site.proxy.check(route)
            site.proxy.switch("myapp", endpoint, route, HEALTH, TIMING)
            serving = site.proxy.serving("myapp")
            assert serving == Serving(endpoint, Mode.RUNNING)
            assert serving is not None and (serving.hosts, serving.path_prefix) == (route.hosts, route.path_prefix)
            assert site.proxy.probe("myapp", route, "/up", PATIENCE).ok
        assert not site.proxy.probe("myapp", moved, "/up", PATIENCE).ok

    def test_the_route_of_what_is_stopped_or_ill_changes_too(self, site: Site) -> None:
        endpoint = site.broken()
        site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, SHORT, force=True)
        site.proxy.stop("myapp", "Back at noon.")
        site.proxy.switch("myapp", endpoint, OTHER, HEALTH, SHORT, force=True)
        serving = site.proxy.serving("myapp")
        assert serving == Serving(endpoint, Mode.STOPPED) and serving is not None and serving.hosts == OTHER.hosts

    def test_a_name_is_sent_on_to_another_one(self, site: Site) -> None:
        both, led = Route(hosts=("app.test", "www.app.test")), {"www.app.test": "app.test"}
        endpoint, www = site.healthy(), Route(hosts=("www.app.test",))
        for route in (both, both.changed(redirects=led), both):
            site.proxy.check(route)
            site.proxy.switch("myapp", endpoint, route, HEALTH, TIMING)
            serving = site.proxy.serving("myapp")
            assert serving is not None and serving.redirects in (route.redirects, None)
            assert site.proxy.probe("myapp", route, "/up", PATIENCE).ok
            assert site.proxy.probe("myapp", www, "/up", PATIENCE).ok is not bool(route.redirects)

    def test_apps_live_side_by_side(self, site: Site) -> None:
        first, second, below = site.healthy(), site.healthy(), site.healthy()
        path = Route(hosts=ROUTE.hosts, path_prefix="/docs")
        for service, endpoint, route in (("myapp", first, ROUTE), ("other", second, OTHER), ("docs", below, path)):
            site.proxy.switch(service, endpoint, route, HEALTH, TIMING)
        told = site.proxy.all_serving()
        assert {name: one.endpoint for name, one in told.items()} == {"myapp": first, "other": second, "docs": below}
        for service, endpoint, route in (("myapp", first, ROUTE), ("other", second, OTHER), ("docs", below, path)):
            assert site.proxy.serving(service) == Serving(endpoint, Mode.RUNNING)
            assert site.proxy.probe(service, route, "/up", PATIENCE).ok

    def test_each_host_of_a_route_is_told_whether_it_has_a_certificate(self, site: Site) -> None:
        assert site.proxy.https(Route()) == ()
        route = Route(hosts=("b.test", "*.app.test", "a.test"))
        site.proxy.switch("myapp", site.healthy(), route, HEALTH, TIMING)
        told = site.proxy.https(route)
        assert [(one.host, one.certificate, one.is_proved) for one in told] == [
            ("b.test", None, False), ("*.app.test", None, False), ("a.test", None, False)
        ]  # fmt: skip

    def test_a_pause_outlives_a_switch_and_ends_with_resume(self, site: Site) -> None:
        first, second = site.healthy(), site.healthy()
        site.proxy.switch("myapp", first, ROUTE, HEALTH, TIMING)
        site.proxy.pause("myapp", PATIENCE)
        assert site.proxy.serving("myapp") == Serving(first, Mode.PAUSED)
        site.proxy.switch("myapp", second, ROUTE, HEALTH, TIMING)
        assert site.proxy.serving("myapp") == Serving(second, Mode.PAUSED)
        site.proxy.resume("myapp")
        site.proxy.resume("myapp")
        assert site.proxy.serving("myapp") == Serving(second, Mode.RUNNING)
        assert site.proxy.probe("myapp", ROUTE, "/up", PATIENCE).ok

    def test_a_stop_ends_with_resume(self, site: Site) -> None:
        endpoint = site.healthy()
        site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING)
        site.proxy.stop("myapp", "-- Back at noon.")
        site.proxy.stop("myapp", "Back at noon.")
        assert site.proxy.serving("myapp") == Serving(endpoint, Mode.STOPPED)
        site.proxy.resume("myapp")
        assert site.proxy.serving("myapp") == Serving(endpoint, Mode.RUNNING)

    def test_unroute_forgets_and_frees_the_host(self, site: Site) -> None:
        site.proxy.switch("myapp", site.healthy(), ROUTE, HEALTH, TIMING)
        site.proxy.unroute("myapp")
        site.proxy.unroute("myapp")
        assert site.proxy.serving("myapp") is None
        assert not site.proxy.probe("myapp", ROUTE, "/up", PATIENCE).ok
        endpoint = site.healthy()
        site.proxy.switch("heir", endpoint, ROUTE, HEALTH, TIMING)
        assert site.proxy.serving("heir") == Serving(endpoint, Mode.RUNNING)


class DoorContract:
    """An app's doors are services of their own, and go with it."""

    def test_doors_lead_where_the_app_does(self, site: Site) -> None:
        for _ in range(2):
            endpoint, live, rooms = site.healthy(), door(site, "/live"), door(site, "/api/rooms")
            site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING, doors=[live, rooms])
            assert site.proxy.serving("myapp") == leads(endpoint, live, rooms)
            site.proxy.drained("myapp", TIMING.drain)
        assert site.proxy.serving("myapp") == leads(endpoint, live, rooms)
        for path in ("/up", "/live", "/live/x", "/api/rooms", "/api/up"):
            assert site.proxy.probe("myapp", ROUTE, path, PATIENCE).ok, path

    def test_what_is_behind_a_door_has_a_check_of_its_own(self, site: Site) -> None:
        endpoint, ill = site.healthy(), door(site, "/live", site.broken())
        with pytest.raises(ReleaseFailed):
            site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, SHORT, doors=[ill])
        site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, SHORT, doors=[ill], force=True)
        assert site.proxy.serving("myapp") == leads(endpoint, ill)

    def test_they_are_held_and_stopped_and_let_go_with_it(self, site: Site) -> None:
        endpoint, live = site.healthy(), door(site, "/live")
        site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING, doors=[live])
        site.proxy.pause("myapp", PATIENCE)
        assert site.proxy.serving("myapp") == leads(endpoint, live, mode=Mode.PAUSED)
        site.proxy.resume("myapp")
        assert site.proxy.serving("myapp") == leads(endpoint, live)
        site.proxy.stop("myapp", "Back at noon.")
        assert site.proxy.serving("myapp") == leads(endpoint, live, mode=Mode.STOPPED)
        site.proxy.resume("myapp")
        assert site.proxy.probe("myapp", ROUTE, "/live/x", PATIENCE).ok

    def test_they_are_forgotten_with_it(self, site: Site) -> None:
        site.proxy.switch("myapp", site.healthy(), ROUTE, HEALTH, TIMING, doors=[door(site, "/live")])
        site.proxy.unroute("myapp")
        assert site.proxy.serving("myapp") is None
        endpoint = site.healthy()
        site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING)
        assert site.proxy.serving("myapp") == leads(endpoint)

    def test_one_that_the_next_version_does_not_have_is_closed(self, site: Site) -> None:
        """Then its requests are the app's own; another's doors stay."""
        other, theirs = site.healthy(), door(site, "/live", app="my")
        site.proxy.switch("my", other, OTHER, HEALTH, TIMING, doors=[theirs])
        before = [door(site, "/live"), door(site, "/gone")]
        site.proxy.switch("myapp", site.healthy(), ROUTE, HEALTH, TIMING, doors=before)
        endpoint, live = site.healthy(), door(site, "/live")
        site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING, doors=[live])
        assert site.proxy.probe("myapp", ROUTE, "/gone", PATIENCE).ok, "at once"
        site.proxy.drained("myapp", TIMING.drain)
        assert site.proxy.serving("myapp") == leads(endpoint, live)
        assert site.proxy.probe("myapp", ROUTE, "/gone", PATIENCE).ok
        assert site.proxy.serving("my") == leads(other, theirs)

    def test_a_door_of_another_app_is_refused(self, site: Site) -> None:
        path = Route(hosts=ROUTE.hosts, path_prefix="/live")
        site.proxy.switch("live", site.healthy(), path, HEALTH, TIMING)
        with pytest.raises(Refused) as raised:
            site.proxy.switch("myapp", site.healthy(), ROUTE, HEALTH, TIMING, doors=[door(site, "/live")])
        assert raised.value.name == "host-taken"


def door(site: Site, path: str, endpoint: Endpoint | None = None, app: str = "myapp") -> DoorTo:
    check = DoorHealth(path="/up", timeout=2.0)
    return DoorTo(service_of(app, path), Door(path=path, health=check), endpoint or site.healthy())


def leads(endpoint: Endpoint, *doors: DoorTo, mode: Mode = Mode.RUNNING) -> Serving:
    return Serving(endpoint, mode, doors={one.service: one.endpoint for one in doors})
