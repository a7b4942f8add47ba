"""What an app has beside it: as a vendor writes it, as a release has it, and what the app is told of it."""

import json
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from discode.core.accessory import volume_of
from discode.core.accessory_kinds import KINDS, is_older
from discode.core.accessory_plan import check_accessories
from discode.core.artifact import Image
from discode.core.errors import ManifestError, PreflightError, Refused, UsageError
from discode.core.external import check_accessories_run, told_of_moves, wanted_accessories
from discode.core.installation import Installation
from discode.core.manifest import Manifest
from discode.core.model import ValidationError
from discode.core.release import IndexEntry, Release, read_manifest, release_key
from discode.core.settings import accessory_environment, change, complete, environment, listed, secrets
from discode.core.vendor_file import parse_vendor_file

DIGEST = Image(repository="registry.example.com/acme/it", digest=f"sha256:{'0' * 64}")
ALONE = """\
app: myapp
version: 1.2.0
image: registry.example.com/acme/myapp
port: 3000
volumes: {storage: /storage}
processes: {worker: [jobs]}
update: {strategy: hold}
"""
GOOD = (
    ALONE
    + """\
accessories:
  db: {postgres: "16"}
  sql: {mariadb: 11.4, command: [--max-connections=50]}
  cache: {redis: 7, image: registry.example.com/acme/redis, resources: {memory: 64MB}, health: {deadline: 5m}}
  store: {valkey: "8.1"}
  mail:
    image: registry.example.com/acme/smtp:1.4
    port: 25
    volumes: {spool: /spool}
    env: {RELAY: "${SMTP}", SECRET: "${password}", LIMIT: 010, SWITCH: "yes"}
    health: {path: /ping, timeout: 2s}
env:
  SMTP: {ask: "Which?", default: relay.test}
  DATABASE_URL: {accessory: db}
  SQL_URL: {accessory: sql, scheme: mysql2}
  REDIS_URL: {accessory: cache}
  CABLE_URL: "${REDIS_URL}?db=1"
  STORE: {accessory: store}
  MAIL: {accessory: mail, scheme: smtp}
  DB_HOST: {accessory: db, form: host}
  DB_PORT: {accessory: db, form: port}
  DB_USER: {accessory: db, form: user}
  DB_PASSWORD: {accessory: db, form: password}
  DB_NAME: {accessory: db, form: database}
backup: {exclude: [storage/tmp/], before: [bin/quiesce], after: [bin/resume]}
"""
)


def manifest(text=GOOD, version="1.2.0", artifact=DIGEST, schema=4):
    spec = parse_vendor_file(text)
    fields = {name: getattr(spec, name) for name in spec.__struct_fields__ if name in Manifest.__struct_fields__}
    own = {"manifest_schema": schema, "version": version, "artifact": artifact, "volumes": spec.volume_paths}
    made = {name: one.released(DIGEST) for name, one in spec.accessories.items()}
    return Manifest.checked(**{**fields, **own, "processes": spec.commands, "doors": {}, "accessories": made})


def problems(text):
    with pytest.raises(ManifestError) as refused:
        parse_vendor_file(text)
    return list(refused.value.problems)


def test_two_lines_are_a_whole_database():
    db = manifest().accessories["db"]
    assert (db.kind, db.version, db.port, db.volumes) == ("postgres", "16", 5432, {"data": "/var/lib/postgresql/data"})
    assert db.env["PGUSER"] == db.env["POSTGRES_USER"] == "app" and db.env["POSTGRES_PASSWORD"] == "${password}"
    assert db.health.command == ["psql", "-h", "127.0.0.1", "-XAtqw", "-c", "select 1"] and db.stop_signal == "SIGINT"
    assert volume_of("db", db, "data") == "db.data.16"


def test_what_the_vendor_says_of_a_kind_is_kept():
    found = manifest().accessories
    assert found["sql"].version == "11.4" and found["sql"].command == ["--max-connections=50"]
    cache = found["cache"]
    assert cache.version == "7" and cache.resources.memory == 64 * 2**20
    assert cache.health.deadline == 300 and cache.health.command == list(KINDS["redis"].health)
    mail = found["mail"]
    assert mail.kind is None and mail.env["LIMIT"] == "010" and mail.health.path == "/ping" and mail.health.timeout == 2
    named = manifest(
        GOOD.replace('{postgres: "16"}', '{postgres: "16", env: {POSTGRES_USER: rails, POSTGRES_DB: shop}}')
    )
    assert named.accessories["db"].env["PGUSER"] == "rails" and named.accessories["db"].env["PGDATABASE"] == "shop"
    assert environment(named, complete(named, {}, "x".__mul__))["DB_NAME"] == "shop"


def test_a_volume_is_where_the_image_of_that_version_has_it():
    text = GOOD.replace('postgres: "16"', "postgres: 18")
    assert manifest(text).accessories["db"].volumes == {"data": "/var/lib/postgresql"}


def test_the_image_of_a_kind_is_the_official_one_or_the_vendors():
    found = parse_vendor_file(GOOD).accessories
    assert found["db"].reference == "docker.io/library/postgres:16"
    assert found["cache"].reference == "registry.example.com/acme/redis:7"
    assert found["mail"].reference == "registry.example.com/acme/smtp:1.4"
    own = parse_vendor_file(GOOD.replace('{postgres: "16"}', '{postgres: "16", image: "r.test:5000/pg:16-vector"}'))
    assert own.accessories["db"].reference == "r.test:5000/pg:16-vector"


def test_a_password_is_in_an_environment_alone():
    """Not in what starts the server, and not in what asks it: everybody on the machine sees those."""
    made = manifest()
    settings = complete(made, {}, lambda digits: "5ecre7" * (digits // 6))
    secret = settings["DISCODE_PASSWORD_cache"]
    assert len(secret) == 48
    for name, one in made.accessories.items():
        assert "${password}" not in json.dumps([one.entrypoint, one.command, one.health.as_dict()])
        assert secret in accessory_environment(made, settings, name).values()
    assert accessory_environment(made, settings, "mail") == {
        "RELAY": "relay.test", "SECRET": secret, "LIMIT": "010", "SWITCH": "yes"
    }  # fmt: skip


def test_what_an_app_is_told():
    made = manifest()
    found = environment(made, complete(made, {}, lambda digits: "p"))
    assert found == {
        "SMTP": "relay.test", "DATABASE_URL": "postgresql://app:p@db:5432/app",
        "SQL_URL": "mysql2://app:p@sql:3306/app", "REDIS_URL": "redis://:p@cache:6379/0",
        "CABLE_URL": "redis://:p@cache:6379/0?db=1", "STORE": "redis://:p@store:6379/0", "MAIL": "smtp://mail:25",
        "DB_HOST": "db", "DB_PORT": "5432", "DB_USER": "app", "DB_PASSWORD": "p", "DB_NAME": "app",
    }  # fmt: skip
    address = urlsplit(environment(made, complete(made, {}, lambda digits: "a/b@c"))["DATABASE_URL"])
    assert unquote(address.password) == "a/b@c" and address.hostname == "db"


def test_a_password_is_made_once_and_never_shown():
    made = manifest()
    settings = complete(made, {}, lambda digits: "hidden")
    assert complete(made, settings, lambda digits: "other") == settings
    shown = {one.name: one for one in listed(made, settings)}
    assert set(shown) == set(made.env)
    assert {name for name, one in shown.items() if not one.is_secret} == {
        "SMTP", "DB_HOST", "DB_PORT", "DB_USER", "DB_NAME"
    }  # fmt: skip
    assert secrets(made, settings) >= {"DATABASE_URL", "DB_PASSWORD", "CABLE_URL"}
    for value in ("mine", None):
        with pytest.raises(UsageError, match="no setting named DISCODE_PASSWORD_db"):
            change(made, settings, {"DISCODE_PASSWORD_db": value})


def test_a_vendor_cannot_have_a_password_shown():
    text = GOOD
    for end in ("accessory: db}", "form: password}", "scheme: smtp}"):
        text = text.replace(end, f"{end[:-1]}, secret: false}}")
    made = manifest(text)
    hidden = secrets(made, complete(made, {}, lambda digits: "hidden"))
    assert hidden >= {"DATABASE_URL", "DB_PASSWORD"} and "MAIL" not in hidden


def test_whoever_has_a_database_gives_its_address():
    made = manifest(GOOD.replace("  DB_HOST", "  X_HOST").replace("form: host}", "form: host, secret: false}"))
    mine = {"REDIS_URL": "redis://mine", "STORE": "redis://own"}
    assert set(change(made, {}, mine)) == set(mine), "nobody forces anything"
    assert list(wanted_accessories(made, mine)) == ["db", "sql", "mail"]
    settings = complete(made, mine, lambda digits: "p")
    assert "DISCODE_PASSWORD_cache" not in settings and "DISCODE_PASSWORD_db" in settings
    assert environment(made, settings)["CABLE_URL"] == "redis://mine?db=1"
    [gone, back] = [*told_of_moves(made, {}, mine)[:1], *told_of_moves(made, mine, {})[:1]]
    assert gone == "myapp uses the cache at your address from now on. The data of the one beside it is kept."
    assert back == ("myapp uses the cache beside it from now on, not the one at your address. Data is not taken along.")


def test_half_an_address_is_refused_with_what_is_left():
    made = manifest()
    with pytest.raises(PreflightError) as refused:
        check_accessories_run(made, {"DATABASE_URL": "postgresql://mine", "DB_HOST": "mine"})
    assert "only DATABASE_URL, DB_HOST of these has a value of yours" in refused.value.sentence
    assert refused.value.next_step.startswith("Give DB_PORT, DB_USER, DB_PASSWORD, DB_NAME a value of your own, too")
    check_accessories_run(made, {})


ARCHIVE = """\
app: myapp
version: 1.2.0
archive: ./app
command: [serve]
accessories: {db: {postgres: "16"}}
env: {DATABASE_URL: {accessory: db}}
"""
PACKED = {"kind": "archive", "path": "myapp/archives/x", "sha256": "0" * 64, "length": 1, "unpacked": 1}


def test_an_archive_needs_addresses():
    made = manifest(ARCHIVE, artifact=PACKED)
    with pytest.raises(PreflightError) as refused:
        check_accessories_run(made, {})
    assert "needs db (postgres 16) beside it" in refused.value.sentence
    assert refused.value.next_step == "Give the address of your own: --set DATABASE_URL=…"
    check_accessories_run(made, {"DATABASE_URL": "postgresql://mine"})


def test_a_customer_must_be_able_to_give_one():
    [told] = problems(ARCHIVE.replace("env: {DATABASE_URL: {accessory: db}}", ""))
    assert told.startswith("line 5: accessories.db: customers of an archive give an address in its place")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('postgres: "16"', 'postgress: "16"', "line 9: accessories.db.postgress: unknown field; did you mean postgre"),
        ('postgres: "16"', 'mysql: "8"', "line 9: accessories.db.mysql: unknown field"),
        ('postgres: "16"', 'postgres: "latest"', "line 9: accessories.db.postgres: latest is no version of postgres"),
        ('postgres: "16"', 'postgres: "9"', "accessories.db.postgres: 9 is no version of postgres that"),
        ("mariadb: 11.4", "mariadb: 11", "line 10: accessories.sql.mariadb: 11 is no version of mariadb that is known; "
        "write it like 11.4"),
        ('postgres: "16"', 'postgres: "16", redis: "7"', "line 9: accessories.db: an accessory is one thing: choose "
        "postgres or redis"),
        ('postgres: "16"', "port: 5432", "line 9: accessories.db: give a kind with its version, such as postgres"),
        ('postgres: "16"', 'postgres: "16", port: 5433', "line 9: accessories.db: port is known of postgres: omit it"),
        ('postgres: "16"', 'postgres: "16", volumes: {data: /x}', "volumes is known of postgres: omit it"),
        ('postgres: "16"', 'postgres: "16", command: [postgres]', "line 9: accessories.db.command: of postgres it has "
        "options for the server alone"),
        ('postgres: "16"', 'postgres: "16", env: {PGPASSWORD: x}', "line 9: accessories.db.env.PGPASSWORD: Discode"),
        ('postgres: "16"', 'postgres: "16", env: {PGDATA: /x}', "line 9: accessories.db.env.PGDATA: Discode sets it"),
        ('postgres: "16"', 'postgres: "16", env: {POSTGRES_DB: postgres}', "line 9: accessories.db.env.POSTGRES_DB: "),
        ('postgres: "16"', 'postgres: "16", env: {POSTGRES_USER: "${SMTP}"}', "accessories.db.env.POSTGRES_USER"),
        ('postgres: "16"', 'postgres: "16", env: {A: "${STORE}"}', "STORE is made of an accessory: a postgres cannot"),
        ('db: {postgres: "16"}', "db: postgres", "line 9: accessories.db: expected names and values, as in {name: val"),
        ("  db: {", "  DB: {", "line 9: accessories.DB: 1 to 20 lowercase letters and digits"),
        ("  db: {", "  worker: {", "line 9: accessories.worker: a process has this name, too"),
        ("  db: {", "  storage: {", "line 9: accessories.storage: a volume has this name, too"),
        ("  db: {", "  web: {", "line 9: accessories.web: web is the app itself"),
        ("  db: {", "  my-db: {", "line 9: accessories.my-db"),
        ("  db: {", "  abcdef012345: {", "line 9: accessories.abcdef012345"),
        ("    port: 25\n", "", "line 13: accessories.mail: image needs port"),
        ("smtp:1.4", "smtp", "line 14: accessories.mail.image: give its tag, such as registry.example.com"),
        ("registry.example.com/acme/smtp:1.4", "Registry/X", "line 14: accessories.mail.image: 'Registry/X' is not an"),
        ("spool: /spool", "spool: spool", "line 16: accessories.mail.volumes.spool: an absolute path"),
        ("${SMTP}", "${SMPT}", "line 17: accessories.mail.env.RELAY: RELAY is made of SMPT, which is no"),
        ('SWITCH: "yes"', "SWITCH: yes", "line 17: accessories.mail.env.SWITCH: put it in quotes"),
        ('RELAY: "${SMTP}"', "PORT: 1", "line 17: accessories.mail.env.PORT"),
        ("timeout: 2s", "timeout: soon", "line 18: accessories.mail.health.timeout: 'soon' is not a duration"),
        ("path: /ping", "path: /ping, command: [x]", "line 18: accessories.mail.health: give at most one of: comm"),
        ("path: /ping", "pth: /ping", "line 18: accessories.mail.health.pth: unknown field; did you mean path?"),
        ("memory: 64MB", "memory: some", "line 11: accessories.cache.resources.memory: 'some' is not a size"),
        ("DATABASE_URL: {accessory: db}", "DATABASE_URL: {accessory: dbs}", "line 21: env.DATABASE_URL.accessory: no "
        "accessory is named dbs; there are: db, sql, cache, store, mail"),
        ("accessory: mail, scheme: smtp", "accessory: mail", "line 26: env.MAIL: add scheme"),
        ("accessory: mail, scheme: smtp", "accessory: mail, form: user", "line 26: env.MAIL.form: of an image by hand"),
        ("accessory: sql, scheme: mysql2", 'accessory: sql, scheme: "x y"', "line 22: env.SQL_URL.scheme"),
        ("accessory: db, form: port", "accessory: db, form: prt", "line 28: env.DB_PORT.form: Input should be 'url'"),
        ("accessory: db, form: port", "accessory: db, form: port, scheme: x", "scheme is what an address begins"),
        ("accessory: db, form: port", "form: port, value: x", "line 28: env.DB_PORT: form and scheme need accessory"),
        ("accessory: db, form: port", "accessory: db, ask: x", "give exactly one of: a fixed value, generate, ask, a"),
        ("storage/tmp", "tmp/storage", "line 32: backup.exclude.0: no volume is named tmp"),
        ("storage/tmp", "/storage/tmp", "line 32: backup.exclude.0: a volume's name, with a path in it or without"),
        ("storage/tmp", "storage/../x", "line 32: backup.exclude.0: a volume's name"),
        ("before: [", "befor: [", "line 32: backup.befor: unknown field; did you mean before?"),
        ("before: [bin/quiesce]", "before: bin/quiesce", "line 32: backup.before"),
    ],
)  # fmt: skip
def test_each_problem_is_told_with_its_line(old, new, told):
    assert old in GOOD
    found = problems(GOOD.replace(old, new, 1))
    assert any(told in problem for problem in found), found


def test_a_release_without_accessories_keeps_its_bytes():
    told = json.loads(manifest(ALONE, schema=1).canonical())
    assert not {"accessories", "backup"} & set(told)
    with pytest.raises(ValidationError, match="accessories need manifest_schema 4"):
        manifest(schema=3)


def test_a_manifest_whose_parts_contradict_each_other_is_none():
    told = manifest().as_dict()
    for changed, why in (
        ({"processes": {"db": ["x"]}}, "the name of a process or a volume, db"),
        ({"accessories": {}}, "a variable leads to cache, which is no accessory"),
    ):
        with pytest.raises(ValidationError, match=why):
            Manifest.read({**told, **changed})
    without = {name: one for name, one in told["env"].items() if name != "SMTP"}
    with pytest.raises(ValidationError, match="RELAY is made of SMTP"):
        Manifest.read({**told, "env": without})


def test_an_older_discode_refuses_a_release_with_accessories_in_words_that_help(monkeypatch):
    data = manifest().canonical()
    assert json.loads(data)["manifest_schema"] == 4
    entry = IndexEntry(version="1.2.0", key=release_key(data))
    assert read_manifest("myapp", entry, data).manifest.backup.exclude == ("storage/tmp",)
    monkeypatch.setattr("discode.core.release.SCHEMA", 3)
    with pytest.raises(Refused, match="newer Discode"):
        read_manifest("myapp", entry, data)


def test_a_release_of_the_future_is_too_new_whatever_it_says():
    data = json.dumps({**manifest().as_dict(), "manifest_schema": 5, "env": {"A": {"prophecy": 1}}}).encode()
    with pytest.raises(Refused, match="newer Discode") as refused:
        read_manifest("myapp", IndexEntry(version="1.2.0", key=release_key(data)), data)
    assert refused.value.name == "discode-too-old"


@pytest.mark.parametrize(
    ("kind", "version", "than", "is_one"),
    [
        ("postgres", "15", "16", True), ("postgres", "16", "15", False), ("postgres", "16.1", "16.4", False),
        ("postgres", "9", "16", True), ("mariadb", "10.6", "10.11", True), ("mariadb", "10.11.2", "10.11.9", False),
        ("mariadb", "11.4", "10.11", False), ("redis", "7.0", "7.2", True), ("redis", "7", "7.2", False),
        ("redis", "7.2", "7", False), ("redis", "6", "7.2", True), ("valkey", "8.1", "8.1.3", False),
    ],
)  # fmt: skip
def test_which_version_is_older(kind, version, than, is_one):
    assert is_older(kind, version, than) is is_one


def going(before, after, version, now=None, then=None, at="1.2.0"):
    one, other = manifest(before, version=at), manifest(after, version=version)
    there = Installation(app="myapp", source="x", release=Release(key=release_key(one.canonical()), manifest=one))
    other_release = Release(key=release_key(other.canonical()), manifest=other)
    check_accessories(there, other_release, now or {}, then or {})


DB = ALONE + 'accessories: {db: {postgres: "16"}}\nenv: {DATABASE_URL: {accessory: db}}\n'
OLD = DB.replace('"16"', '"15"')


def test_an_older_database_is_refused_forwards_and_backwards():
    with pytest.raises(Refused) as refused:
        going(DB, OLD, "1.3.0")
    assert refused.value.name == "accessory-data" and refused.value.sentence == (
        "myapp cannot go from 1.2.0 to 1.3.0: db is postgres 16 here, and postgres 15, which is older, cannot read its "
        "data. Nothing was changed."
    )
    assert refused.value.next_step.startswith("Ask the vendor for a release that keeps db as it is")
    with pytest.raises(Refused) as refused:
        going(DB, OLD, "1.1.0")
    assert refused.value.next_step == "Go forward to a newer release, or restore a backup from before."
    going(OLD, DB, "1.3.0")
    going(DB, DB.replace('"16"', '"16.2"'), "1.3.0")
    going(DB, ALONE, "1.3.0")


def test_another_thing_under_the_same_name_is_refused():
    by_hand = DB.replace('postgres: "16"', "image: r.test/pg:1, port: 1").replace(": db}", ": db, scheme: x}")
    other = DB.replace('postgres: "16"', 'mariadb: "11.4"')
    for after, what in ((other, "mariadb 11.4"), (by_hand, DIGEST.repository)):
        with pytest.raises(Refused, match=f"db is postgres 16 here and {what} there, which cannot read its data"):
            going(DB, after, "1.3.0")
        with pytest.raises(Refused, match="which cannot read its data"):
            going(after, DB, "1.3.0")


def test_what_the_customer_has_elsewhere_is_theirs():
    mine = {"DATABASE_URL": "postgresql://mine"}
    going(DB, OLD, "1.3.0", mine, mine)
    going(DB, OLD, "1.3.0", {}, mine)


def test_nobody_leaves_a_database_of_their_own_for_an_empty_one():
    mine, renamed = {"DATABASE_URL": "postgresql://mine"}, DB.replace("DATABASE_URL", "DB_URL")
    with pytest.raises(Refused, match=r"uses the db at your address, and 1.3.0 is told of it by DB_URL") as refused:
        going(DB, renamed, "1.3.0", mine, mine)
    assert refused.value.next_step == "Run the command again with: --set DB_URL=…"
    going(DB, renamed, "1.3.0", mine, {"DB_URL": "postgresql://mine"})
    going(ALONE, DB, "1.3.0", {}, {})


def test_the_examples_of_the_documentation_are_what_a_vendor_may_write():
    text = (Path(__file__).parents[2] / "docs" / "accessories.md").read_text()
    whole = yaml.safe_load(ALONE)
    for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        for part, told in yaml.safe_load(block).items():
            whole[part] = {**whole.get(part, {}), **told}
    whole["env"]["SMTP_RELAY"] = {"ask": "Which?"}
    spec = parse_vendor_file(yaml.safe_dump(whole, sort_keys=False))
    assert list(spec.accessories) == ["db", "cache", "mail"] and len(spec.env) == 7 and spec.backup.after
    made = manifest(yaml.safe_dump(whole, sort_keys=False))
    assert environment(made, complete(made, {}, lambda digits: "…"))["MAIL_URL"] == "smtp://mail:25"
