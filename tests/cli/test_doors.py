"""An app with two doors, on real processes behind the real edge: one version has them both, or the other."""

import pytest

from live import LIVE, Stream, talk, websocket
from place import APP
from rig.load import Load
from rig.wait import wait_for, with_time

DOOR = """\
processes:
  live: {command: [python3, live.py], path: /live, health: {path: /live/up}}
"""


@pytest.fixture
def place(place):
    (place.folder / "source" / "app").mkdir(parents=True)
    (place.folder / "source" / "app" / "live.py").write_text(LIVE)
    return place


@pytest.fixture
def installed(place):
    place.publish("1.0.0", extra=DOOR)
    place.install()
    return place


def test_both_doors_are_switched_and_drained_by_one_update(installed):
    assert installed.get("/live/x") == (200, "/live/x of 1.0.0") and installed.get("/") == (200, "1.0.0")
    with Load(installed.port, "shop.test", 1) as web, Load(installed.port, "shop.test", 1, "/live/x") as live:
        stream, socket_ = Stream(installed), websocket(installed)
        assert stream.event() == "1.0.0" and talk(socket_) == "1.0.0"
        installed.publish("1.1.0", extra=DOOR)
        updating = installed.start("update", APP, "--json")
        wait_for(lambda: installed.get("/live/x")[1].endswith("1.1.0"))
        assert stream.event() == "1.0.0", "it goes on where it is"
        installed.get("/let-go", "POST")
        assert updating.wait(300) == 0
        while (event := stream.event()) != "the end":
            assert event == "1.0.0"
        stream.close()
        with websocket(installed) as again:
            assert talk(again) == "1.1.0"
        assert socket_.recv(100) == b"", "what WebSockets get from both proxies: cut, so that they come again"
        socket_.close()
    assert not web.bad and not live.bad
    assert (web.seen, live.seen) == (["1.0.0", "1.1.0"], ["/live/x of 1.0.0", "/live/x of 1.1.0"])
    assert len(installed.instances()) == 1


def test_what_fails_behind_a_door_fails_the_release(installed):
    def told(seconds):
        installed.publish(f"1.1.{seconds:g}", "door-fails", extra=DOOR, deadline=f"{seconds:g}s")
        return seconds, installed.run("update", APP, code=5).err

    with Load(installed.port, "shop.test", 1) as web, Load(installed.port, "shop.test", 1, "/live/x") as live:
        seconds, failed = with_time(told, lambda told: "503 at" in told[1], 3.0)
    ended = f"1.1.{seconds:g} did not answer within {seconds:g} s: live: 503 at /live/up."
    assert f"{ended} 1.0.0 is still serving." in failed
    assert not web.bad and not live.bad and (web.seen, live.seen) == (["1.0.0"], ["/live/x of 1.0.0"])


def test_a_door_comes_and_goes_with_its_release(place):
    place.publish("1.0.0")
    place.install()
    assert place.get("/live/x") == (200, "1.0.0"), "the app's own"
    with Load(place.port, "shop.test", 1, "/live/x") as live:
        for version, extra in (("1.1.0", DOOR), ("1.2.0", DOOR.replace("live:", "events:")), ("1.3.0", "")):
            place.publish(version, extra=extra)
            place.run("update", APP)
        place.run("rollback", APP)
    assert not live.bad
    assert live.seen == ["1.0.0", "/live/x of 1.1.0", "/live/x of 1.2.0", "1.3.0", "/live/x of 1.2.0"]
    status = place.run("status", APP, "--json").last
    address = f"http://shop.test:{place.port}/live"
    assert status["doors"] == [{"process": "events", "path": "/live", "address": address}]
    assert status["condition"] == "serving"
    assert f"{address} (to events)" in place.run("status", APP).out


def test_below_a_prefix_through_stop_and_start_to_the_end(place):
    place.publish("1.0.0", extra=DOOR)
    place.install("--path-prefix", "/shop")
    assert place.get("/shop/live/x") == (200, "/live/x of 1.0.0"), "the prefix of the install alone is taken away"
    assert place.get("/shop/") == (200, "1.0.0") and place.get("/live/x")[0] == 404
    place.run("stop", APP)
    assert place.get("/shop/live/x")[0] == place.get("/shop/")[0] == 503
    place.run("start", APP)
    assert place.get("/shop/live/x")[0] == place.get("/shop/")[0] == 200
    place.run("uninstall", APP)
    assert place.get("/shop/live/x")[0] == place.get("/shop/")[0] == 404


def test_requests_of_both_doors_are_held_while_only_one_version_may_run(place):
    hold = {"update": "strategy: hold, hold: 120s, confirm: 200ms, drain: 60s, stop: 3s"}
    place.publish("1.0.0", extra=DOOR, **hold)
    place.install()
    with Load(place.port, "shop.test", 1) as web, Load(place.port, "shop.test", 1, "/live/x") as live:
        place.publish("1.1.0", extra=DOOR, **hold)
        place.run("update", APP)
    assert not web.bad and not live.bad
    assert (web.seen, live.seen) == (["1.0.0", "1.1.0"], ["/live/x of 1.0.0", "/live/x of 1.1.0"])
