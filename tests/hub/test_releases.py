"""Publishing to a hub, and reading from it as an installation does."""

import hashlib
import http.client
import json
import threading

import httpx
import pytest
from conftest_hub import HubVendor
from conftest_source import Customer
from repository_contract import RepositoryContract
from tuf.api.metadata import Metadata, TargetFile, Targets

from discode.adapters.repository.keys import Keys
from discode.core.errors import Refused, TrustError, UsageError
from discode.core.release import index_path
from discode.flows.publish import Marks, mark
from discode.hub.chores import do_chores
from discode.ports.report import Silence
from rig.wait import wait_for


@pytest.fixture
def customer(tmp_path, hub_vendor):
    return Customer(tmp_path / "home", hub_vendor.place.url)


class TestAHub(RepositoryContract):
    @pytest.fixture
    def vendor(self, small_vendor):
        return small_vendor


def archive_of(customer, version):
    releases = customer.releases()
    release = releases.release(releases.index().entry(version))
    return releases.archive(release, Silence())


def test_a_release_comes_through_the_hub(hub_vendor, customer):
    hub_vendor.publish("1.1", "print(11)", notes="# New\n\nfaster")
    assert customer.versions() == ["1.0", "1.1"]
    assert archive_of(customer, "1.1").read_bytes()[:2] == b"\x1f\x8b"
    assert customer.releases().index().entry("1.1").notes == "# New\n\nfaster"
    customer.releases(pin=hub_vendor.repository.fingerprint()).index()
    assert hub_vendor.place.audit()[-1] == "release.publish"


def test_the_same_again_is_a_no_op_and_other_content_is_refused(hub_vendor):
    assert not hub_vendor.publish("1.0").is_new
    with pytest.raises(Refused, match="different content"):
        hub_vendor.publish("1.0", "print('other')")


def test_channels_promote_and_yank(hub_vendor, customer):
    hub_vendor.publish("2.0", "print(2)", channels=["beta"])
    assert hub_vendor.promote("2.0", "stable").channels == ("beta", "stable")
    assert hub_vendor.promote("2.0", "early", only=True).channels == ("early",)
    assert hub_vendor.withdraw("2.0", "loses mail").yanked == "loses mail"
    assert customer.releases().index().entry("2.0").yanked == "loses mail"
    with pytest.raises(Refused, match=r"no release 3\.0"):
        hub_vendor.promote("3.0", "stable")
    with pytest.raises(UsageError, match="not a valid channel name"):
        hub_vendor.promote("1.0", "../stable")
    audit = hub_vendor.place.audit()
    assert audit[-3:] == ["release.change", "release.change", "release.yank"]


def test_marks_for_hosts_that_update_by_themselves_can_be_given_later(hub_vendor, customer):
    """An earlier hub takes them, too: what it does not know it does not compare."""
    assert not customer.releases().index().entry("1.0").urgent
    hub_vendor.publish("1.1", "print(11)", marks=Marks(urgent=True))
    assert mark(hub_vendor.repository, "myapp", "1.0", Marks(needs_consent=True)).needs_consent
    marks = {one.version: (one.urgent, one.needs_consent) for one in customer.releases().index().releases}
    assert marks == {"1.0": (False, True), "1.1": (True, False)}
    assert mark(hub_vendor.repository, "myapp", "1.1", Marks(urgent=False)).urgent is False
    assert hub_vendor.place.audit()[-1] == "release.change"


def test_answers_have_an_etag_and_say_how_long_they_hold(hub_vendor):
    url = hub_vendor.place.url
    index = hub_vendor.repository._current().targets[index_path("myapp")].hashes["sha256"]
    for path, control in [
        ("/metadata/timestamp.json", "public, max-age=60"),
        ("/metadata/1.root.json", "public, max-age=31536000, immutable"),
        ("/metadata/2.targets.json", "public, max-age=31536000, immutable"),
        (f"/targets/myapp/{index}.index.json", "public, max-age=31536000, immutable"),
    ]:
        first = httpx.get(url + path, timeout=60)
        assert (first.status_code, first.headers["cache-control"]) == (200, control)
        etag = first.headers["etag"]
        assert etag == f'"{hashlib.sha256(first.content).hexdigest()}"'
        for given in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            again = httpx.get(url + path, headers={"If-None-Match": given}, timeout=60)
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert httpx.get(url + path, headers={"If-None-Match": '"x"'}, timeout=60).status_code == 200


def test_a_check_that_finds_nothing_is_answered_304(hub_vendor, customer):
    customer.versions()
    seen = []

    def count(response):
        seen.append((response.url.path, response.status_code))

    releases = customer.releases()
    updater = releases._make_updater()
    releases._fetcher._client.event_hooks = {"response": [count]}
    updater.refresh()
    assert seen == [("/metadata/2.root.json", 404), ("/metadata/timestamp.json", 304)]


def test_what_is_not_there_and_hostile_names(small_vendor):
    url = small_vendor.place.url
    for path in [
        "/metadata/2.root.json", "/metadata/0.root.json", "/metadata/99999999999999.root.json", "/metadata/x.json",
        "/metadata/%2e%2e%2fhub.toml", "/metadata/1.evil.json", "/targets/x", "/targets/../hub.toml",
        "/targets/..%2f..%2fkeys%2fonline.pem", "/targets/myapp/%00.json", "/targets/" + "a" * 250,
    ]:  # fmt: skip
        assert httpx.get(url + path, timeout=60).status_code == 404, path
    assert httpx.get(f"{url}/metadata/{'9' * 300}", timeout=60).status_code == 422


def forged(vendor, change, signer=None):
    """The next targets as an attacker with an API token would send them, or a vendor by mistake."""
    targets = vendor.repository._current()
    targets.version += 1
    change(targets)
    metadata = Metadata(targets)
    for key in Keys(signer or vendor.keys).signers("targets"):
        metadata.sign(key, append=True)
    return metadata.to_bytes()


def refused(vendor, data, status=None):
    answer = httpx.post(
        f"{vendor.place.url}/api/v1/publish",
        content=data,
        headers={"Authorization": f"Bearer {vendor.place.token}"},
        timeout=60,
    )
    assert answer.status_code in (409, 422) if status is None else status == answer.status_code, answer.text
    return answer.json()["error"]["key"]


def put(vendor, content, sha256=None):
    sha256 = sha256 or hashlib.sha256(content).hexdigest()
    return httpx.put(
        f"{vendor.place.url}/api/v1/blobs/{sha256}", content=content,
        headers={"Authorization": f"Bearer {vendor.place.token}"}, timeout=60
    )  # fmt: skip


def add(name, content=b"{}", **fields):
    def change(targets):
        targets.targets[name] = TargetFile.from_data(name, content, ["sha256"])

    return change


def with_index(vendor, change):
    """The index of myapp, changed, uploaded and named by the targets."""
    index = json.loads(vendor.repository.index("myapp").to_sign())
    change(index)
    content = json.dumps(index).encode()
    assert put(vendor, content).status_code == 201
    return add("myapp/index.json", content)


def twice(index):
    index["releases"].append({**index["releases"][0], "version": "1.0.0"})


def test_what_a_hub_refuses_to_sign_for(small_vendor, tmp_path):
    v = small_vendor
    other = Keys(tmp_path / "other")
    other.make()
    before = httpx.get(f"{v.place.url}/metadata/timestamp.json", timeout=60).content
    assert refused(v, b"{}") == refused(v, b"\xff\x00") == refused(v, b"[" * 100_000) == "metadata-malformed"
    assert refused(v, httpx.get(f"{v.place.url}/metadata/1.root.json", timeout=60).content) == "metadata-malformed"
    assert refused(v, forged(v, lambda t: None, tmp_path / "other")) == "signature-invalid"
    assert refused(v, forged(v, lambda t: setattr(t, "version", 9))) == "version-passed"
    assert refused(v, forged(v, lambda t: setattr(t, "version", 1))) == "version-passed"
    assert refused(v, forged(v, lambda t: setattr(t, "expires", Targets().expires))) == "metadata-expired"
    for name in ("../evil", "myapp/evil", "MyApp/index.json", "a/b/c", "myapp/\x1b[31m.json", "/etc/passwd"):
        assert refused(v, forged(v, add(name))) == "target-name"
    assert refused(v, forged(v, add("myapp/aaaaaaaaaaaa.json", b"not uploaded"))) == "file-missing"
    assert refused(v, forged(v, lambda t: t.targets.pop("myapp/index.json"))) == "published-already"
    archive = next(name for name in v.repository._current().targets if "/archives/" in name)
    assert put(v, b"other").status_code == 201
    assert refused(v, forged(v, add(archive, b"other"))) == "published-already"
    assert refused(v, forged(v, with_index(v, twice))) == "version-twice"
    assert refused(v, forged(v, with_index(v, lambda i: i["releases"].clear()))) == "version-taken"
    assert refused(v, forged(v, with_index(v, lambda i: i["releases"][0].update(key="0" * 12)))) == "version-taken"
    assert refused(v, forged(v, with_index(v, lambda i: i.update(app="other")))) == "index-of-another-app"
    new = {"version": "2.0", "key": "0" * 12}
    assert refused(v, forged(v, with_index(v, lambda i: i["releases"].append(new)))) == "manifest-missing"
    assert put(v, b"garbage").status_code == 201
    assert refused(v, forged(v, add("myapp/index.json", b"garbage"))) == "index-malformed"
    assert put(v, b"x", "0" * 64).json()["error"]["key"] == "content-altered"
    assert httpx.get(f"{v.place.url}/metadata/timestamp.json", timeout=60).content == before
    assert v.publish("1.1", "print(11)").is_new, "and the next honest publish goes through"


def test_a_root_of_somebody_else_and_one_with_another_online_key(small_vendor, tmp_path):
    place = small_vendor.place
    headers = {"Authorization": f"Bearer {place.token}"}
    thief = HubVendor(tmp_path / "thief", place)
    thief.repository._keys.make(online=False)
    about = httpx.get(f"{place.url}/api/v1/hub", timeout=60).json()
    root = thief.repository._first_root(about["online_key"])
    root.version = 2
    from discode.adapters.repository.hub import _signed

    data = _signed(Metadata(root), thief.repository._keys, "root")
    answer = httpx.post(f"{place.url}/api/v1/root", content=data, headers=headers, timeout=60)
    assert answer.json()["error"]["key"] == "signature-invalid"
    with pytest.raises(Refused, match="already has a root"):
        thief.repository.init()


def test_a_vendor_signs_nothing_that_a_hub_slips_in(small_vendor, tmp_path):
    """A taken hub serves targets with a release of its own, hoping that the next publish signs it."""
    small_vendor.publish("1.1", "print(11)")
    repository = small_vendor.repository
    evil = Keys(tmp_path / "evil")
    evil.make()
    fetch = repository._api.fetch
    bad = forged(small_vendor, add("myapp/aaaaaaaaaaaa.json"), tmp_path / "evil")
    repository._api.fetch = lambda path: bad if path == "/api/v1/targets" else fetch(path)
    with pytest.raises(TrustError) as refusal:
        small_vendor.publish("1.2", "print(12)")
    assert refusal.value.name == "signature-invalid"
    repository._api.fetch = lambda path: fetch("/metadata/2.targets.json" if path == "/api/v1/targets" else path)
    with pytest.raises(TrustError) as refusal:
        small_vendor.publish("1.2", "print(12)")
    assert refusal.value.name == "metadata-rollback"


def test_two_publish_at_once_and_nothing_is_lost(hub_vendor, tmp_path):
    """The one that comes second is told so, and goes through when it is tried again."""
    versions = [f"1.{n}" for n in range(1, 5)]
    published, refusals = [], []

    def publish(version):
        vendor = HubVendor(tmp_path / version, hub_vendor.place)
        vendor.repository = type(vendor.repository)(hub_vendor.place.url, hub_vendor.place.token, hub_vendor.keys)
        while version not in published:
            try:
                vendor.publish(version, f"print({version})")
                published.append(version)
            except Refused as error:
                refusals.append(error.name)
                if error.name != "version-passed":
                    return

    threads = [threading.Thread(target=publish, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entry.version for entry in hub_vendor.repository.index("myapp").releases) == ["1.0", *versions]
    assert sorted(published) == versions and set(refusals) <= {"version-passed"}


def test_an_upload_that_is_cut_off_leaves_nothing(small_vendor):
    place = small_vendor.place
    blobs = sorted(p.name for p in (place.folder / "storage").rglob("*"))
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=60)
    connection.putrequest("PUT", f"/api/v1/blobs/{'a' * 64}")
    connection.putheader("Authorization", f"Bearer {place.token}")
    connection.putheader("Content-Length", "1000000")
    connection.endheaders()
    connection.send(b"x" * 5000)
    incoming = place.folder / "storage" / "incoming"
    wait_for(lambda: any(incoming.iterdir()))
    connection.close()
    wait_for(lambda: not any(incoming.iterdir()))
    assert sorted(p.name for p in (place.folder / "storage").rglob("*")) == blobs
    assert small_vendor.publish("1.1", "print(11)").is_new


def test_an_upload_that_is_too_long_is_refused(tmp_path):
    from conftest_hub import Place

    place = Place(tmp_path / "hub", largest_upload=1000)
    place.serve()
    try:
        vendor = HubVendor(tmp_path / "vendor", place)
        assert put(vendor, b"x" * 999).status_code == 201
        assert put(vendor, b"x" * 1001).json()["error"]["key"] == "too-large"
    finally:
        place.close()


def test_uploads_without_a_publish_are_dropped_and_published_files_stay(small_vendor):
    place = small_vendor.place
    sha256 = put(small_vendor, b"forgotten").json()["sha256"]
    place.clock.ahead = 2 * 86400
    do_chores(place.hub)
    assert not place.hub.storage.path(sha256).exists()
    archive = next(t for n, t in small_vendor.repository._current().targets.items() if "/archives/" in n)
    assert place.hub.storage.path(archive.hashes["sha256"]).exists()


def test_timestamps_are_signed_again_every_day(hub_vendor, customer):
    place = hub_vendor.place
    versions = [customer.versions() for _ in range(2)]
    first = httpx.get(f"{place.url}/metadata/timestamp.json", timeout=60).json()["signed"]
    do_chores(place.hub)
    assert httpx.get(f"{place.url}/metadata/timestamp.json", timeout=60).json()["signed"] == first
    place.clock.ahead = 86400 + 60
    do_chores(place.hub)
    wait_for(
        lambda: (
            httpx.get(f"{place.url}/metadata/timestamp.json", timeout=60).json()["signed"]["version"] > first["version"]
        )
    )
    second = httpx.get(f"{place.url}/metadata/timestamp.json", timeout=60).json()["signed"]
    assert second["expires"] > first["expires"]
    assert customer.versions() == versions[0]


def test_renew_signs_the_targets_again_and_the_root_when_it_is_due(small_vendor, tmp_path):
    customer = Customer(tmp_path / "home", small_vendor.place.url)
    customer.versions()
    small_vendor.repository.renew()
    assert httpx.get(f"{small_vendor.place.url}/metadata/2.root.json", timeout=60).status_code == 404
    small_vendor.at(days=190).renew()
    assert httpx.get(f"{small_vendor.place.url}/metadata/2.root.json", timeout=60).status_code == 200
    wait_for(lambda: customer.versions() == ["1.0"])
