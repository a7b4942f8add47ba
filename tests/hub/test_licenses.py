"""Licenses: seats, ends, channels; what a customer can read with one, and what goes on without."""

import json
import os
import stat
import threading
from typing import Any

import httpx
import pytest
from conftest_hub import HubVendor
from conftest_source import Customer

from discode.adapters.notices import HostSurroundings
from discode.adapters.source import Licenses
from discode.core.errors import Refused, TrustError
from discode.core.lease import read_lease
from discode.ports.report import Silence
from rig.command import run


@pytest.fixture
def vendor(tmp_path, served):
    made = HubVendor(tmp_path / "vendor", served)
    made.begin("licensed")
    return made


@pytest.fixture
def small(tmp_path, small_place):
    small_place.serve()
    made = HubVendor(tmp_path / "vendor", small_place)
    made.begin("licensed")
    return made


class Licensee(Customer):
    def __init__(self, home, vendor):
        super().__init__(home, vendor.place.url)
        self.licenses = Licenses(home)

    def activate(self, key, **options):
        return self.licenses.activate("myapp", self.source, key, **options)

    def fetch(self, version="1.0"):
        releases = self.releases()
        return releases.archive(releases.release(releases.index().entry(version)), Silence())

    def refusal(self, call=None):
        with pytest.raises(Refused) as refused:
            (call or self.versions)()
        assert not isinstance(refused.value, TrustError)
        return refused.value.name


def test_without_a_license_there_is_nothing_to_read(vendor, tmp_path):
    customer = Licensee(tmp_path / "home", vendor)
    assert customer.refusal() == "license-needed"
    index = vendor.repository._current().targets["myapp/index.json"].hashes["sha256"]
    url = f"{vendor.place.url}/targets/myapp/{index}.index.json"
    assert httpx.get(url, timeout=60).status_code == 403
    for user, key, error in [
        ("a" * 32, "wrong", "license-unknown"), ("a" * 32, "dlk_aaaaaaaa_" + "a" * 32, "license-unknown"),
        ("a" * 32, vendor.place.token, "license-unknown"), ("me", "dlk_aaaaaaaa_" + "a" * 32, "not-activated"),
    ]:  # fmt: skip
        answer = httpx.get(url, auth=(user, key), timeout=60)
        assert (answer.status_code, answer.json()["error"]["key"]) == (403, error)
    assert httpx.get(url, headers={"Authorization": "Basic %%%"}, timeout=60).status_code == 401


def test_a_key_a_seat_and_a_lease(vendor, tmp_path):
    identity, key = vendor.issue(days=30, seats=2)
    customer = Licensee(tmp_path / "home", vendor)
    license = customer.activate(key)
    assert customer.versions() == ["1.0"] and customer.fetch().exists()
    lease = license.lease_at(vendor.place.clock())
    assert (lease.license, lease.customer, lease.installation) == (identity, "Example", license.installation)
    assert 13 < (lease.ends - lease.issued) / 86400 <= 14
    assert customer.activate(key).installation == license.installation, "the same seat again"
    told = vendor.place.call("GET", f"/api/v1/licenses/{identity}")
    assert told["used"] == 1 and told["installations"][0]["installation"] == license.installation
    [file] = customer.home.glob("apps/myapp/license.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = b"".join(path.read_bytes() for path in vendor.place.folder.rglob("*") if path.is_file())
    assert key.rpartition("_")[2].encode() not in kept, "the hub keeps a hash"
    assert key not in json.dumps(vendor.place.call("GET", "/api/v1/audit"))
    public = httpx.get(f"{vendor.place.url}/targets/x", timeout=60).headers.get("cache-control", "")
    assert "public" not in public
    index = vendor.repository._current().targets["myapp/index.json"].hashes["sha256"]
    answer = httpx.get(
        f"{vendor.place.url}/targets/myapp/{index}.index.json",
        headers={"Authorization": license.authorization},
        timeout=60,
    )
    assert answer.headers["cache-control"].startswith("private")


def test_seats_are_counted_freed_and_moved(vendor, tmp_path):
    identity, key = vendor.issue(seats=2)
    one, two, three = (Licensee(tmp_path / name, vendor) for name in ("one", "two", "three"))
    one.activate(key)
    vendor.place.clock.ahead += 10
    two.activate(key)
    assert three.refusal(lambda: three.activate(key)) == "no-seat"
    two.licenses.deactivate("myapp")
    three.activate(key)
    assert two.licenses.of("myapp") is None
    vendor.place.clock.ahead += 10
    two.activate(key, move=True)
    assert one.refusal() == "not-activated", "its seat was unused longest"
    assert three.versions() == two.versions() == ["1.0"]
    gone = three.licenses.of("myapp").installation
    vendor.place.call("DELETE", f"/api/v1/licenses/{identity}/installations/{gone}")
    assert three.refusal(lambda: three.licenses.renewed("myapp")) == "not-activated"
    one.activate(key)
    assert one.versions() == ["1.0"]


def test_seats_hold_when_many_take_them_at_once(vendor, tmp_path):
    identity, key = vendor.issue(seats=3)
    ended: list[bool | str] = []

    def take(number):
        try:
            ended.append(bool(Licensee(tmp_path / str(number), vendor).activate(key)))
        except Refused as error:
            ended.append(error.name)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (ended.count(True), ended.count("no-seat")) == (3, 7)
    assert vendor.place.call("GET", f"/api/v1/licenses/{identity}")["used"] == 3


def test_a_revoked_license_ends_updates_and_leases(vendor, tmp_path):
    identity, key = vendor.issue()
    customer = Licensee(tmp_path / "home", vendor)
    customer.activate(key)
    assert customer.versions() == ["1.0"]
    vendor.publish("1.1", "print(11)")
    told = vendor.place.call("POST", f"/api/v1/licenses/{identity}/revoke", json={"reason": "not paid"})
    assert (told["state"], told["reason"]) == ("revoked", "not paid")
    assert customer.refusal() == "license-revoked"
    assert customer.refusal(lambda: customer.licenses.renewed("myapp")) == "license-revoked"
    assert vendor.place.refusal("POST", f"/api/v1/licenses/{identity}/renew", 409, json={}) == "license-revoked"
    assert "license.revoke" in vendor.place.audit()


def test_a_license_ends_by_itself_and_is_renewed(vendor, tmp_path):
    identity, key = vendor.issue(days=20)
    customer = Licensee(tmp_path / "home", vendor)
    license = customer.activate(key)
    vendor.publish("1.1", "print(11)")
    vendor.place.clock.ahead = 21 * 86400
    assert customer.refusal() == "license-expired"
    with pytest.raises(TrustError) as refused:
        license.lease_at(vendor.place.clock())
    assert refused.value.name == "lease-ended"
    vendor.place.call("POST", f"/api/v1/licenses/{identity}/renew", json={"days": 30})
    vendor.place.clock.ahead = 22 * 86400
    assert customer.versions() == ["1.0", "1.1"]


def test_a_lease_never_outlives_its_license(small, tmp_path):
    _, key = small.issue(days=3, lease_days=14)
    lease = Licensee(tmp_path / "home", small).activate(key).lease_at(small.place.clock())
    assert 2.9 < (lease.ends - small.place.clock()) / 86400 <= 3 and lease.license_ends == lease.ends


def test_a_lease_says_when_its_license_ends(small, tmp_path):
    for folder, days in (("one", 40), ("other", None)):
        _, key = small.issue(days=days)
        lease = Licensee(tmp_path / folder, small).activate(key).signed
        seen = HostSurroundings(tmp_path / folder, print)
        assert seen.lease("myapp") == lease and seen.lease("other") is None
        left = lease.license_ends and round((lease.license_ends - lease.issued) / 86400)
        assert (left, round((lease.ends - lease.issued) / 86400)) == (days, 14)


def test_a_lease_is_renewed_by_the_way_and_trouble_is_only_told(small, tmp_path):
    identity, key = small.issue(lease_days=14)
    customer = Licensee(tmp_path / "home", small)
    first = customer.activate(key)
    customer.versions()
    assert customer.licenses.of("myapp").lease == first.lease
    small.place.clock.ahead = -8 * 86400
    old = customer.licenses.activate("myapp", customer.source, key)  # as if it had been eight days ago
    small.place.clock.ahead = 0
    customer.versions()
    assert customer.licenses.of("myapp").lease != old.lease
    small.place.clock.ahead = -8 * 86400
    customer.licenses.activate("myapp", customer.source, key)
    small.place.clock.ahead = 0
    small.place.call("POST", f"/api/v1/licenses/{identity}/revoke", json={"reason": "x"})
    customer.notes.clear()
    assert customer.versions() == ["1.0"], "what is at hand can still be read"
    assert "was revoked" in customer.notes[0]


def test_channels_of_a_license(small, tmp_path):
    small.publish("2.0", "print(2)", channels=["beta"])
    _, key = small.issue(channels=["stable"])
    customer = Licensee(tmp_path / "home", small)
    customer.activate(key)
    assert customer.fetch("1.0").exists()
    assert customer.refusal(lambda: customer.fetch("2.0")) == "license-channel"
    small.promote("2.0", "stable")
    assert customer.fetch("2.0").exists()


@pytest.mark.parametrize("channels", [["stable"], []])
def test_what_channels_do_not_limit_is_told_where_a_license_is_issued(small, channels):
    words = ["license", "issue", "myapp", "--customer", "Example Ltd", "--hub", small.place.url]
    environment = {**os.environ, "DISCODE_HUB_TOKEN": small.place.token, "NO_COLOR": "1"}
    limits = [word for channel in channels for word in ("--channel", channel)]
    done = run("discode", [*words, *limits], environment)
    assert done.returncode == 0, done.stderr
    limit = "It offers the releases of myapp in stable only, but its key can pull every image in the app's repository"
    assert (limit in done.stdout) == bool(channels)
    told = json.loads(run("discode", [*words, *limits, "--json"], environment).stdout)
    assert told["message"].startswith("It offers the releases of myapp in stable only") == bool(channels)


def test_a_license_of_another_app(small, tmp_path):
    _, key = small.issue()
    customer = Licensee(tmp_path / "home", small)
    assert customer.refusal(lambda: customer.licenses.activate("other", customer.source, key)) == "license-other-app"
    assert small.place.refusal(
        "POST", "/api/v1/licenses", 404, json={"app": "unknown", "customer": "x"}
    ) == "no-such-app"  # fmt: skip


def test_a_stolen_lease_is_no_use_elsewhere(small, tmp_path):
    _, key = small.issue(seats=2)
    one = Licensee(tmp_path / "one", small).activate(key)
    two = Licensee(tmp_path / "two", small).activate(key)
    with pytest.raises(TrustError) as refused:
        read_lease(one.lease, two.lease_key, "myapp", two.installation, small.place.clock())
    assert refused.value.name == "lease-other-installation"


def test_a_key_is_not_sent_to_another_source(small, tmp_path):
    _, key = small.issue()
    customer = Licensee(tmp_path / "home", small)
    customer.activate(key)
    other = customer.releases()
    assert other._authorization() is not None
    elsewhere = Customer(customer.home, "https://elsewhere.example.com").releases()
    assert elsewhere._authorization() is None


def test_bad_terms(small):
    bad: list[dict[str, Any]] = [
        {"seats": 0}, {"days": 0}, {"customer": "a\x1b[31m"}, {"customer": ""}, {"app": "../x"}, {"channels": ["a b"]},
        {"lease_days": 0}, {"price": 3},
    ]  # fmt: skip
    for wrong in bad:
        body = {"app": "myapp", "customer": "x", **wrong}
        assert small.place.refusal("POST", "/api/v1/licenses", 422, json=body) == "invalid-request"


def test_the_printed_step_for_a_seat_that_is_gone_works(small, tmp_path):
    """All seats taken, the machine that has it gone: what is printed is typed as it stands."""
    _, key = small.issue(seats=1)
    Licensee(tmp_path / "gone", small).activate(key)
    environment = {**os.environ, "DISCODE_HOME": str(tmp_path / "home"), "DISCODE_LICENSE": key}
    refused = run("discode", ["license", "activate", "myapp", "--hub", small.place.url], environment)
    step = refused.stderr.partition("longest: discode ")[2].split()
    assert step == ["license", "activate", "myapp", "--hub", small.place.url, "--move"]
    done = run("discode", step, environment)
    assert (done.returncode, done.stdout) == (0, "myapp is licensed to Example on this machine.\n"), done.stderr


def test_a_license_is_activated_again_at_the_hub_that_it_is_from(small, tmp_path):
    _, key = small.issue()
    Licensee(tmp_path / "home", small).activate(key)
    environment = {**os.environ, "DISCODE_HOME": str(tmp_path / "home"), "DISCODE_LICENSE": key}
    done = run("discode", ["license", "activate", "myapp"], environment)
    assert done.returncode == 0, done.stderr
    unknown = run("discode", ["license", "activate", "other"], environment)
    assert unknown.returncode == 2 and "Name it: discode license activate other --hub https://" in unknown.stderr
