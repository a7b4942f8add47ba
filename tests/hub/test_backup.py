"""Backup and restore: the same hub, on the same database or the other kind; what is broken makes no hub."""

import io
import stat
import tarfile

import httpx
import pytest
from conftest_hub import HubVendor
from conftest_source import Customer
from test_licenses import Licensee

from discode.core.errors import Refused, UsageError
from discode.hub.backup import backup, restore
from discode.hub.config import SQLITE


@pytest.fixture
def full(tmp_path, served):
    """A hub with everything in it, and a customer who has seen it."""
    vendor = HubVendor(tmp_path / "vendor", served)
    vendor.begin("licensed")
    customer = Licensee(tmp_path / "home", vendor)
    customer.activate(vendor.issue()[1])
    assert customer.versions() == ["1.0"]
    return vendor, customer


def metadata(place):
    return httpx.get(f"{place.url}/metadata/timestamp.json", timeout=60).content


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_hub_comes_back_and_customers_notice_nothing(full, tmp_path, target, request):
    vendor, customer = full
    place, file = vendor.place, tmp_path / "backup.tar"
    assert backup(place.hub, file) == file.stat().st_size
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before, audit, tokens = metadata(place), place.call("GET", "/api/v1/audit"), place.call("GET", "/api/v1/tokens")
    url = SQLITE if target == "sqlite" else request.getfixturevalue("postgresql").new_database()
    restore(file, tmp_path / "again", url)
    place.close()
    place.folder = tmp_path / "again"
    place.reopen()
    place.serve()
    assert metadata(place) == before
    assert (place.call("GET", "/api/v1/audit"), place.call("GET", "/api/v1/tokens")) == (audit, tokens)
    vendor.publish("1.1", "print(11)")
    assert customer.versions() == ["1.0", "1.1"] and customer.fetch("1.1").exists()
    secrets = [*(tmp_path / "again").rglob("*.pem"), *(tmp_path / "again").glob("hub.*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    assert place.call("GET", "/api/v1/audit")[0]["id"] == audit[0]["id"] + 1


def test_no_hub_is_made_of_what_is_broken(small_place, tmp_path):
    file = tmp_path / "backup.tar"
    backup(small_place.hub, file)
    with pytest.raises(Refused, match="already exists"):
        backup(small_place.hub, file)
    whole = file.read_bytes()
    for number, broken in enumerate((b"", b"garbage", whole[:3000], whole[: len(whole) // 2])):
        file.write_bytes(broken)
        with pytest.raises(UsageError):
            restore(file, tmp_path / f"try{number}", None)
        assert not (tmp_path / f"try{number}" / "hub.toml").exists()
    file.write_bytes(whole)
    with pytest.raises(Refused, match="not empty"):
        restore(file, small_place.folder, None)
    restore(file, tmp_path / "good", None)
    with pytest.raises(UsageError, match="not empty"):
        restore(file, tmp_path / "other", f"sqlite:///{tmp_path / 'good' / 'hub.db'}")


@pytest.mark.parametrize("name", ["keys/../../outside", "keys/link"])
def test_a_backup_writes_nothing_but_plain_files_into_its_folder(small_place, tmp_path, name):
    file = tmp_path / "backup.tar"
    backup(small_place.hub, file)
    with tarfile.open(file, "a") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = (
            (tarfile.SYMTYPE, "/etc/passwd") if name == "keys/link" else (tarfile.REGTYPE, "")
        )
        tar.addfile(member, io.BytesIO())
    with pytest.raises(UsageError):
        restore(file, tmp_path / "in" / "hub", None)
    assert not (tmp_path / "outside").exists() and not (tmp_path / "in" / "outside").exists()
    assert (
        not (tmp_path / "in" / "hub" / "hub.toml").exists() and not (tmp_path / "in" / "hub" / "keys" / "link").exists()
    )


def test_a_customer_of_another_time_is_not_rolled_back_by_an_old_backup(full, tmp_path):
    """What was published after the backup was seen: an installation takes nothing older, until the vendor publishes."""
    vendor, customer = full
    file = tmp_path / "backup.tar"
    backup(vendor.place.hub, file)
    vendor.publish("1.1", "print(11)")
    assert customer.versions() == ["1.0", "1.1"]
    restore(file, tmp_path / "again", SQLITE)
    vendor.place.close()
    vendor.place.folder = tmp_path / "again"
    vendor.place.reopen()
    vendor.place.serve()
    other = Customer(customer.home, customer.source)
    with pytest.raises(Refused) as refused:
        other.versions()
    assert refused.value.name == "metadata-rollback"
