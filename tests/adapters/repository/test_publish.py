"""The vendor's side: keys, packing, signing, and what a cut-off publish leaves."""

import multiprocessing
import os
import signal
import stat
import tempfile
import time

import pytest
from conftest_source import Customer, Vendor
from repository_contract import RepositoryContract

from discode.adapters.registry import RegistryClient
from discode.adapters.repository.packing import pack
from discode.core.errors import ManifestError, Refused, UsageError
from discode.core.plan import newest
from rig.wait import wait_for


@pytest.fixture
def vendor(tmp_path):
    made = Vendor(tmp_path)
    made.repository.init()
    return made


class TestAFolder(RepositoryContract):
    pass


def test_keys_are_the_vendors_alone(vendor):
    names = {path.name for path in vendor.keys.iterdir()}
    assert names == {"root-1.pem", "root-2.pem", "targets.pem", "online.pem", "chain"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in vendor.keys.glob("*.pem")} == {0o600}
    assert b"PRIVATE" not in b"".join(path.read_bytes() for path in (vendor.keys / "chain").iterdir())
    vendor.publish("1.0")
    published = b"".join(path.read_bytes() for path in vendor.repo.rglob("*") if path.is_file())
    assert b"PRIVATE" not in published


def test_keys_below_the_published_folder_and_a_second_init_are_refused(vendor, tmp_path):
    with pytest.raises(Refused, match="would be published"):
        type(vendor.repository)(tmp_path / "new", tmp_path / "new" / "keys").init()
    with pytest.raises(Refused, match="already a repository"):
        vendor.repository.init()


def test_keys_can_be_locked_with_a_passphrase(tmp_path):
    locked = Vendor(tmp_path)
    os.environ["DISCODE_KEY_PASSPHRASE"] = "open sesame"
    try:
        locked.repository.init()
        locked.publish("1.0")
    finally:
        del os.environ["DISCODE_KEY_PASSPHRASE"]
    assert b"ENCRYPTED" in (locked.keys / "targets.pem").read_bytes()
    with pytest.raises(Refused, match="cannot be opened"):
        locked.publish("1.1")


def test_the_same_again_is_a_no_op_and_other_content_is_refused(vendor):
    first = vendor.publish("1.0", "print(1)")
    again = vendor.publish("1.0", "print(1)")
    assert first.is_new and not again.is_new and again.entry.key == first.entry.key
    with pytest.raises(Refused, match="different content"):
        vendor.publish("1.0", "print(2)")
    assert "older than" in vendor.publish("0.9", "print(0)").note


@pytest.mark.parametrize(("first", "again"), [("1.0", "1.0.0"), ("1.0.1-0", "1.0.1.dev0"), ("1.0-rc.1", "1.0rc1")])
def test_the_same_version_in_another_spelling_is_refused(vendor, first, again):
    vendor.publish(first)
    with pytest.raises(Refused, match=f"{again} is the same version as {first}"):
        vendor.publish(again)


def test_a_prerelease_of_npm_does_not_hold_its_customers(vendor, tmp_path):
    vendor.publish("1.0.1-0")
    vendor.publish("1.0.1")
    customer = Customer(tmp_path / "home", str(vendor.repo))
    found = newest(customer.releases().index(), "stable")
    assert found is not None and found.version == "1.0.1"


def test_a_yanked_release_keeps_its_reason(vendor):
    vendor.publish("1.0")
    vendor.withdraw("1.0", "loses mail")
    assert vendor.repository.index("myapp").entry("1.0").yanked == "loses mail"
    with pytest.raises(Refused, match=r"no release 2\.0"):
        vendor.withdraw("2.0", "x")


def test_bad_versions_and_files(vendor):
    for version in ("one", "1.0/../2", "1!2"):
        with pytest.raises((UsageError, ManifestError)):
            vendor.publish(version)
    with pytest.raises(UsageError, match="cannot be read"):
        from discode.flows.publish import publish

        publish(
            vendor.repository, RegistryClient(), vendor.folder / "none.yml", version=None, channels=[], notes="", now=""
        )


def test_packing_gives_the_same_bytes_every_time(tmp_path):
    source = tmp_path / "app"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "b").write_text("b")
    (source / "a").write_text("a")
    (source / "link").symlink_to("sub/b")
    one, first = pack("myapp", source)
    packed = int(time.time())
    wait_for(lambda: int(time.time()) > packed)
    os.utime(source / "a")
    two, second = pack("myapp", source)
    assert one == two and first.read_bytes() == second.read_bytes() and one.unpacked == 2
    first.unlink()
    second.unlink()
    (source / "out").symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="leads out"):
        pack("myapp", source)


def test_a_publish_that_is_killed_at_any_moment_leaves_a_repository_that_verifies(vendor, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # what the killed ones packed goes with the test
    vendor.publish("1.0")
    for number in range(1, 16):
        child = multiprocessing.get_context("fork").Process(
            target=vendor.publish, args=(f"1.{number}", f"print({number})")
        )
        child.start()
        child.join(0.004 * number)
        if child.is_alive():
            os.kill(child.pid, signal.SIGKILL)
        child.join()
        home = tmp_path / f"home-{number}"
        versions = Customer(home, str(vendor.repo)).versions()
        assert versions[0] == "1.0"
        vendor.publish(f"1.{number}", f"print({number})")
        assert Customer(home, str(vendor.repo)).versions()[-1] == f"1.{number}"


def test_renewing_signs_for_the_full_time_again(vendor, tmp_path):
    vendor.publish("1.0")
    customer = Customer(tmp_path / "home", str(vendor.repo))
    assert customer.versions() == ["1.0"]
    vendor.repository.renew()
    assert customer.versions() == ["1.0"]
