"""An app with two doors in containers: each process has an address of its own, and the proxy leads to both."""

import pytest

from live import LIVE, Stream, talk, websocket
from place import APP
from rig.load import Load
from rig.wait import wait_for

DOOR = """\
processes:
  live: {command: [python3, live.py], port: 4000, path: /live, health: {path: /live/up}}
"""
FILES = {"live.py": LIVE.encode()}


@pytest.fixture
def image_of_proxy(proxy_image):
    return proxy_image


def test_both_doors_are_switched_and_drained_by_one_update(place):
    place.publish("1.0.0", extra=DOOR, files=FILES)
    place.install()
    assert place.get("/live/x") == (200, "/live/x of 1.0.0") and place.get() == (200, "1.0.0")
    with Load(place.port, "shop.test", 1) as web, Load(place.port, "shop.test", 1, "/live/x") as live:
        stream, socket_ = Stream(place), websocket(place)
        assert stream.event() == talk(socket_) == "1.0.0"
        place.publish("1.1.0", extra=DOOR, files=FILES)
        updating = place.start("update", APP, "--json")
        wait_for(lambda: place.get("/live/x")[1].endswith("1.1.0"))
        assert stream.event() == "1.0.0", "it goes on where it is"
        place.get("/let-go", "POST")
        assert updating.wait(240) == 0
        while (event := stream.event()) != "the end":
            assert event == "1.0.0"
        stream.close()
        with websocket(place) as again:
            assert talk(again) == "1.1.0"
        socket_.close()
    assert not web.bad and not live.bad
    assert (web.seen, live.seen) == (["1.0.0", "1.1.0"], ["/live/x of 1.0.0", "/live/x of 1.1.0"])
    instance = place.run("status", APP, "--json").last["instance"]
    assert place.instances() == [instance, f"{instance}.live"]


def test_a_door_that_somebody_took_away_is_put_back(place):
    place.publish("1.0.0", extra=DOOR, files=FILES)
    place.install()
    instance = place.run("status", APP, "--json").last["instance"]
    env = place.api.inspect_container(f"{instance}.live")["Config"]["Env"]
    assert {"PORT=4000", "DISCODE_PROCESS=live"} <= set(env)
    place.api.remove_container(f"{instance}.live", force=True)
    assert place.run("status", APP, "--json").last["condition"] != "serving"
    place.run("settle", APP)
    assert place.get("/live/x") == (200, "/live/x of 1.0.0")
    assert place.run("status", APP, "--json").last["condition"] == "serving"
    place.run("uninstall", APP)
    assert place.instances() == []
