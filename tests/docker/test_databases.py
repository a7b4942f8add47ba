"""Databases as a vendor's two lines give them, in real containers: let in by password alone, dumped and loaded."""

import json
import os
import signal

import pytest
from accessories_contract import started
from conftest_docker import APP

from discode.core import accessory_dumps
from discode.core.accessory_spec import AccessorySpec as Lines
from discode.core.artifact import Image, Resources
from discode.ports.accessories import AccessorySpec
from discode.ports.report import Silence
from rig import databases
from rig.debian import Debian
from rig.wait import wait_for

from .test_accessories import Bench

SECRET = "5e" * 32
VERSIONS = {
    "postgres": databases.POSTGRES["bookworm"], "mariadb": databases.MARIADB["bookworm"],
    "redis": databases.REDIS["bookworm"], "valkey": databases.VALKEY,
}  # fmt: skip
KINDS = sorted(VERSIONS)
FILL = {
    "postgres": ("psql", "-Xqc", "create table notes (id serial primary key, body text);"
                 "insert into notes (body) select md5(n::text) from generate_series(1, 20000) n"),
    "mariadb": ("mariadb", "-u", "root", "app", "-e", "create table notes (id int primary key, body text);"
                "insert into notes select seq, md5(seq) from seq_1_to_20000; create view few as select 1"),
    "redis": ("sh", "-c", "seq 20000 | sed 's/.*/set note:& &/' | redis-cli --pipe"),
    "valkey": ("sh", "-c", "seq 20000 | sed 's/.*/set note:& &/' | valkey-cli --pipe"),
}  # fmt: skip
COUNT = {
    "postgres": ("psql", "-XAtc", "select count(*) from notes"),
    "mariadb": ("mariadb", "-u", "root", "-N", "app", "-e", "select count(*) from notes"),
    "redis": ("redis-cli", "dbsize"),
    "valkey": ("valkey-cli", "dbsize"),
}
STRANGER = {
    "postgres": "env -u PGPASSWORD psql -h 127.0.0.1 -w -c 'select 1'",
    "mariadb": "env -u MYSQL_PWD mariadb -h 127.0.0.1 -u app -e 'select 1'",
    "redis": "env -u REDISCLI_AUTH redis-cli -h 127.0.0.1 ping | grep PONG",
    "valkey": "env -u REDISCLI_AUTH -u VALKEYCLI_AUTH valkey-cli -h 127.0.0.1 ping | grep PONG",
}


@pytest.fixture(scope="session")
def images(daemon, registry):
    debian = Debian("bookworm")
    return pushed(registry, {"postgres": databases.postgres(debian), "redis": databases.redis(debian)})


@pytest.fixture(scope="session")
def all_images(images, registry):
    made = {"mariadb": databases.mariadb(Debian("bookworm")), "valkey": databases.valkey(Debian("trixie"))}
    return {**images, **pushed(registry, made)}


def pushed(registry, made):
    return {
        kind: Image(
            repository=f"{registry.name}/library/{kind}", digest=one.push(registry, f"library/{kind}", VERSIONS[kind])
        )
        for kind, one in made.items()
    }


class Databases(Bench):
    def __init__(self, daemon, registry, folder, images):
        super().__init__(daemon, registry, folder)
        self.images = images

    def database(self, kind, name="db", **lines):
        self.accessories.fetch(APP, self.images[kind], self.releases, Silence())
        made = Lines.checked(**{kind: VERSIONS[kind], **lines}).released(self.images[kind])
        env = {name: text.replace("${password}", SECRET) for name, text in made.env.items()}
        return started(self, AccessorySpec(APP, name, made, env))

    def compared(self, kind, spec):
        return self.line(spec, *accessory_dumps.comparison(kind))


@pytest.fixture
def place(daemon, registry, tmp_path, all_images):
    made = Databases(daemon, registry, tmp_path, all_images)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("kind", KINDS)
def test_only_who_knows_its_password_is_let_in_and_nobody_is_told_it(place, kind):
    spec = place.database(kind)
    assert place.accessories.execute(APP, "db", ["sh", "-c", STRANGER[kind]], timeout=300).exit_code != 0
    place.line(spec, *FILL[kind])
    told = place.told("tiny-db")
    told["Config"].pop("Env")
    words = [word for row in place.api.top("tiny-db", "-eo pid,args")["Processes"] for word in row]
    log = list(place.accessories.logs(APP, "db", None))
    assert log and SECRET not in json.dumps([told, words, log])


@pytest.mark.parametrize("kind", KINDS)
def test_its_data_is_there_after_a_stop_a_crash_and_another_spec(place, kind):
    spec = place.database(kind)
    place.line(spec, *FILL[kind])
    place.accessories.stop(APP, "db", 30)
    assert place.accessories.inspect(APP, "db").exit_code == 0, "it ended by itself"
    started(place, spec)
    assert place.line(spec, *COUNT[kind]).strip() == "20000"
    os.kill(place.told("tiny-db")["State"]["Pid"], signal.SIGKILL)
    wait_for(lambda: place.accessories.inspect(APP, "db").restarts)
    wait_for(lambda: place.accessories.healthy(spec).ok, 240)
    assert place.line(spec, *COUNT[kind]).strip() == "20000"
    other = place.database(kind, resources=Resources(memory=256 << 20))
    assert other.fingerprint != spec.fingerprint and place.line(other, *COUNT[kind]).strip() == "20000"


@pytest.mark.parametrize("kind", KINDS)
def test_a_dump_loaded_into_another_one_is_the_same(place, kind):
    spec = place.database(kind)
    place.line(spec, *FILL[kind])
    ask = accessory_dumps.databases(kind)
    other = place.database(kind, "other")
    assert place.compared(kind, other) != place.compared(kind, spec)
    for dump in accessory_dumps.dumps(kind, place.line(spec, *ask) if ask else ""):
        file = place.folder / dump.file
        saved = place.accessories.execute(APP, "db", dump.save, stdout=file, timeout=300)
        assert saved.exit_code == 0 and file.stat().st_size, saved
        loaded = place.accessories.execute(APP, "other", dump.load, stdin=file, timeout=300)
        assert loaded.exit_code == 0, loaded
    assert place.compared(kind, other) == place.compared(kind, spec)
    assert place.line(other, *COUNT[kind]).strip() == "20000"


def test_a_dump_of_mariadb_that_was_cut_between_two_statements_is_not_loaded_as_if_it_were_whole(place):
    """All of it is statements, so what is there of it is loaded without a word."""
    spec = place.database("mariadb")
    place.line(spec, *FILL["mariadb"])
    [dump] = accessory_dumps.dumps("mariadb", "app\n")
    file = place.folder / dump.file
    assert place.accessories.execute(APP, "db", dump.save, stdout=file, timeout=300).exit_code == 0
    lines = file.read_bytes().splitlines(keepends=True)
    assert lines[-1].startswith(b"-- Dump completed")
    rows = next(number for number, line in enumerate(lines) if line.startswith(b"INSERT"))
    file.write_bytes(b"".join(lines[:rows]))
    place.database("mariadb", "other")
    alone = place.accessories.execute(APP, "other", ("mariadb", "-u", "root"), stdin=file, timeout=300)
    assert alone.exit_code == 0, "the client has nothing to say of it"
    loaded = place.accessories.execute(APP, "other", dump.load, stdin=file, timeout=300)
    assert loaded.exit_code == 1 and loaded.errors[-1] == "the dump is not whole: its last line is missing"
    file.write_bytes(b"".join(lines))
    assert place.accessories.execute(APP, "other", dump.load, stdin=file, timeout=300).exit_code == 0
    file.write_bytes(b"no statement;\n" + b"".join(lines))
    assert place.accessories.execute(APP, "other", dump.load, stdin=file, timeout=300).exit_code == 1
