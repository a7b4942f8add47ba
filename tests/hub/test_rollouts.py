"""Reports and rollouts through the hub: adoption, halting by itself, holding back; a thousand installations."""

import json
import threading
from typing import Any

import httpx
import pytest
from conftest_hub import HubVendor
from conftest_source import Customer
from sqlalchemy import event, select
from test_licenses import Licensee
from test_tokens import Kept

from discode.adapters.source import HubReports
from discode.cli.report import NO_ID, preview
from discode.core.errors import NoSuchApp, Refused, UsageError
from discode.core.history import HistoryEntry
from discode.core.offer import is_in
from discode.core.release import HELD
from discode.core.rollout import parse_ramp
from discode.flows.publish import set_rollout
from discode.hub.models import Report
from discode.hub.rollouts import drop_surplus
from discode.hub.seats import pseudonym


@pytest.fixture
def vendor(tmp_path, served):
    made = Seller(tmp_path / "vendor", served)
    made.begin()
    made.place.hub.throttle._attempts.amount = 10**6
    return made


class Seller(HubVendor):
    """A vendor of a public app with licenses."""

    def begin(self, access="public"):
        super().begin(access)
        self.seats = Seats(self)


class Seats:
    """Installations with a seat each on one large license; they share its key."""

    def __init__(self, vendor):
        self._vendor, self._taken = vendor, set()
        _, self._key = vendor.issue(seats=1000)

    def of(self, number):
        """What the installation sends with a report."""
        auth = (f"{number:032x}", self._key)
        if number not in self._taken:
            took = self._vendor.place.client.post("/api/v1/activation", json={"app": "myapp"}, auth=auth)
            assert took.status_code == 200
            self._taken.add(number)
        return auth


def told(number, version="1.1", outcome="done", **fields):
    return {
        "app": "myapp", "installation": f"{number:032x}", "flow": "update", "version": version, "before": "1.0",
        "serves": version if outcome == "done" else "1.0", "outcome": outcome, "seconds": {"boot": 1.5, "fetch": 2.5},
        **fields,
    }  # fmt: skip


def report(vendor, number, *args, status=202, **fields):
    """Of an installation with a seat of its own."""
    return sent(vendor, told(number, *args, **fields), vendor.seats.of(number)) == status


def sent(vendor, body, auth=None):
    return vendor.place.client.post("/api/v1/reports", json=body, auth=auth).status_code


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
        {"version": "1.1", "outcomes": {"done": 9, "failed": 1}, "median_seconds": 4.0, "held": None,
         "counted": {"failed": 1, "reported": 10}}
    ]  # fmt: skip
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
    assert "installations that reported with a license failed" in summary["held"]


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


def numbers(vendor):
    """What the vendor is shown of the newest release: reported, failed; those that count; whether it is held."""
    [one] = vendor.place.call("GET", "/api/v1/apps/myapp/reports")["releases"]
    return sum(one["outcomes"].values()), one["counted"], one["held"] is not None


def halting(vendor, at=10, reports=5):
    vendor.publish("1.1", "print(11)", rollout=parse_ramp("100%", vendor.place.clock() - 1, at, reports))


def test_one_seat_counts_once_whatever_ids_it_invents(vendor):
    halting(vendor)
    seat = vendor.seats.of(1)
    for number in range(20):
        assert sent(vendor, told(number, outcome="failed"), seat) == 202
    assert numbers(vendor) == (1, {"reported": 1, "failed": 1}, False)
    assert sent(vendor, told(99), seat) == 202, "its last word"
    assert numbers(vendor) == (1, {"reported": 1, "failed": 0}, False)


def test_a_seat_that_is_moved_or_freed_no_longer_counts(vendor):
    halting(vendor)
    _, key = vendor.issue(seats=1)
    for number in range(10):  # one license, one seat, passed from hand to hand
        auth = (f"{number:032x}", key)
        vendor.place.client.post("/api/v1/activation", json={"app": "myapp", "move": True}, auth=auth)
        assert sent(vendor, told(number, outcome="failed"), auth) == 202
    assert numbers(vendor) == (10, {"reported": 1, "failed": 1}, False)
    vendor.place.client.request("DELETE", "/api/v1/activation", auth=auth)
    assert numbers(vendor) == (10, {"reported": 0, "failed": 0}, False)
    vendor.place.call("PUT", "/api/v1/apps/myapp", json={"access": "licensed"})
    assert sent(vendor, told(9, outcome="failed"), auth) == 403


def test_a_revoked_license_no_longer_counts(vendor):
    halting(vendor)
    identity, key = vendor.issue(seats=4)
    for number in range(4):
        auth = (f"{number:032x}", key)
        vendor.place.client.post("/api/v1/activation", json={"app": "myapp"}, auth=auth)
        assert sent(vendor, told(number, outcome="failed"), auth) == 202
    assert numbers(vendor)[1] == {"reported": 4, "failed": 4}
    vendor.place.call("POST", f"/api/v1/licenses/{identity}/revoke", json={"reason": "trouble"})
    assert report(vendor, 50, outcome="failed")
    assert numbers(vendor) == (5, {"reported": 1, "failed": 1}, False)


def test_strangers_never_halt_a_public_app_and_license_holders_do(vendor):
    halting(vendor)
    with Kept() as log:
        for number in range(20):
            assert sent(vendor, told(number, outcome="failed")) == 202
        for number in range(20, 25):
            assert sent(vendor, told(number, outcome="failed"), (f"{number:032x}", "dlk_aaaaaaaa_" + "a" * 32)) == 202
    assert numbers(vendor) == (25, {"reported": 0, "failed": 0}, False)
    [line] = log.of("many failures are reported without a license")
    assert line["release"] == "myapp 1.1" and "discode release hold myapp 1.1" in line["next"]
    for number in range(5):
        assert report(vendor, 100 + number, outcome="failed")
    assert numbers(vendor) == (30, {"reported": 5, "failed": 5}, True)


def test_strangers_cannot_fill_the_database(vendor):
    halting(vendor)
    for number in range(8):
        assert sent(vendor, told(number, outcome="failed")) == 202
    assert report(vendor, 50) and report(vendor, 51)
    assert drop_surplus(vendor.place.hub, most=10) == 0
    assert drop_surplus(vendor.place.hub, most=3) == 5
    assert numbers(vendor) == (5, {"reported": 2, "failed": 0}, False)
    with vendor.place.hub.database.read() as session:
        left = set(session.scalars(select(Report.installation).where(Report.seat.is_(None))))
    assert left == {f"{number:032x}" for number in (5, 6, 7)}, "the newest"


def test_a_report_reads_no_more_when_there_are_many(vendor):
    """While it is written nobody else writes."""
    halting(vendor, reports=1000)
    for number in range(30):
        assert report(vendor, number, outcome="failed" if number % 2 else "done")
    asked: list[tuple[str, Any]] = []
    seat, engine = vendor.seats.of(99), vendor.place.hub.database.engine

    def note(_connection, _cursor, statement, parameters, *_):
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    assert sent(vendor, told(99), seat) == 202
    event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        rows = [len(connection.exec_driver_sql(*one).fetchall()) for one in asked]
    assert any("count(" in statement for statement, _ in asked) and max(rows) <= 1, asked


def test_a_vendor_by_token_halts_nothing_by_reports(vendor):
    halting(vendor, reports=1)
    vendor.place.call("POST", "/api/v1/reports", 202, json=told(1, outcome="failed"))
    assert numbers(vendor) == (1, {"reported": 0, "failed": 0}, False)


def test_a_seat_that_reports_twice_at_once_counts_once(vendor):
    halting(vendor)
    seat, codes = vendor.seats.of(1), []
    url = f"{vendor.place.url}/api/v1/reports"

    def send(number):
        codes.append(httpx.post(url, json=told(number, outcome="failed"), auth=seat, timeout=60).status_code)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [202] * 8
    assert numbers(vendor) == (1, {"reported": 1, "failed": 1}, False)


def test_the_database_names_neither_license_nor_seat(vendor):
    halting(vendor)
    assert report(vendor, 1)
    with vendor.place.hub.database.read() as session:
        [kept] = session.scalars(select(Report))
    assert len(kept.seat) == 64 and kept.seat != vendor.seats.of(1)[0]
    assert pseudonym(vendor.place.hub.keys, "q3k7m2xa", "a" * 32) != pseudonym(
        vendor.place.hub.keys, "q3k7m2xa", "b" * 32
    )


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


def test_a_restore_that_failed_is_no_failure_of_the_release(vendor):
    halting(vendor, reports=1)
    failed = told(1, flow="restore", outcome="failed", version="1.1", serves="1.0")
    assert sent(vendor, failed, vendor.seats.of(1)) == 202
    assert numbers(vendor) == (1, {"reported": 1, "failed": 0}, False)
    assert vendor.place.call("GET", "/api/v1/apps/myapp/reports")["adoption"] == {"1.0": 1}


def test_a_customer_who_agreed_sends_what_is_shown_and_nothing_else(vendor, tmp_path):
    vendor.publish("1.1", "print(11)")
    vendor.place.call("PUT", "/api/v1/apps/myapp", json={"access": "licensed"})
    home, (_, key) = tmp_path / "home", vendor.issue()
    reports = HubReports(home)
    assert reports.agreed() == [] and reports.agreement("myapp") is None
    reports.enable("myapp", 1.0)
    reports.enable("myapp", 2.0)
    assert reports.agreed() == ["myapp"] and reports.agreement("myapp").told == 1.0, "agreed once"
    shown = preview("myapp", reports.agreement("myapp").installation, [entry()])
    with pytest.raises(Refused, match="license"):
        reports.send("myapp", vendor.place.url, shown)
    license = Licensee(home, vendor).activate(key)
    assert set(shown) == {"app", "installation", "flow", "version", "before", "serves", "outcome", "seconds"}
    assert "db.example.com" not in json.dumps(shown) and shown["installation"] != license.installation
    reports.send("myapp", vendor.place.url, shown)
    assert vendor.place.call("GET", "/api/v1/apps/myapp/reports")["adoption"] == {"1.0": 1}
    with vendor.place.hub.database.read() as session:
        from discode.hub.models import Report

        kept = session.query(Report).one()
        assert {"installation", "version", "outcome"} <= set(vars(kept)) and kept.installation == shown["installation"]
    with pytest.raises((NoSuchApp, UsageError)):
        reports.send("myapp", vendor.place.url, {**shown, "version": "9.9"})
    agreement = reports.agreement("myapp")
    reports.disable("myapp")
    reports.keep("myapp", agreement)
    assert reports.agreed() == [], "who has changed their mind meanwhile is asked again"
    assert preview("myapp", NO_ID, [entry()])["installation"] == "0" * 32
    assert preview("myapp", NO_ID, []) is None
