"""The chain of roots: a hub that is lost and made again, keys that change, a root that ends."""

import base64
import hashlib
import os
import shutil

import httpx
import pytest
from conftest_hub import HubVendor, Place
from conftest_source import Customer
from securesystemslib.signer import CryptoSigner
from test_compromised import Attacker
from tuf.api.metadata import Metadata, Root

from discode.adapters.repository import HubRepository, import_chain
from discode.adapters.repository.roots import names_of
from discode.adapters.source import give
from discode.core.errors import DiscodeError
from discode.hub.backup import backup, restore
from discode.hub.config import SQLITE
from discode.hub.models import MetadataFile


@pytest.fixture
def vendor(small_vendor):
    small_vendor.publish("1.1", "print(11)")
    return small_vendor


@pytest.fixture
def customer(vendor, tmp_path):
    made = Customer(tmp_path / "home", vendor.place.url)
    assert made.versions() == ["1.0", "1.1"]
    return made


@pytest.fixture
def make_hub(tmp_path):
    """Another hub, at the address of one that is gone."""
    made = []

    def make(old):
        old.close()
        place = Place(tmp_path / f"hub-{len(made) + 2}", port=old.port)
        made.append(place)
        place.serve()
        return place

    yield make
    for place in made:
        place.close()


def move(vendor, place):
    vendor.place = place
    vendor.repository = HubRepository(place.url, place.token, vendor.keys)


def opened(vendor):
    vendor.place.call("PUT", "/api/v1/apps/myapp", json={"access": "public"})


def refusal(call, *words):
    with pytest.raises(DiscodeError) as refused:
        call(*words)
    return refused.value


def keys_alone(vendor):
    (vendor.keys / "hub.json").unlink()
    shutil.rmtree(vendor.keys / "chain")


def metadata(place, name):
    return httpx.get(f"{place.url}/metadata/{name}", timeout=60)


def root(place, version):
    return Metadata[Root].from_bytes(metadata(place, f"{version}.root.json").content).signed


def served(place):
    """Names of what is cached for ever."""
    with place.hub.database.read() as session:
        return {f"{one.version}.{one.role}.json" for one in session.query(MetadataFile) if one.role != "timestamp"}


def test_keys_that_have_published_go_on_from_their_root(vendor, customer, make_hub):
    first = metadata(vendor.place, "1.root.json").content
    seen = served(vendor.place)
    move(vendor, make_hub(vendor.place))
    refused = refusal(vendor.publish, "1.2")
    assert refused.name == "no-repository" and "Go on from what they trust: discode release init" in refused.next_step
    begun = vendor.repository.init()
    assert (begun.continued, begun.root, begun.lost) == (True, 2, ("myapp",))
    assert begun.fingerprint == hashlib.sha256(first).hexdigest()
    assert metadata(vendor.place, "1.root.json").content == first
    vendor.publish("1.2")
    assert served(vendor.place) & seen == {"1.root.json"}, (
        "of what never changes, caches between would have the old one"
    )
    opened(vendor)
    assert customer.versions() == ["1.2"]
    assert refusal(vendor.repository.init).name == "repository-exists"


def test_another_first_root_is_not_made_by_keys_that_have_lost_their_chain(vendor, customer, make_hub):
    keys_alone(vendor)
    move(vendor, make_hub(vendor.place))
    refused = refusal(vendor.repository.init)
    assert refused.name == "keys-exist" and "discode release chain import SOURCE" in refused.next_step
    assert metadata(vendor.place, "1.root.json").status_code == 404
    import_chain(str(customer.home), vendor.keys)
    assert vendor.repository.init().continued
    vendor.publish("1.2")
    opened(vendor)
    assert customer.versions() == ["1.2"]


def test_keys_that_never_published_may_begin(small_place, tmp_path):
    small_place.serve()
    vendor = HubVendor(tmp_path / "vendor", small_place)
    vendor.repository._keys.make(online=False)
    assert refusal(vendor.repository.init).name == "keys-exist"
    assert not vendor.repository.init(new_root=True).continued
    assert vendor.publish("1.0").is_new


def test_the_chain_comes_from_a_mirror_too(vendor, tmp_path):
    vendor.repository.rotate("online")
    names = ["1.root.json", "2.root.json", "timestamp.json"]
    names += [f"{role['version']}.{name}" for name, role in _meta(vendor.place)]
    folder = tmp_path / "mirror" / "metadata"
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_bytes(metadata(vendor.place, name).content)
    known = vendor.repository.trusted()
    for source in (str(folder.parent), vendor.place.url):
        shutil.rmtree(vendor.keys / "chain")
        done = import_chain(source, vendor.keys)
        assert (done.fingerprint, done.root) == (known.fingerprint, 2)
        assert done.targets == vendor.repository._current().version


def _meta(place):
    timestamp = metadata(place, "timestamp.json").json()["signed"]["meta"]
    yield "snapshot.json", timestamp["snapshot.json"]
    snapshot = metadata(place, f"{timestamp['snapshot.json']['version']}.snapshot.json").json()["signed"]["meta"]
    yield "targets.json", snapshot["targets.json"]


def test_a_damaged_copy_is_told_and_replaced(vendor, tmp_path):
    vendor.repository.rotate("online")
    (vendor.keys / "chain" / "2.root.json").write_text("{}")
    (vendor.keys / "chain" / "targets.json").write_text("{}")
    refused = refusal(vendor.publish, "1.2")
    assert refused.name == "chain-damaged" and "discode release chain import SOURCE --keys" in refused.next_step
    done = import_chain(vendor.place.url, vendor.keys)
    assert (done.root, done.targets) == (2, vendor.repository._current().version)
    assert vendor.publish("1.2").is_new


def test_a_copy_that_cannot_be_written_stops_no_publish_and_is_told(vendor, tmp_path):
    shutil.rmtree(vendor.keys / "chain")
    (vendor.keys / "chain").write_text("in the way")
    assert vendor.publish("1.2").is_new
    assert "chain of roots has to come from a mirror" in vendor.repository.trusted().trouble
    assert refusal(import_chain, vendor.place.url, vendor.keys).name == "no-permission"


def test_a_strangers_chain_is_not_imported(vendor, tmp_path):
    other = HubVendor(tmp_path / "other", vendor.place)
    other.repository._keys.make(online=False)
    refused = refusal(import_chain, vendor.place.url, other.keys)
    assert refused.name == "root-unknown" and not (other.keys / "chain").exists()
    (tmp_path / "empty").mkdir()
    assert refusal(import_chain, str(tmp_path / "empty"), vendor.keys).name == "no-chain"


def test_nothing_is_published_where_customers_would_not_believe_it(vendor, make_hub, tmp_path):
    """A hub with a first root of its own, as an earlier Discode's init made it there."""
    place = make_hub(vendor.place)
    copy = shutil.copytree(vendor.keys, tmp_path / "copy")
    shutil.rmtree(copy / "chain")
    HubRepository(place.url, place.token, copy).init(new_root=True)
    before = metadata(place, "timestamp.json").content
    move(vendor, place)
    for call in (lambda: vendor.publish("1.2"), vendor.repository.renew, vendor.repository.init):
        refused = refusal(call)
        assert refused.name == "root-unknown" and "your customers trust" in refused.sentence
    assert metadata(place, "timestamp.json").content == before
    assert "Set up an empty hub" in refused.next_step
    move(vendor, make_hub(place))
    assert vendor.repository.init().continued


def test_another_machine_with_the_keys_learns_the_chain_from_the_hub(vendor, customer, tmp_path):
    vendor.repository.rotate("online")
    for names in (["targets"], ["root-1", "root-2", "targets"]):
        other = HubVendor(tmp_path / str(len(names)), vendor.place)
        other.keys.mkdir(parents=True)
        for name in names:
            shutil.copy(vendor.keys / f"{name}.pem", other.keys)
        other.publish(f"1.{len(names) + 1}", f"print({len(names)})")
        assert (other.keys / "chain" / "2.root.json").exists()
        assert customer.versions()[-1] == f"1.{len(names) + 1}"
    vendor.publish("1.9", "print(19)")
    assert customer.versions()[-1] == "1.9"


def test_a_hub_from_an_old_backup_is_brought_up_to_date(vendor, customer, tmp_path):
    backup(vendor.place.hub, tmp_path / "backup.tar")
    vendor.repository.rotate("online")
    vendor.publish("1.2", "print(12)")
    assert customer.versions() == ["1.0", "1.1", "1.2"]
    restore(tmp_path / "backup.tar", tmp_path / "again", SQLITE)
    vendor.place.close()
    vendor.place.folder = tmp_path / "again"
    vendor.place.reopen()
    vendor.place.serve()
    seen = served(vendor.place)
    refused = refusal(vendor.publish, "1.3")
    assert refused.name == "repository-behind" and "discode release init --hub" in refused.next_step
    begun = vendor.repository.init()
    assert (begun.continued, begun.root, begun.lost) == (True, 3, ("myapp",))
    new = sorted(int(name.partition(".")[0]) for name in served(vendor.place) - seen if "root" not in name)
    assert new and new[0] > 10**6, "what the lost one signed after the backup may be cached under the next numbers"
    vendor.publish("1.2", "print(12)")
    assert Customer(customer.home, customer.source).versions() == ["1.0", "1.1", "1.2"]


def test_a_backup_of_the_time_of_this_root(vendor, customer, tmp_path):
    """Then only the releases are behind."""
    backup(vendor.place.hub, tmp_path / "backup.tar")
    vendor.publish("1.2", "print(12)")
    assert customer.versions()[-1] == "1.2"
    restore(tmp_path / "backup.tar", tmp_path / "again", SQLITE)
    vendor.place.close()
    vendor.place.folder = tmp_path / "again"
    vendor.place.reopen()
    vendor.place.serve()
    refused = refusal(vendor.publish, "1.3")
    assert refused.name == "metadata-rollback" and "discode release init --hub" in refused.next_step
    assert vendor.repository.init().root == 2
    vendor.publish("1.3", "print(13)")
    assert Customer(customer.home, customer.source).versions() == ["1.0", "1.1", "1.3"]


def test_a_hub_that_kept_its_keys_gets_another_one_all_the_same(vendor, customer, make_hub):
    """Its timestamps begin anew, and by the key of before they would be old."""
    kept = (vendor.place.folder / "keys" / "online.pem").read_bytes()
    place = make_hub(vendor.place)
    (place.folder / "keys" / "online.pem").write_bytes(kept)
    move(vendor, place)
    assert vendor.repository.init().root == 2
    assert not (place.folder / "keys" / "online.pem").exists(), "no root names it any more"
    vendor.publish("1.2")
    opened(vendor)
    assert customer.versions() == ["1.2"]


def test_an_init_that_did_not_arrive_is_repeated(small_place, tmp_path):
    vendor = HubVendor(tmp_path / "vendor", small_place)
    small_place.serve()
    api = vendor.repository._api
    away = HubRepository(small_place.url, "dht_" + "a" * 8 + "_" + "b" * 32, vendor.keys)  # a token that it refuses
    assert refusal(away.init).name == "bad-token"
    assert api.fetch("/metadata/1.root.json") is None and (vendor.keys / "chain" / "1.root.json").exists()
    begun = vendor.repository.init()
    assert (begun.root, begun.continued) == (1, False)
    assert vendor.publish("1.0").is_new


def test_on_both_databases(hub_vendor, tmp_path):
    customer = Customer(tmp_path / "home", hub_vendor.place.url)
    for number, role in enumerate(("online", "targets", "root"), 1):
        hub_vendor.repository.rotate(role)
        hub_vendor.publish(f"2.{number}", f"print({number})")
        assert customer.versions()[-1] == f"2.{number}"
    assert {key.role for key in hub_vendor.repository.trusted().keys} == {"online", "targets", "root"}


class TestRotation:
    def test_of_every_role_goes_unnoticed(self, vendor, customer, tmp_path):
        ages = [customer]
        for number, role in enumerate(("online", "targets", "root"), 2):
            before = {key.identity for key in vendor.repository.trusted().keys if key.role == role}
            done = vendor.repository.rotate(role)
            assert done.root == number and not before & set(done.identities)
            assert {key.identity for key in vendor.repository.trusted().keys if key.role == role} == set(
                done.identities
            )
            vendor.publish(f"2.{number}", f"print({number})")
            for one in [*ages, made := Customer(tmp_path / role, vendor.place.url)]:
                assert one.versions()[-1] == f"2.{number}"
            ages.append(made)

    @pytest.mark.parametrize(("role", "names"), [("targets", ["targets"]), ("root", ["root-1", "root-2"])])
    def test_keeps_what_was_before_aside(self, vendor, role, names):
        old = [(vendor.keys / f"{name}.pem").read_bytes() for name in names]
        done = vendor.repository.rotate(role)
        assert [path.read_bytes() for path in done.retired] == old
        assert [(vendor.keys / f"{name}.pem").read_bytes() in old for name in names] == [False] * len(names)
        assert list(vendor.keys.glob("*.next.pem")) == []
        assert {path.stat().st_mode & 0o777 for path in vendor.keys.rglob("*.pem")} == {0o600}

    @pytest.mark.parametrize("role", ["targets", "root"])
    def test_that_was_cut_off_before_it_was_sent_goes_on_with_the_same_keys(self, vendor, customer, role):
        prepared = vendor.repository._keys.prepare(names_of(role))
        vendor.publish("1.2", "print(12)")
        assert customer.versions()[-1] == "1.2", "nothing uses them before"
        done = vendor.repository.rotate(role)
        assert done.identities == tuple(signer.public_key.keyid for signer in prepared)
        vendor.publish("1.3", "print(13)")
        assert customer.versions()[-1] == "1.3"

    @pytest.mark.parametrize("again", ["the same command", "a publish"])
    @pytest.mark.parametrize("role", ["targets", "root"])
    def test_that_was_cut_off_when_the_hub_had_it_is_finished_by_the_next(self, vendor, customer, role, again):
        """The files as they are then."""
        kept = shutil.copytree(vendor.keys, vendor.folder / "kept")
        vendor.repository.rotate(role)
        new = {name: (vendor.keys / f"{name}.pem").read_bytes() for name in names_of(role)}
        shutil.rmtree(vendor.keys)
        kept.rename(vendor.keys)
        for name, data in new.items():
            (vendor.keys / f"{name}.next.pem").write_bytes(data)
        if again == "the same command":
            assert vendor.repository.rotate(role).root == 2, "not once more"
        vendor.publish("1.2", "print(12)")
        assert {name: (vendor.keys / f"{name}.pem").read_bytes() for name in new} == new
        assert customer.versions()[-1] == "1.2"

    def test_without_a_root_key_says_what_cannot_be_done(self, vendor):
        (vendor.keys / "root-2.pem").unlink()
        refused = refusal(vendor.repository.rotate, "online")
        assert refused.name == "root-key-missing"
        assert (
            f"{vendor.keys} has 1 of the 2 root keys" in refused.sentence
            and "no key can be changed" in refused.sentence
        )
        assert "Restore root-1.pem and root-2.pem from your backup" in refused.next_step
        assert vendor.publish("1.2").is_new, "releases need the other key alone"

    def test_after_the_theft_of_targets_and_online_key_customers_go_on(self, vendor, customer):
        """The thief of both signs versions that no later one exceeds."""
        attacker = Attacker(vendor.place)
        targets = attacker.load("targets").signed
        targets.version = 10**9
        metadata = Metadata(targets)
        for signer in vendor.repository._keys.signers("targets"):
            metadata.sign(signer)
        attacker.put("targets", targets.version, metadata.to_bytes())
        attacker.announce(targets.version)
        assert customer.versions() == ["1.0", "1.1"]
        attacker.drop("targets", 10**9 - 1)
        vendor.repository.rotate("targets")
        vendor.repository.rotate("online")
        vendor.publish("1.2")
        assert customer.versions() == ["1.0", "1.1", "1.2"]

    def test_the_key_of_before_signs_nothing_more(self, vendor, customer):
        attacker, old = Attacker(vendor.place), vendor.repository._keys.signers("targets")
        vendor.repository.rotate("targets")
        assert customer.versions() == ["1.0", "1.1"]
        targets = attacker.load("targets").signed
        targets.version += 1
        metadata = Metadata(targets)
        metadata.sign(old[0])
        attacker.put("targets", targets.version, metadata.to_bytes())
        attacker.announce(targets.version)
        assert refusal(customer.versions).name == "signature-invalid"

    def test_without_the_passphrase_makes_no_key(self, vendor):
        """It would be made without one."""
        os.environ["DISCODE_KEY_PASSPHRASE"] = "open sesame"
        try:
            locked = HubVendor(vendor.folder / "locked", vendor.place)
            locked.repository._keys.make(online=False)
        finally:
            del os.environ["DISCODE_KEY_PASSPHRASE"]
        for path in locked.keys.iterdir():
            path.replace(vendor.keys / path.name)
        assert refusal(vendor.repository.rotate, "targets").name == "key-locked"
        assert list(vendor.keys.glob("*.next.pem")) == []


class TestTheHub:
    def post(self, vendor, roots, targets=None, status=422, **more):
        told = {"roots": [base64.b64encode(one).decode() for one in roots], **more}
        if targets is not None:
            told["targets"] = base64.b64encode(targets).decode()
        return vendor.place.refusal("POST", "/api/v1/roots", status, json=told)

    def next_root(self, vendor, **replaced):
        roots = vendor.repository._roots
        return roots.next(vendor.repository._chain(), replaced).roots[-1]

    def test_takes_no_root_under_which_nothing_that_is_published_counts(self, vendor, customer):
        other = CryptoSigner.generate_ed25519()
        data = self.next_root(vendor, targets=[other.public_key])
        assert self.post(vendor, [data], status=409) == "targets-key"
        assert vendor.place.refusal("POST", "/api/v1/root", 409, content=data) == "targets-key"
        assert metadata(vendor.place, "2.root.json").status_code == 404
        assert customer.versions() == ["1.0", "1.1"]

    def test_takes_all_of_a_chain_or_nothing(self, vendor):
        good = self.next_root(vendor)
        assert self.post(vendor, [good, b"garbage"]) == "metadata-malformed"
        assert self.post(vendor, [good, good.replace(b'"version":2', b'"version":3')]) == "signature-invalid"
        assert self.post(vendor, [good], b"garbage") == "metadata-malformed"
        assert vendor.place.refusal("POST", "/api/v1/roots", 422, json={"roots": ["*"]}) == "metadata-malformed"
        stranger = CryptoSigner.generate_ed25519().public_key
        assert self.post(vendor, [self.next_root(vendor, timestamp=[stranger])]) == "online-key"
        assert metadata(vendor.place, "2.root.json").status_code == 404

    def test_takes_versions_that_skip_some_only_from_who_says_over_what(self, vendor):
        targets = vendor.repository._current()
        targets.version += 7
        data = vendor.repository._signed_targets(targets, vendor.repository._keys.signers("targets"))
        assert self.post(vendor, [], data, 409) == "version-passed"
        assert self.post(vendor, [], data, 409, base=targets.version - 8) == "version-passed"
        told = {"roots": [], "targets": base64.b64encode(data).decode(), "base": targets.version - 7}
        assert vendor.place.call("POST", "/api/v1/roots", json=told)["version"] == 1
        assert vendor.place.call("POST", "/api/v1/roots", json=told)["version"] == 1, "again is no harm"


class TestARootThatEnds:
    @pytest.fixture
    def year_ago(self, small_place, tmp_path):
        """A vendor who began a year and a day ago."""
        small_place.serve()
        small_place.clock.ahead = -366 * 86400
        vendor = HubVendor(tmp_path / "vendor", small_place)
        vendor.repository = vendor.at(days=-366)
        vendor.begin()
        small_place.clock.ahead = 0
        vendor.repository = vendor.at(days=0)
        return vendor

    def test_is_renewed_by_publish_where_its_keys_are(self, year_ago, tmp_path):
        customer = Customer(tmp_path / "home", year_ago.place.url)
        assert refusal(customer.versions).name == "metadata-expired"
        year_ago.publish("1.1", "print(11)")
        assert customer.versions() == ["1.0", "1.1"]
        assert root(year_ago.place, 2).expires > root(year_ago.place, 1).expires

    def test_is_renewed_by_a_publish_that_has_nothing_to_do_and_by_a_yank(self, year_ago, tmp_path):
        assert not year_ago.publish("1.0").is_new
        assert metadata(year_ago.place, "2.root.json").status_code == 200

    def test_nothing_is_published_where_they_are_not(self, year_ago):
        for name in ("root-1", "root-2"):
            (year_ago.keys / f"{name}.pem").rename(year_ago.folder / f"{name}.pem")
        before = metadata(year_ago.place, "timestamp.json").content
        for call in (lambda: year_ago.publish("1.1"), lambda: year_ago.publish("1.0"),
                     lambda: year_ago.withdraw("1.0", "bad")):  # fmt: skip
            refused = refusal(call)
            assert refused.name == "root-expired" and refused.exit_code == 4
            assert "discode release renew --hub" in refused.next_step
        assert metadata(year_ago.place, "timestamp.json").content == before

    def test_the_hub_refuses_it_too(self, year_ago):
        targets = year_ago.repository._current()
        targets.version += 1
        targets.expires = year_ago.repository._roots.expiry("targets")
        data = year_ago.repository._signed_targets(targets, year_ago.repository._keys.signers("targets"))
        assert year_ago.place.refusal("POST", "/api/v1/publish", 409, content=data) == "root-expired"


def test_a_new_machine_does_not_believe_the_keys_of_an_earlier_root(vendor, tmp_path):
    """The thief of root keys that were changed since then, who has the hub, too."""
    old = shutil.copytree(vendor.keys, tmp_path / "old")
    vendor.repository.rotate("root")
    roots = [metadata(vendor.place, f"{n}.root.json").content for n in (1, 2)]
    thief = HubRepository(vendor.place.url, vendor.place.token, old)
    forged = thief._roots.next(thief._roots.kept.chain(), {}).roots[-1]
    attacker = Attacker(vendor.place)
    attacker.put("root", 2, forged)
    careful = Customer(tmp_path / "careful", vendor.place.url)
    give(careful.home, vendor.place.url, roots, 0)
    pin = hashlib.sha256(roots[0]).hexdigest()
    assert careful.releases(pin).index().releases[-1].version == "1.1"
    cached = list(careful.home.glob("apps/myapp/trust/*/metadata/root_history/2.root.json"))
    assert [path.read_bytes() for path in cached] == [roots[1]]


def test_the_floor_of_an_installer_ends_with_the_key_that_signed_it(vendor, tmp_path):
    first = metadata(vendor.place, "1.root.json").content
    held, freed = (Customer(tmp_path / name, vendor.place.url) for name in ("held", "freed"))
    for one in (held, freed):
        give(one.home, vendor.place.url, [first], 10**6)
    assert refusal(held.versions).name == "metadata-rollback"
    vendor.repository.rotate("online")
    assert refusal(held.versions).name == "metadata-rollback", "the targets' key is the same"
    vendor.repository.rotate("targets")
    assert freed.versions() == held.versions() == ["1.0", "1.1"]
