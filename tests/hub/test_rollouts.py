"""Reports and rollouts through the hub: adoption, halting by itself, holding back; a thousand installations."""

import json
from typing import Any

import pytest
from conftest_hub import HubVendor
from conftest_source import Customer
from test_licenses import Licensee

from discode.adapters.source import Reports
from discode.core.history import HistoryEntry
from discode.core.offer import is_in
from discode.core.release import HELD
from discode.core.rollout import parse_ramp
from discode.flows.publish import set_rollout


@pytest.fixture
def vendor(tmp_path, served):
    made = HubVendor(tmp_path / "vendor", served)
    made.begin()
    made.place.hub.throttle._attempts.amount = 10**6
    return made


def told(number, version="1.1", outcome="done", **fields):
    return {
        "app": "myapp", "installation": f"{number:032x}", "flow": "update", "version": version, "before": "1.0",
        "serves": version if outcome == "done" else "1.0", "outcome": outcome, "seconds": {"boot": 1.5, "fetch": 2.5},
        **fields,
    }  # fmt: skip


def report(vendor, *args, status=202, **fields):
    return vendor.place.client.post("/api/v1/reports", json=told(*args, **fields)).status_code == status


def held(vendor, tmp_path):
    return Customer(tmp_path / "looker", vendor.place.url).releases().index().held


def test_adoption_and_failures_by_release(vendor):
    vendor.publish("1.1", "print(11)")
    for number in range(8):
        assert report(vendor, number)
    assert report(vendor, 8, outcome="failed") and report(vendor, 9, outcome="failed")
    assert report(vendor, 9), "it came through at the second try"
    summary = vendor.place.call("GET", "/api/v1/apps/myapp/reports")
    assert summary["installations"] == 10 and summary["adoption"] == {"1.0": 1, "1.1": 9}
    assert summary["releases"] == [
        {"version": "1.1", "outcomes": {"done": 9, "failed": 1}, "median_seconds": 4.0, "held": None}
    ]
    assert report(vendor, 1, version="9.9", status=404)
    bad: list[dict[str, Any]] = [
        {"host": "x"},
        {"installation": "me"},
        {"outcome": "fine"},
        {"seconds": {"../x": 1}},
        {"before": "\n"},
    ]
    for wrong in bad:
        assert report(vendor, 1, status=422, **wrong), wrong


def test_a_rollout_that_fails_halts_by_itself_over_a_thousand_installations(vendor, tmp_path):
    now = vendor.place.clock()
    rollout = parse_ramp("10%,50%@24h,100%@48h", now - 1, 25, 20)
    vendor.publish("1.1", "print(11)", rollout=rollout)
    entry = Customer(tmp_path / "first", vendor.place.url).releases().index().entry("1.1")
    seeds = [f"{number:032x}" for number in range(1000)]
    updated = []
    for hour in range(0, 72, 6):
        for number, seed in enumerate(seeds):
            if number in updated or not is_in(entry, seed, now + hour * 3600):
                continue
            if vendor.place.client.get("/metadata/timestamp.json").json()["signed"].get(HELD):
                break  # from here on nobody takes it
            updated.append(number)
            assert report(vendor, number, outcome="failed" if number % 2 else "done")
    assert 20 <= len(updated) <= 30, "a few, not a thousand"
    assert held(vendor, tmp_path) == {entry.key}
    assert vendor.place.audit()[-1] == "rollout.halt"
    summary = vendor.place.call("GET", "/api/v1/apps/myapp/reports")["releases"][0]
    assert "installations that reported failed" in summary["held"]


def test_a_rollout_that_goes_well_is_never_halted(vendor, tmp_path):
    vendor.publish("1.1", "print(11)", rollout=parse_ramp("100%", vendor.place.clock() - 1, 10, 20))
    for number in range(100):
        assert report(vendor, number, outcome="failed" if number % 20 == 0 else "done")
    assert held(vendor, tmp_path) == frozenset()


def test_the_vendor_holds_and_resumes_and_old_reports_do_not_halt_again(vendor, tmp_path):
    vendor.publish("1.1", "print(11)", rollout=parse_ramp("100%", vendor.place.clock() - 1, 10, 5))
    key = vendor.repository.index("myapp").entry("1.1").key
    url = "/api/v1/apps/myapp/rollouts/1.1"
    vendor.place.call("PUT", url, json={"held": True, "reason": "looks bad"})
    assert held(vendor, tmp_path) == {key}
    vendor.publish("1.2", "print(12)")
    assert held(vendor, tmp_path) == {key}, "through a publish, too"
    vendor.place.call("PUT", url, json={"held": False, "reason": "resumed"})
    assert held(vendor, tmp_path) == frozenset()
    for number in range(5):
        report(vendor, number, outcome="failed")
    assert held(vendor, tmp_path) == {key}
    vendor.place.call("PUT", url, json={"held": False, "reason": "resumed"})
    report(vendor, 50)
    assert held(vendor, tmp_path) == frozenset()
    assert vendor.place.refusal("PUT", "/api/v1/apps/myapp/rollouts/9.9", 404, json={"held": True, "reason": "x"})
    token = vendor.place.new_token("report")
    vendor.place.call("GET", "/api/v1/apps/myapp/reports", token=token)
    vendor.place.call("PUT", url, 403, token=token, json={"held": True, "reason": "x"})


def test_a_ramp_is_changed_by_hand(vendor, tmp_path):
    vendor.publish("1.1", "print(11)", rollout=parse_ramp("5%", 0.0, None, 20))
    set_rollout(vendor.repository, "myapp", "1.1", parse_ramp("50%", 0.0, None, 20))
    customer = Customer(tmp_path / "home", vendor.place.url)
    assert customer.releases().index().entry("1.1").rollout.share(1.0) == 50
    set_rollout(vendor.repository, "myapp", "1.1", None)
    assert customer.releases().index().entry("1.1").rollout is None


def entry(**fields):
    return HistoryEntry(
        started=1.0, at=2.0, flow="update", outcome="failed", from_version="1.0", to_version="1.1", serves="1.0",
        seconds={"boot": 1.23456}, error="secret host db.example.com refused", **fields,
    )  # fmt: skip


def test_a_customer_who_agreed_sends_what_is_shown_and_nothing_else(vendor, tmp_path):
    vendor.publish("1.1", "print(11)")
    vendor.place.call("PUT", "/api/v1/apps/myapp", json={"access": "licensed"})
    home, (_, key) = tmp_path / "home", vendor.issue()
    reports = Reports(home)
    assert reports.send("myapp", vendor.place.url, [entry()]) == ""
    assert vendor.place.call("GET", "/api/v1/apps/myapp/reports")["installations"] == 0, "not agreed"
    reports.enable("myapp")
    assert "could not be sent" in reports.send("myapp", vendor.place.url, [entry()]), "no license"
    license = Licensee(home, vendor).activate(key)
    shown = reports.preview("myapp", [entry()])
    assert set(shown) == {"app", "installation", "flow", "version", "before", "serves", "outcome", "seconds"}
    assert "db.example.com" not in json.dumps(shown) and shown["installation"] != license.installation
    assert reports.send("myapp", vendor.place.url, [entry()]) == ""
    assert vendor.place.call("GET", "/api/v1/apps/myapp/reports")["adoption"] == {"1.0": 1}
    with vendor.place.hub.database.read() as session:
        from discode.hub.models import Report

        kept = session.query(Report).one()
        assert {"installation", "version", "outcome"} <= set(vars(kept)) and kept.installation == shown["installation"]
    reports.disable("myapp")
    assert reports.preview("myapp", [entry()])["installation"] == "0" * 32
    assert reports.preview("myapp", []) is None
