"""A hub that belongs to an attacker: its database, its storage, its online key. Each attack has its own error.

The customer has seen 1.0 and 1.1 before. What the attacker has not: the vendor's root and targets keys.
"""

import hashlib
import json
import shutil
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from conftest_hub import HubVendor
from conftest_source import Customer
from sqlalchemy import delete, select
from tuf.api.metadata import Metadata, MetaFile, Snapshot, TargetFile, Timestamp

from discode.adapters.repository.hub import _signed
from discode.adapters.source import give
from discode.adapters.source.given import floor_of
from discode.core.errors import DiscodeError, SourceUnreachable, TrustError
from discode.core.release import HELD
from discode.hub.models import MetadataFile, Target
from discode.ports.report import Silence


class Attacker:
    """Writes into the hub's database and storage as it likes, and signs with the hub's online key."""

    def __init__(self, place):
        self.place, self.hub = place, place.hub

    def body(self, role, version=None):
        with self.hub.database.read() as session:
            query = select(MetadataFile).where(MetadataFile.role == role).order_by(MetadataFile.version.desc())
            found = session.scalars(query if version is None else query.where(MetadataFile.version == version)).first()
        return found.body

    def put(self, role, version, body):
        with self.hub.database.write() as session:
            session.merge(MetadataFile(role=role, version=version, body=body, at=0.0))
        self.place.app.state.metadata.forget()

    def drop(self, role, above):
        with self.hub.database.write() as session:
            session.execute(delete(MetadataFile).where(MetadataFile.role == role, MetadataFile.version > above))
        self.place.app.state.metadata.forget()

    def load(self, role):
        return Metadata.from_bytes(self.body(role))

    def sign(self, signed):
        metadata = Metadata(signed)
        metadata.sign(self.hub.keys.online)
        self.put(signed.type, signed.version, metadata.to_bytes())

    def announce(self, targets_version, *, days=7, snapshot_version=None, timestamp_version=None, **fields):
        """Snapshot and timestamp, both newer than all before, that speak of some targets."""
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
        snapshot = Snapshot(version=snapshot_version or self.load("snapshot").signed.version + 1, expires=expires)
        snapshot.meta["targets.json"] = MetaFile(version=targets_version)
        self.sign(snapshot)
        version = timestamp_version or self.load("timestamp").signed.version + 1
        timestamp = Timestamp(version=version, expires=expires)
        timestamp.snapshot_meta = MetaFile(version=snapshot.version)
        timestamp.unrecognized_fields.update(fields)
        self.sign(timestamp)

    def file_of(self, pattern):
        with self.hub.database.read() as session:
            names = {one.name: one.sha256 for one in session.scalars(select(Target).order_by(Target.at))}
        return self.hub.storage.path(next(sha for name, sha in reversed(names.items()) if pattern in name))


@pytest.fixture
def vendor(tmp_path, small_place):
    small_place.serve()
    made = HubVendor(tmp_path / "vendor", small_place)
    made.begin()
    made.publish("1.1", "print(11)")
    return made


@pytest.fixture
def attacker(vendor):
    return Attacker(vendor.place)


@pytest.fixture
def customer(tmp_path, vendor):
    made = Customer(tmp_path / "home", vendor.place.url)
    assert made.versions() == ["1.0", "1.1"]
    return made


def error_of(customer, call=None):
    with pytest.raises(TrustError) as refused:
        releases = customer.releases()
        call(releases) if call else releases.index()
    assert "keeps running" in refused.value.sentence or "Nothing was changed" in refused.value.sentence
    return refused.value.name


def fetch(releases):
    return releases.archive(releases.release(releases.index().entry("1.1")), Silence())


def evil_targets(attacker):
    """The newest targets and one more release in them, one version on."""
    targets = attacker.load("targets").signed
    targets.version += 1
    targets.targets["myapp/evil.json"] = TargetFile.from_data("myapp/evil.json", b"evil", ["sha256"])
    return targets


def test_a_release_signed_with_the_online_key(attacker, customer):
    targets = evil_targets(attacker)
    attacker.sign(targets)
    attacker.announce(targets.version)
    assert error_of(customer) == "signature-invalid"


def test_a_release_put_into_targets_that_the_vendor_signed(attacker, customer):
    metadata = attacker.load("targets")
    targets = evil_targets(attacker)
    attacker.put("targets", targets.version, Metadata(targets, metadata.signatures).to_bytes())
    attacker.announce(targets.version)
    assert error_of(customer) == "signature-invalid"


def test_a_forged_root(attacker, customer, tmp_path):
    thief = HubVendor(tmp_path / "thief", attacker.place)
    thief.repository._keys.make(online=False)
    key = attacker.hub.keys.online.public_key
    root = thief.repository._first_root({"keyid": key.keyid, **key.to_dict()})
    root.version = 2
    attacker.put("root", 2, _signed(Metadata(root), thief.repository._keys, "root"))
    assert error_of(customer) == "signature-invalid"


def test_the_root_signed_anew_by_the_online_key(attacker, customer):
    root = attacker.load("root").signed
    root.version = 2
    attacker.sign(root)
    assert error_of(customer) == "signature-invalid"


def test_a_replayed_timestamp(attacker, vendor, customer):
    old = attacker.body("timestamp")
    version = attacker.load("timestamp").signed.version
    vendor.publish("1.2", "print(12)")
    assert customer.versions()[-1] == "1.2"
    attacker.drop("timestamp", version)
    attacker.put("timestamp", version, old)
    assert error_of(customer) == "metadata-rollback"


def test_older_targets_under_a_new_snapshot_and_timestamp(attacker, customer):
    """A downgrade: both are freshly signed with the stolen key, and name what the vendor signed earlier."""
    attacker.announce(attacker.load("targets").signed.version - 1)
    assert error_of(customer) == "metadata-rollback"


def test_an_older_snapshot_under_a_new_timestamp(attacker, vendor, customer):
    version = attacker.load("snapshot").signed.version
    old = attacker.load("targets").signed.version
    vendor.publish("1.2", "print(12)")
    customer.versions()
    attacker.announce(old, snapshot_version=version)
    assert error_of(customer) == "metadata-rollback"


def test_mixed_metadata(attacker, customer):
    """The snapshot names the next targets, and what is served under that name are the ones before."""
    version = attacker.load("targets").signed.version
    attacker.put("targets", version + 1, attacker.body("targets"))
    attacker.announce(version + 1)
    assert error_of(customer) == "metadata-rollback"


def test_a_downgrade_when_the_customers_cache_is_lost(attacker, customer):
    for folder in customer.home.glob("apps/myapp/trust/*/metadata"):
        shutil.rmtree(folder)
    attacker.announce(attacker.load("targets").signed.version - 1)
    assert error_of(customer) == "metadata-rollback"


@pytest.mark.parametrize("what", ["index.json", "archives/", ".json"])
@pytest.mark.parametrize("how", ["altered", "truncated", "oversized", "emptied"])
def test_files_that_were_tampered_with(attacker, vendor, customer, what, how):
    vendor.publish("1.2", "print(12)")  # nothing of it is at the customer's yet
    if what == ".json":
        entry = vendor.repository.index("myapp").entry("1.2")
        what = f"{entry.key}.json"
    path = attacker.file_of(what)
    good = path.read_bytes()
    path.write_bytes(
        {"altered": good[:-1] + bytes([good[-1] ^ 1]), "truncated": good[:-5], "oversized": good + b" " * 10**6,
         "emptied": b""}[how]
    )  # fmt: skip

    def take(releases):
        releases.archive(releases.release(releases.index().entry("1.2")), Silence())

    assert error_of(customer, take) == "content-altered"
    path.write_bytes(good)
    take(customer.releases())


def test_one_file_served_for_another(attacker, vendor, customer):
    """The archive of 1.0 where that of 1.1 belongs, and the index of another time."""
    with attacker.hub.database.read() as session:
        archives = [one.sha256 for one in session.scalars(select(Target)) if "/archives/" in one.name]
    one, two = (attacker.hub.storage.path(sha256) for sha256 in archives)
    content = one.read_bytes(), two.read_bytes()
    one.write_bytes(content[1])
    two.write_bytes(content[0])
    assert error_of(customer, fetch) == "content-altered"


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_metadata_that_never_ends(attacker, customer, role):
    version = attacker.load("targets").signed.version
    if role != "timestamp":
        attacker.announce(version + 1 if role == "targets" else version)
    number = {"timestamp": 10**6, "snapshot": attacker.load("snapshot").signed.version, "targets": version + 1}[role]
    attacker.put(role, number, b" " * 6_000_000)
    assert error_of(customer) == "content-altered"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"<html>", b'{"signed": {}, "signatures": []}', b"[" * 10_000, b"\xff\xfe"]
)
def test_garbage_for_metadata(attacker, customer, body):
    attacker.put("timestamp", 10**6, body)
    with pytest.raises((TrustError, SourceUnreachable)) as refused:
        customer.versions()
    assert refused.value.name == ("metadata-invalid" if b"signatures" in body else "no-hub")
    assert "Nothing was changed" in refused.value.sentence


def test_withheld_updates_are_noticed_by_expiry(attacker, vendor, customer):
    """Nothing new is ever signed again: the last timestamp holds for its seven days, and then it does not."""
    attacker.announce(attacker.load("targets").signed.version, days=-1)
    assert error_of(customer) == "metadata-expired"
    days = attacker.load("timestamp").signed.expires
    vendor.publish("1.2", "print(12)")
    assert attacker.load("timestamp").signed.expires > days
    left = attacker.load("timestamp").signed.expires - datetime.now(UTC)
    assert timedelta(days=6) < left <= timedelta(days=7)
    assert customer.versions()[-1] == "1.2"


def test_answers_of_304_for_ever_do_not_outlive_the_timestamp(attacker, customer, monkeypatch):
    """A freeze: the hub says that nothing has changed; what is at hand ends by itself."""
    import tuf.ngclient._internal.trusted_metadata_set as trusted

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=8)

    monkeypatch.setattr(trusted.datetime, "datetime", Later)
    assert error_of(customer) == "metadata-expired"


def test_the_hub_can_hold_back_and_nothing_more(attacker, customer):
    keys = [entry.key for entry in customer.releases().index().releases]
    attacker.announce(attacker.load("targets").signed.version, **{HELD: {"myapp": keys}})
    index = customer.releases().index()
    assert index.held == frozenset(keys) and [one.key for one in index.releases] == keys
    for nonsense in ["x", {"myapp": 3}, {"myapp": "abc"}, [], {"other": keys}, {"myapp": [{"a": 1}]}]:
        attacker.announce(attacker.load("targets").signed.version, **{HELD: nonsense})
        assert [one.key for one in customer.releases().index().releases] == keys


def test_the_hub_says_that_a_license_ended_and_lies_on_the_terminal(attacker, vendor, customer):
    """Refusals are the hub's words: they are bounded and cannot play tricks."""
    from discode.adapters.hub_api import told_by

    class Answer(httpx.Response):
        def __init__(self, told):
            super().__init__(403)
            self._told = told

        def json(self, **_):
            return self._told

    key, sentence, step = told_by(
        Answer({"error": {"key": "x\n\x1b[31m", "sentence": "\x1b[2J" + "y" * 9999, "next_step": "a\nb"}})
    )
    assert key == "" and "\x1b" not in sentence and len(sentence) <= 500 and "\n" not in step
    for told in (None, [], {"error": []}, {"error": {"key": 1}}, "x"):
        assert told_by(Answer(told)) == ("", "", "")


def test_after_every_attack_the_honest_hub_is_believed_again(attacker, vendor, customer):
    targets = evil_targets(attacker)
    attacker.sign(targets)
    attacker.announce(targets.version)
    assert error_of(customer) == "signature-invalid"
    attacker.drop("targets", targets.version - 1)
    vendor.publish("1.2", "print(12)")
    assert customer.versions()[-1] == "1.2"
    assert hashlib.sha256(fetch(customer.releases()).read_bytes()).hexdigest() in json.dumps(
        attacker.load("targets").signed.to_dict()
    )


def test_every_error_is_one_that_a_person_can_act_on(attacker, customer):
    attacker.announce(attacker.load("targets").signed.version, days=-1)
    with pytest.raises(DiscodeError) as refused:
        customer.versions()
    assert refused.value.next_step and refused.value.exit_code == 4


def test_old_releases_for_a_new_machine_are_refused_by_the_installers_floor(attacker, vendor, tmp_path):
    """The one thing that a stolen online key can do alone: show a machine that has seen nothing what was long ago."""
    newest = attacker.load("targets").signed.version
    root = attacker.body("root")
    attacker.announce(newest - 1)
    without = Customer(tmp_path / "without", vendor.place.url)
    assert without.versions() == ["1.0"], "nothing can be known against it"
    customer = Customer(tmp_path / "new", vendor.place.url)
    give(customer.home, vendor.place.url, [root], newest)
    assert error_of(customer) == "metadata-rollback"
    attacker.announce(newest)
    assert customer.versions() == ["1.0", "1.1"] and not customer.notes, "the root was brought, not found"
    give(customer.home, vendor.place.url, [root], 1)
    assert floor_of(customer.home, vendor.place.url) == {"targets": newest}, "a floor only rises"


def test_a_root_of_somebody_else_for_a_new_machine(attacker, vendor, tmp_path):
    honest, thief = attacker.body("root"), HubVendor(tmp_path / "thief", attacker.place)
    thief.repository._keys.make(online=False)
    key = attacker.hub.keys.online.public_key
    forged = thief.repository._first_root({"keyid": key.keyid, **key.to_dict()})
    attacker.put("root", 1, _signed(Metadata(forged), thief.repository._keys, "root"))
    targets = evil_targets(attacker)
    metadata = Metadata(targets)
    for signer in thief.repository._keys.signers("targets"):
        metadata.sign(signer)
    attacker.put("targets", targets.version, metadata.to_bytes())
    attacker.announce(targets.version)
    customer = Customer(tmp_path / "new", vendor.place.url)
    give(customer.home, vendor.place.url, [honest], 0)
    assert error_of(customer) == "signature-invalid"


class TestAfterTheVendorsRecovery:
    """The thief had the online key and signed what would freeze every customer; the vendor's next root names another
    key. TUF specification 5.3.11."""

    FAR = 10**9

    @pytest.fixture
    def frozen(self, attacker, vendor, customer):
        """A customer who has seen the thief's versions."""
        targets = attacker.load("targets").signed.version
        attacker.announce(targets, snapshot_version=self.FAR, timestamp_version=self.FAR)
        assert customer.versions() == ["1.0", "1.1"], "they are as the vendor's, but for the numbers"
        attacker.drop("snapshot", self.FAR - 1)
        attacker.drop("timestamp", self.FAR - 1)
        assert error_of(customer) == "metadata-rollback", "as long as the root is the same"
        return customer

    @pytest.fixture
    def recover(self, attacker, vendor):
        def act(*, with_new_key=True):
            if with_new_key:
                vendor.repository.rotate("online")
            else:
                root = attacker.load("root").signed
                root.version += 1
                attacker.put("root", root.version, _signed(Metadata(root), vendor.repository._keys, "root"))
            vendor.publish("1.2", "print(12)")

        return act

    def test_customers_go_on(self, frozen, recover):
        recover()
        assert frozen.versions() == ["1.0", "1.1", "1.2"]

    @pytest.mark.parametrize("lost", ["metadata", "online.json", "metadata/root.json"])
    def test_also_those_who_lost_something_or_come_from_an_earlier_version(self, frozen, recover, lost):
        for path in frozen.home.glob(f"apps/myapp/trust/*/{lost}"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        recover()
        assert frozen.versions() == ["1.0", "1.1", "1.2"]

    def test_a_new_root_with_the_same_key_lifts_no_floor(self, frozen, recover):
        recover(with_new_key=False)
        assert error_of(frozen) == "metadata-rollback"

    def test_what_the_thief_signs_then_is_not_believed(self, attacker, vendor, frozen, recover):
        thiefs = vendor.place.hub.keys.online
        recover()
        assert frozen.versions()[-1] == "1.2"
        timestamp = attacker.load("timestamp").signed
        timestamp.version = self.FAR + 1
        forged = Metadata(timestamp)
        forged.sign(thiefs)
        attacker.put("timestamp", timestamp.version, forged.to_bytes())
        assert error_of(frozen) == "signature-invalid"

    def test_the_new_floor_holds(self, attacker, frozen, recover):
        recover()
        assert frozen.versions()[-1] == "1.2"
        old = attacker.body("timestamp")
        attacker.announce(attacker.load("targets").signed.version)
        assert frozen.versions()[-1] == "1.2"
        attacker.drop("timestamp", Metadata.from_bytes(old).signed.version)
        for folder in frozen.home.glob("apps/myapp/trust/*/metadata"):
            shutil.rmtree(folder)
        assert error_of(frozen) == "metadata-rollback"
