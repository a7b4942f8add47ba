"""What the timer runs renews leases, too: a machine that nobody updates keeps its lease and its seat."""

import json
import time

import pytest

from discode.adapters.source import Licenses
from leases import DAY, LeaseHub
from place import APP


@pytest.fixture
def hub():
    made = LeaseHub(APP)
    yield made
    made.close()


def lease(place):
    """The one that is kept, and holds."""
    kept = Licenses(place.home).of(APP)
    assert kept.lease_at(time.time())
    return kept.lease


def test_a_lease_is_renewed_in_time_and_trouble_stops_nothing(installed, hub):
    path = installed.home / "apps" / APP / "license.json"
    path.write_text(hub.license_file(time.time() - 2 * DAY))
    assert installed.run("settle", "--all").code == 0
    assert hub.asked == [], "half of its time is not over"
    path.write_text(hub.license_file(time.time() - 8 * DAY))
    hub.broken = True
    told = installed.run("settle", "--all", "--json")
    assert told.last["result"] == "running" and told.err == "" and hub.asked == [("POST", "/api/v1/lease")]
    hub.broken = False
    installed.run("settle", "--all")
    assert lease(installed) == hub.made[-1]
    path.write_text(hub.license_file(time.time() - 40 * DAY))  # it has ended
    installed.run("settle", "--all")
    assert lease(installed) == hub.made[-1]
    path.write_text("{}")
    assert installed.run("settle", "--all", "--json").last["result"] == "running"
    path.write_text(json.dumps({**json.loads(hub.license_file(time.time() - 8 * DAY)), "hub": "http://127.0.0.1:9"}))
    assert installed.run("settle", "--all", "--json").last["result"] == "running"
