"""A folder of releases that is lost and made again, and keys that change, while customers go on reading."""

import shutil
from datetime import timedelta

import pytest
from conftest_source import Customer, Vendor

from discode.adapters.repository import FolderRepository, import_chain
from discode.adapters.repository.roots import now
from discode.core.errors import DiscodeError


@pytest.fixture
def vendor(tmp_path):
    made = Vendor(tmp_path)
    made.repository.init()
    made.publish("1.0")
    return made


@pytest.fixture
def customer(vendor, tmp_path):
    made = Customer(tmp_path / "home", str(vendor.repo))
    assert made.versions() == ["1.0"]
    return made


def refusal(call, *words):
    with pytest.raises(DiscodeError) as refused:
        call(*words)
    return refused.value


def at(vendor, days):
    return FolderRepository(vendor.repo, vendor.keys, lambda: now() + timedelta(days=days))


def test_a_lost_folder_goes_on_from_what_customers_trust(vendor, customer):
    vendor.publish("1.1", "print(11)")
    assert customer.versions() == ["1.0", "1.1"]
    shutil.rmtree(vendor.repo)
    begun = vendor.repository.init()
    assert (begun.continued, begun.root, begun.lost) == (True, 2, ("myapp",))
    vendor.publish("1.2")
    assert customer.versions() == ["1.2"]
    assert refusal(vendor.repository.init).name == "repository-exists"


def test_a_lost_chain_is_brought_by_a_customer(vendor, customer):
    shutil.rmtree(vendor.repo)
    shutil.rmtree(vendor.keys / "chain")
    assert refusal(vendor.repository.init).name == "keys-exist"
    done = import_chain(str(customer.home / "apps" / "myapp" / "trust"), vendor.keys)
    assert (done.root, done.targets) == (1, 2)
    assert vendor.repository.init().continued
    vendor.publish("1.2")
    assert customer.versions() == ["1.2"]


def test_an_older_copy_of_the_folder_is_brought_up_to_date(vendor, customer):
    copy = shutil.copytree(vendor.repo, vendor.folder / "copy")
    vendor.repository.rotate("online")
    vendor.publish("1.1", "print(11)")
    assert customer.versions() == ["1.0", "1.1"]
    shutil.rmtree(vendor.repo)
    copy.rename(vendor.repo)
    for call in (lambda: vendor.publish("1.2"), vendor.repository.renew, lambda: vendor.repository.rotate("root")):
        refused = refusal(call)
        assert refused.name == "repository-behind" and f"discode release init {vendor.repo}" in refused.next_step
    assert vendor.repository.init().lost == ("myapp",)
    vendor.publish("1.2", "print(12)")
    assert customer.versions() == ["1.0", "1.2"]


def test_a_folder_of_other_roots_is_refused(vendor, customer, tmp_path):
    other = Vendor(tmp_path / "other")
    other.repository.init()
    shutil.rmtree(vendor.repo)
    other.repo.rename(vendor.repo)
    for call in (vendor.repository.renew, vendor.repository.init, lambda: vendor.repository.rotate("online")):
        assert refusal(call).name == "root-unknown"


@pytest.mark.parametrize("role", ["online", "targets", "root"])
def test_a_key_changes_and_every_moment_can_be_read(vendor, customer, tmp_path, role):
    """A reader between any two of the files that are written."""
    readers, written = [], []

    class Watched(FolderRepository):
        def _write(self, *words):
            self._look()
            return super()._write(*words)

        def _write_roots(self, chain):
            self._look()
            super()._write_roots(chain)
            self._look()

        def _look(self):
            readers.append(Customer(tmp_path / f"reader-{len(readers)}", str(vendor.repo)))
            written.append([one.versions() for one in (customer, readers[-1])])

    done = Watched(vendor.repo, vendor.keys).rotate(role)
    assert done.root == 2 and written == [[["1.0"], ["1.0"]]] * len(written) and len(written) >= 2
    assert {path.parent.name for path in done.retired} == {"retired"}
    vendor.publish("1.1", "print(11)")
    assert customer.versions() == readers[0].versions() == ["1.0", "1.1"]


def test_a_lost_online_key_is_replaced(vendor, customer):
    (vendor.keys / "online.pem").unlink()
    assert refusal(vendor.publish, "1.1").name == "key-missing"
    vendor.repository.rotate("online")
    vendor.publish("1.1", "print(11)")
    assert customer.versions() == ["1.0", "1.1"]


def test_a_root_that_ends_is_renewed_by_publish_or_nothing_is_published(vendor, customer):
    vendor.repository = at(vendor, 190)
    vendor.publish("1.1", "print(11)")
    assert vendor.metadata("2.root.json").exists() and customer.versions() == ["1.0", "1.1"]
    vendor.repository = at(vendor, 190 + 366)
    (vendor.keys / "root-1.pem").rename(vendor.folder / "root-1.pem")
    before = vendor.metadata("timestamp.json").read_bytes()
    refused = refusal(vendor.publish, "1.2")
    assert refused.name == "root-expired" and f"discode release renew --repo {vendor.repo}" in refused.next_step
    assert vendor.metadata("timestamp.json").read_bytes() == before
    (vendor.folder / "root-1.pem").rename(vendor.keys / "root-1.pem")
    vendor.publish("1.2", "print(12)")
    assert vendor.metadata("3.root.json").exists()


def test_what_ends_is_told(vendor):
    assert [(end.what, end.step(now().timestamp())) for end in vendor.repository.trusted().ends] == [
        ("root", None), ("releases' signature", None)
    ]  # fmt: skip
    later = [end.step((now() + timedelta(days=83.5)).timestamp()) for end in vendor.repository.trusted().ends]
    assert later == [None, 7]


def test_an_init_that_was_cut_off_is_repeated(tmp_path):
    vendor = Vendor(tmp_path)
    vendor.repository.init()
    (vendor.repo / "metadata" / "timestamp.json").unlink()
    (vendor.keys / "chain" / "targets.json").unlink()
    assert vendor.repository.init().root == 1
    vendor.publish("1.0")
    assert Customer(tmp_path / "home", str(vendor.repo)).versions() == ["1.0"]
