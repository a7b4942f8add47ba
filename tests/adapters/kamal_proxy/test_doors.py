"""The doors of an app on the real edge, and what kamal-proxy is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from discode.adapters.kamal_proxy import KamalProxy, commands
from discode.adapters.kamal_proxy.carrier import Answer
from discode.core.doors import service_of
from discode.core.errors import Refused
from discode.core.installation import Route
from discode.core.manifest import Door, DoorHealth
from discode.ports.proxy import DoorTo, Timing
from discode.ports.runtime import Endpoint

from ..proxy_contract import HEALTH, ROUTE, TIMING
from .origins import Origin
from .test_edge import EdgeSite, site, stopped
from .toy import AlwaysThere, Routed, table

__all__ = ["site", "stopped"]
SHOP = Route(hosts=ROUTE.hosts, path_prefix="/shop")


def to(origin: Origin, path: str = "/api/live", *, strip_path: bool = False) -> DoorTo:
    return DoorTo(service_of("myapp", path), Door(path=path, strip_path=strip_path), origin.endpoint)


@pytest.mark.parametrize(
    ("route", "strip_path", "asked", "seen"),
    [
        (ROUTE, False, "/api/live/7?x=1", "/api/live/7?x=1"),
        (ROUTE, False, "/api/live", "/api/live"),
        (ROUTE, True, "/api/live/7?x=1", "/7?x=1"),
        (ROUTE, True, "/api/live", "/"),
        (SHOP, False, "/shop/api/live/7?x=1", "/api/live/7?x=1"),
        (SHOP, False, "/shop/api/live", "/api/live"),
        (SHOP, True, "/shop/api/live/7", "/7"),
    ],
)
def test_what_is_behind_a_door_sees_its_path_unless_the_vendor_says_otherwise(
    site: EdgeSite, route: Route, strip_path: bool, asked: str, seen: str
) -> None:
    web, live = site.origins.new("web"), site.origins.new("live")
    doors = [to(live, strip_path=strip_path)]
    site.proxy.switch("myapp", web.endpoint, route, HEALTH, TIMING, doors=doors)
    assert site.get(asked) == (200, f"live {seen} app.test")
    below = route.path_prefix.rstrip("/")
    for others in ("/", "/api", "/api/lively"):
        assert site.get(f"{below}{others}") == (200, f"web {others} app.test")


def test_a_request_through_a_door_that_closes_ends_where_it_is(site: EdgeSite) -> None:
    old, live, new = (site.origins.new(name) for name in ("old", "live", "new"))
    door = to(live, "/slow")
    site.proxy.switch("myapp", old.endpoint, ROUTE, HEALTH, TIMING, doors=[door])
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(site.get, "/slow/x")
        assert live.waiting.wait(60)
        site.proxy.switch("myapp", new.endpoint, ROUTE, HEALTH, Timing(deploy=30.0, drain=60.0))
        new.let_go.set()
        assert site.get("/slow/x") == (200, "new /slow/x app.test"), "the new version has no such door"
        live.let_go.set()
        site.proxy.drained("myapp", 60.0)
        assert slow.result(60) == (200, "live /slow/x app.test")
    serving = site.proxy.serving("myapp")
    assert serving is not None and not serving.doors
    assert site.get("/slow/x") == (200, "new /slow/x app.test")


class KamalsOwn(AlwaysThere):
    """Takes everything; `listed` is what is in its list."""

    is_edge = False

    def __init__(self, **listed: Routed):
        self.listed = table(listed)
        self.asked: list[list[str]] = []

    def run(self, argv: Sequence[str], timeout: float) -> Answer:
        if argv[0] == "list":
            return Answer(0, self.listed, "")
        self.asked.append(list(argv))
        return Answer(0, "", "")

    def told(self, service: str) -> list[str]:
        return [" ".join(argv) for argv in self.asked if argv[1] == service]


def test_kamal_proxy_is_told_each_door_as_a_service() -> None:
    carrier = KamalsOwn()
    live = DoorTo(
        "myapp.live", Door(path="/live", health=DoorHealth(path="/ok", timeout=3.0)), Endpoint("m.live", 4000)
    )
    raw = DoorTo("myapp.raw", Door(path="/raw", strip_path=True), Endpoint("m.raw", 5000))
    KamalProxy(carrier, carrier, 80).switch("myapp", Endpoint("m", 3000), ROUTE, HEALTH, TIMING, doors=[live, raw])
    times = "--health-check-interval 200ms --deploy-timeout 30s --drain-timeout 1s --target-timeout 1m"
    assert carrier.told("myapp.live") == [
        "deploy myapp.live --target m.live:4000 --host app.test --path-prefix /live --forward-headers=false "
        f"--health-check-path /ok --health-check-host app.test --health-check-timeout 3s {times} "
        "--strip-path-prefix=false"
    ]
    assert carrier.told("myapp.raw") == [
        "deploy myapp.raw --target m.raw:5000 --host app.test --path-prefix /raw --forward-headers=false "
        f"--health-check-path /up --health-check-host app.test --health-check-timeout 5s {times}"
    ]
    KamalProxy(carrier, carrier, 80).switch("myapp", Endpoint("m", 3000), SHOP, HEALTH, TIMING, doors=[raw])
    assert "--path-prefix /shop/raw" in carrier.told("myapp.raw")[-1], "to take all of it away is possible"


def test_what_kamal_proxy_cannot_do_is_refused_before_anything_is_switched() -> None:
    """It takes a path prefix away as a whole, or leaves it."""
    carrier = KamalsOwn()
    live = DoorTo("myapp.live", Door(path="/live"), Endpoint("m.live", 4000))
    with pytest.raises(Refused) as raised:
        KamalProxy(carrier, carrier, 80).switch("myapp", Endpoint("m", 3000), SHOP, HEALTH, TIMING, doors=[live])
    assert raised.value.name == "proxy-cannot" and "--image IMAGE" in raised.value.next_step
    with pytest.raises(Refused):
        KamalProxy(carrier, carrier, 80).check(SHOP, [live.door])
    KamalProxy(carrier, carrier, 80).check(ROUTE, [live.door])
    assert carrier.asked == []


def test_a_door_that_closes_in_kamal_proxy_leads_to_the_app_first() -> None:
    """`remove` would not wait for the requests under way."""
    gone = {
        "myapp": Routed(["app.test"], "/", "old:3000"),
        "myapp.live": Routed(["app.test"], "/live", "old.live:4000"),
    }
    carrier = KamalsOwn(**gone)
    KamalProxy(carrier, carrier, 80).switch("myapp", Endpoint("new", 3000), ROUTE, HEALTH, TIMING)
    deployed, removed = carrier.told("myapp.live")
    assert deployed.startswith("deploy myapp.live --target new:3000 --host app.test --path-prefix /live")
    assert deployed.endswith("--strip-path-prefix=false") and removed == "remove myapp.live"
    assert carrier.asked[0][1] == "myapp", "the app itself comes first"


@pytest.mark.parametrize("command", ["pause", "resume", "stop", "remove"])
def test_kamal_proxy_is_told_of_every_service(command: str) -> None:
    rows = {name: Routed(["app.test"], "/", "t:1") for name in ("myapp", "myapp.live", "myapp2", "my", "my.app")}
    carrier = KamalsOwn(**rows)
    proxy = KamalProxy(carrier, carrier, 80)
    {
        "pause": lambda: proxy.pause("myapp", 4.0),
        "resume": lambda: proxy.resume("myapp"),
        "stop": lambda: proxy.stop("myapp", "Soon."),
        "remove": lambda: proxy.unroute("myapp"),
    }[command]()
    assert sorted(argv[:2] for argv in carrier.asked) == [[command, "myapp"], [command, "myapp.live"]]


def test_a_door_has_the_https_of_the_root_or_of_its_app_below_a_path() -> None:
    told = {}
    for path in ("/", "/shop"):
        route = Route(hosts=("app.test",), path_prefix=path, tls="auto")
        to = DoorTo("myapp.live", Door(path="/live", strip_path=True), Endpoint("m.live", 4000))
        told[path] = commands.door(to, route, HEALTH, TIMING, commands.tls(None), is_edge=True)
    assert "--tls" not in told["/"] and "--tls" in told["/shop"]
