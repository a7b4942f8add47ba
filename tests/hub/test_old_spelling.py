"""What was stored while `license` was spelled with two c's is read, and spelled anew when it is written."""

import io
import json
import tarfile

import jwt
from conftest_hub import HubVendor
from sqlalchemy import text
from test_licenses import Licensee

from discode.core.lease import ALGORITHM, OLD_SPELLING, TYPE
from discode.hub.backup import TABLES, backup, restore
from discode.hub.database import Database


def test_a_customers_file_and_the_lease_in_it(small_place, tmp_path):
    small_place.serve()
    vendor = HubVendor(tmp_path / "vendor", small_place)
    vendor.begin("licensed")
    customer = Licensee(tmp_path / "home", vendor)
    held = customer.activate(vendor.issue()[1])
    [file] = customer.home.glob("apps/myapp/license.json")
    old = file.rename(file.with_name(f"{OLD_SPELLING}.json"))
    fields = json.loads(old.read_text())
    claims = jwt.decode(held.lease, options={"verify_signature": False})
    claims[OLD_SPELLING], fields[OLD_SPELLING] = claims.pop("license"), fields.pop("license")
    fields["lease"] = jwt.encode(claims, small_place.hub.keys.lease, ALGORITHM, headers={"typ": TYPE})
    old.write_text(json.dumps(fields))
    found = customer.licenses.of("myapp")
    assert (found.license, found.installation) == (held.license, held.installation)
    assert found.lease_at(small_place.clock()).license == held.license
    assert customer.versions() == ["1.0"]
    assert customer.licenses.renewed("myapp").license == held.license
    assert json.loads(file.read_text())["license"] == held.license and not old.exists()
    file.rename(old)
    customer.licenses.deactivate("myapp")
    assert customer.licenses.of("myapp") is None


def test_a_database(place):
    """Its tables go back to the revision before, then forward with what is in them."""
    with place.hub.database.engine.begin() as connection:
        for line in _OLD_TABLES.strip().split(";"):
            connection.exec_driver_sql(line)
    place.hub.database.migrate()
    place.hub.database.check()
    told = place.call("GET", "/api/v1/licenses/q3k7m2xa")
    assert (told["customer"], told["channels"], told["reason"]) == ("Example", ["stable"], None)
    assert [seat["installation"] for seat in told["installations"]] == ["a" * 32]
    with place.hub.database.engine.connect() as connection:
        moved = connection.execute(text("SELECT * FROM activations")).mappings().all()
    assert [dict(row) for row in moved] == [{"license": "q3k7m2xa", "installation": "a" * 32, "at": 5.5, "seen": 6.5}]


def test_a_backup(small_place, tmp_path):
    vendor = HubVendor(tmp_path / "vendor", small_place)
    small_place.serve()
    vendor.begin("licensed")
    identity, key = vendor.issue()
    Licensee(tmp_path / "home", vendor).activate(key)
    backup(small_place.hub, tmp_path / "new.tar")
    _respell(tmp_path / "new.tar", tmp_path / "old.tar")
    restore(tmp_path / "old.tar", tmp_path / "again", None)
    database = Database("sqlite:///hub.db", tmp_path / "again")
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT id FROM licenses")).scalars().all() == [identity]
        assert connection.execute(text("SELECT license FROM activations")).scalars().all() == [identity]
    database.close()


def _respell(new, old):
    with tarfile.open(new) as source, tarfile.open(old, "w") as target:
        for member in source.getmembers():
            data = source.extractfile(member).read() if member.isfile() else b""
            if member.name == TABLES:
                assert b'"licenses"' in data and b'"license":' in data
                data = data.replace(b'"license', f'"{OLD_SPELLING}'.encode())
            member.size = len(data)
            target.addfile(member, io.BytesIO(data))


_OLD_TABLES = f"""
DROP INDEX ix_reports_seat;
ALTER TABLE reports DROP COLUMN seat;
DROP TABLE accessory_images;
DROP TABLE activations;
DROP TABLE licenses;
CREATE TABLE {OLD_SPELLING}s (
    id VARCHAR(16) NOT NULL, hash VARCHAR(64) NOT NULL, app VARCHAR(40) NOT NULL, customer VARCHAR(100) NOT NULL,
    channels JSON NOT NULL, seats INTEGER NOT NULL, lease_days INTEGER NOT NULL, created FLOAT NOT NULL,
    expires FLOAT, revoked FLOAT, reason VARCHAR(500), CONSTRAINT pk_{OLD_SPELLING}s PRIMARY KEY (id));
CREATE INDEX ix_{OLD_SPELLING}s_app ON {OLD_SPELLING}s (app);
CREATE TABLE activations (
    {OLD_SPELLING} VARCHAR(16) NOT NULL, installation VARCHAR(32) NOT NULL, at FLOAT NOT NULL, seen FLOAT NOT NULL,
    CONSTRAINT fk_activations_{OLD_SPELLING} FOREIGN KEY ({OLD_SPELLING}) REFERENCES {OLD_SPELLING}s (id),
    CONSTRAINT pk_activations PRIMARY KEY ({OLD_SPELLING}, installation));
INSERT INTO {OLD_SPELLING}s (id, hash, app, customer, channels, seats, lease_days, created)
    VALUES ('q3k7m2xa', 'x', 'myapp', 'Example', '["stable"]', 2, 14, 1.5);
INSERT INTO activations VALUES ('q3k7m2xa', '{"a" * 32}', 5.5, 6.5);
UPDATE alembic_version SET version_num = '0004'
"""
