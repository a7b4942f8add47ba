"""Whoever has the vendor's web server can withhold releases, and nothing else. Each attack has its own error."""

import functools
import json
import re
import shutil
import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import SimpleHTTPRequestHandler

import pytest
from conftest_source import Customer
from tuf.api.metadata import Metadata, Snapshot, TargetFile, Targets, Timestamp

from discode.adapters.repository.keys import Keys
from discode.core.errors import NoSuchApp, SourceUnreachable, TrustError
from discode.core.release import read_index
from discode.ports.report import Silence
from rig.web import Web


def error_of(customer, call=None):
    with pytest.raises(TrustError) as refused:
        releases = customer.releases()
        (call or (lambda: releases.index()))() if call is None else call(releases)
    assert "keeps running" in refused.value.sentence or "Nothing was changed" in refused.value.sentence
    return refused.value.name


def fetch(releases):
    release = releases.release(releases.index().releases[-1])
    return releases.archive(release, Silence())


def test_a_release_arrives_whole(customer, vendor):
    vendor.publish("1.1", "print(1)")
    releases = customer.releases()
    assert [entry.version for entry in releases.index().releases] == ["1.0", "1.1"]
    assert fetch(releases).read_bytes().startswith(b"\x1f\x8b")
    assert "fingerprint" in customer.notes[0].lower()
    customer.versions()
    assert len(customer.notes) == 1, "trust is told once"


def test_an_altered_index_manifest_and_archive(customer, vendor):
    for pattern, call in [
        ("*.index.json", None),
        ("*[0-9a-f].json", lambda releases: releases.release(releases.index().releases[0])),
        ("archives/*.tar", fetch),
    ]:
        path = next(p for p in vendor.repo.glob(f"targets/myapp/{pattern}") if call is None or "index" not in p.name)
        good = path.read_bytes()
        path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        assert error_of(customer, call) == "content-altered"
        path.write_bytes(good + b" " * 100)
        assert error_of(customer, call) == "content-altered"
        path.write_bytes(good)
    assert customer.versions() == ["1.0"]
    assert fetch(customer.releases()).exists()


def test_old_metadata_is_not_new(customer, vendor, tmp_path):
    shutil.copytree(vendor.repo, tmp_path / "old")
    vendor.publish("1.1", "print(1)")
    assert customer.versions() == ["1.0", "1.1"]
    _replay(vendor, tmp_path / "old")
    assert error_of(customer) == "metadata-rollback"


def test_a_lost_cache_cannot_be_rolled_back_either(customer, vendor, tmp_path):
    shutil.copytree(vendor.repo, tmp_path / "old")
    vendor.publish("1.1", "print(1)")
    customer.versions()
    for path in customer.home.glob("apps/myapp/trust/*/metadata"):
        shutil.rmtree(path)
    _replay(vendor, tmp_path / "old")
    assert error_of(customer) == "metadata-rollback"


def test_a_mixed_snapshot(customer, vendor):
    """The index of one publish beside the metadata of another."""
    customer.versions()
    first = vendor.metadata("2.targets.json").read_bytes()
    vendor.publish("1.1", "print(1)")
    newest = max(vendor.repo.glob("metadata/*.targets.json"), key=lambda p: int(p.name.partition(".")[0]))
    newest.write_bytes(first)
    assert error_of(customer) in ("metadata-rollback", "metadata-invalid")


def test_metadata_signed_by_somebody_else(customer, vendor, tmp_path):
    customer.versions()
    other = Keys(tmp_path / "other-keys")
    other.make()
    _resign(vendor.metadata("timestamp.json"), other, "timestamp")
    assert error_of(customer) == "signature-invalid"


def test_a_release_signed_with_the_online_key(customer, vendor):
    """Who has stolen the key that signs snapshots cannot sign releases with it."""
    customer.versions()
    _raise_versions(vendor, online_signs_targets=True)
    assert error_of(customer) == "signature-invalid"


def test_a_forged_root(customer, vendor, tmp_path):
    customer.versions()
    other = Keys(tmp_path / "other-keys")
    other.make()
    root = Metadata.from_file(str(vendor.metadata("1.root.json")))
    root.signed.version = 2
    path = vendor.metadata("2.root.json")
    root.to_file(str(path))
    _resign(path, other, "root")
    assert error_of(customer) == "signature-invalid"


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_expired_metadata_blocks_updates(customer, vendor, role):
    _raise_versions(vendor, expired=role)
    assert error_of(customer) == "metadata-expired"


def test_a_folder_tells_no_time_so_whoever_asks_it_is_to_look_at_the_clock(tmp_path, vendor):
    _raise_versions(vendor, expired="timestamp")
    with pytest.raises(TrustError) as refused:
        Customer(tmp_path / "home", str(vendor.repo)).releases().index()
    pattern = r"Check this machine's clock: it says 20\d\d-\d\d-\d\d\. If it is right: ask the vendor to sign again .*"
    assert re.fullmatch(pattern, refused.value.next_step)


@pytest.mark.parametrize(("days", "key"), [(-3, "clock-off"), (0, "metadata-expired"), (3, "metadata-expired")])
def test_a_clock_that_makes_signatures_old_is_named(tmp_path, vendor, days, key):
    """Not the vendor: by the server's clock they hold."""

    class Dated(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def date_time_string(self, timestamp=None):
            return formatdate(time.time() + days * 86400, usegmt=True)

    _raise_versions(vendor, expired="timestamp")
    server = Web(functools.partial(Dated, directory=vendor.repo))
    try:
        with pytest.raises(TrustError) as refused:
            Customer(tmp_path / "home", f"http://{server.target}").releases().index()
    finally:
        server.close()
    assert refused.value.name == key
    if key == "clock-off":
        assert f"clock is 3 days ahead of that of http://{server.target}." in refused.value.sentence
        assert "signatures on the releases of myapp have expired" in refused.value.sentence


def test_another_vendor_than_the_one_that_was_named(customer, vendor):
    with pytest.raises(TrustError) as refused:
        customer.releases(pin="0" * 64).index()
    assert refused.value.name == "root-mismatch"
    customer.releases(pin=vendor.repository.fingerprint()).index()
    with pytest.raises(TrustError):
        customer.releases(pin="0" * 64).index()


def test_garbage_everywhere(customer, vendor):
    customer.versions()
    for name in ("timestamp.json", "1.root.json"):
        vendor.metadata(name).write_text("<html>maintenance</html>")
    if customer.source.startswith("http"):  # another site may answer in the vendor's place
        with pytest.raises(SourceUnreachable, match="has no releases: it sent application/json in place of"):
            customer.versions()
    else:
        assert error_of(customer) == "metadata-invalid"


def test_what_is_not_there(customer, vendor, tmp_path):
    assert customer.versions() == ["1.0"]
    with pytest.raises(NoSuchApp):
        type(customer)(tmp_path / "h2", customer.source).releases().__class__(
            tmp_path / "h2", "other", customer.source, customer.releases()._base, None, print
        ).index()
    vendor.metadata("timestamp.json").unlink()
    with pytest.raises(SourceUnreachable):
        customer.versions()


def test_a_damaged_cache_is_fetched_again(customer, vendor):
    customer.versions()
    for path in customer.home.glob("apps/myapp/trust/*/metadata/*.json"):
        if not path.is_symlink():
            path.write_text("{")
    assert customer.versions() == ["1.0"]


def test_a_download_that_was_cut_off_starts_again(customer, vendor):
    releases = customer.releases()
    path = fetch(releases)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert fetch(customer.releases()).read_bytes() == whole


def test_an_index_of_another_app_under_this_name():
    with pytest.raises(TrustError):
        read_index("myapp", json.dumps({"app": "other", "releases": []}).encode())


def _replay(vendor, old):
    shutil.rmtree(vendor.repo)
    shutil.copytree(old, vendor.repo)


def _resign(path, keys, role):
    metadata = Metadata.from_file(str(path))
    metadata.signatures.clear()
    for signer in keys.signers(role):
        metadata.sign(signer, append=True)
    metadata.to_file(str(path))


def _raise_versions(vendor, *, online_signs_targets=False, expired=""):
    """What an attacker with the online key can do: new versions of everything, signed by it or by the vendor."""
    keys = Keys(vendor.keys)
    timestamp: Metadata[Timestamp] = Metadata.from_file(str(vendor.metadata("timestamp.json")))
    snapshot: Metadata[Snapshot] = Metadata.from_file(
        str(vendor.metadata(f"{timestamp.signed.snapshot_meta.version}.snapshot.json"))
    )
    version = snapshot.signed.meta["targets.json"].version
    targets: Metadata[Targets] = Metadata.from_file(str(vendor.metadata(f"{version}.targets.json")))
    targets.signed.version += 1
    targets.signed.targets["myapp/evil"] = TargetFile.from_data("myapp/evil", b"evil", ["sha256"])
    snapshot.signed.meta["targets.json"].version = targets.signed.version
    snapshot.signed.version += 1
    timestamp.signed.snapshot_meta.version = snapshot.signed.version
    timestamp.signed.version += 1
    for role, metadata in (("targets", targets), ("snapshot", snapshot), ("timestamp", timestamp)):
        if role == expired:
            metadata.signed.expires = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
        number = "" if role == "timestamp" else f"{metadata.signed.version}."
        path = vendor.metadata(f"{number}{role}.json")
        metadata.to_file(str(path))
        _resign(path, keys, "timestamp" if role == "targets" and online_signs_targets else role)
