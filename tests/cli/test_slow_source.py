"""A hub that drips, one byte now and then: who waits for it keeps nobody from the app."""

import json
import signal
from contextlib import closing

import pytest

from dripping import Dripping
from place import APP
from rig.wait import wait_for


@pytest.fixture
def hub(place):
    with closing(Dripping(place.repo)) as made:
        yield made


def waiting(place, hub):
    """An update that waits for its source; it does so for a minute at the most."""
    hub.flows.set()  # for whoever was given up
    hub.drip()
    updating = place.start("update", APP, "--json")
    wait_for(hub.asked.is_set)
    return updating


def test_everything_else_goes_on_while_an_update_waits_for_its_source(place, hub):
    place.publish("1.0.0")
    place.run(*hub.install_words(place))
    place.publish("1.1.0")
    place.run("update", APP)
    place.publish("1.2.0")
    for meanwhile in (
        [("settle", "running")],
        [("stop", "stopped"), ("start", "started")],
        [("rollback", "rolled-back")],
    ):
        updating = waiting(place, hub)
        busy = place.run("update", APP, "--check", code=6)
        assert "discode update shop" in busy.err and "has been running since" in busy.err
        for command, result in meanwhile:
            assert place.run(command, APP, "--json").last["result"] == result
            assert updating.poll() is None, "it waits still"
        if command != "rollback":
            updating.send_signal(signal.SIGTERM)
            updating.communicate(timeout=300)
    assert "serving" in place.run("status", APP).out and place.get() == (200, "1.0.0")
    hub.flows.set()
    told = json.loads(updating.communicate(timeout=300)[0].splitlines()[-1])
    assert (told["result"], told["from"], told["to"]) == ("updated", "1.0.0", "1.2.0"), (
        "it goes on from what is there now"
    )
    assert place.get() == (200, "1.2.0")


def test_an_install_that_waits_can_be_given_up_at_once(place, hub):
    place.publish("1.0.0")
    hub.drip()
    installing = place.start(*hub.install_words(place))
    wait_for(hub.asked.is_set)
    installing.send_signal(signal.SIGTERM)
    installing.communicate(timeout=300)
    assert installing.returncode == 5
    hub.flows.set()
    assert place.run(*hub.install_words(place), "--json").last["result"] == "installed"
