"""A backup of an app with PostgreSQL and Redis beside it, on real containers: it serves, and they are written to."""

import json
import os
import socket
import subprocess
import threading
from contextlib import closing, contextmanager

import psycopg
import pytest
from conftest_docker import APP as FRESH

from discode.core import accessory_dumps
from place import APP
from rig.load import Load
from rig.wait import wait_for

from .test_databases import VERSIONS, Databases, images  # noqa: F401 - a fixture

BESIDE = """\
accessories:
  db: {{postgres: "{postgres}", image: "{name}/library/postgres:{postgres}"}}
  cache: {{redis: "{redis}", image: "{name}/library/redis:{redis}"}}
backup:
  exclude: [data/tmp]
  before: [sh, -c, "echo quiet > /app/data/mark"]
  after: [sh, -c, "echo loud > /app/data/mark"]
"""


@pytest.fixture
def place(place, images):  # noqa: F811 - the fixture
    return place


@pytest.fixture
def fresh(daemon, registry, tmp_path, images):  # noqa: F811 - the fixture
    """Databases of their own, of another app."""
    made = Databases(daemon, registry, tmp_path, images)
    try:
        yield made
    finally:
        made.close()


def env_of(place, accessory):
    return dict(text.partition("=")[::2] for text in place.api.inspect_container(f"{APP}-{accessory}")["Config"]["Env"])


def address(place, accessory):
    networks = place.api.inspect_container(f"{APP}-{accessory}")["NetworkSettings"]["Networks"]
    return next(one["IPAddress"] for one in networks.values())


def ask_redis(connection, *words):
    told = b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words)
    connection.sendall(b"*%d\r\n%s" % (len(words), told))
    answer = connection.recv(100)
    assert answer.startswith((b"+", b":")), answer


@contextmanager
def written(place):
    """Both are written to all the while. What is acknowledged, as the number of its last row."""
    acknowledged, over, errors = {"db": 0, "cache": 0}, threading.Event(), []

    def write_db():
        login = {"user": "app", "dbname": "app", "password": env_of(place, "db")["POSTGRES_PASSWORD"]}
        with psycopg.connect(host=address(place, "db"), autocommit=True, **login) as connection:
            connection.execute("create table post (number int primary key, body text)")
            while not over.is_set():
                connection.execute("insert into post values (%s, %s)", (acknowledged["db"] + 1, "x" * 2000))
                acknowledged["db"] += 1

    def write_cache():
        with closing(socket.create_connection((address(place, "cache"), 6379), 240)) as connection:
            ask_redis(connection, "AUTH", env_of(place, "cache")["REDISCLI_AUTH"])
            while not over.is_set():
                ask_redis(connection, "SET", f"post:{acknowledged['cache'] + 1}", "x" * 2000)
                acknowledged["cache"] += 1
                over.wait(0.001)

    def kept(work):
        try:
            work()
        except (OSError, AssertionError, psycopg.Error) as error:
            errors.append(error)

    threads = [threading.Thread(target=kept, args=(work,)) for work in (write_db, write_cache)]
    for thread in threads:
        thread.start()
    try:
        yield acknowledged, errors
    finally:
        over.set()
        for thread in threads:
            thread.join()


def restored(place, storage, password, identity):
    """The folder in which all of the snapshot is, and its record."""
    target = place.folder / "restored"
    words = ["restic", "--no-cache", "-r", str(storage), "restore", identity, "--target", str(target)]
    subprocess.run(words, env={**os.environ, "RESTIC_PASSWORD": password}, check=True, capture_output=True)
    staged = target / str(place.home / "apps" / APP / "backup/discode-snapshot").lstrip("/")
    return target, json.loads((staged / "snapshot.json").read_text())


def numbers(fresh, kind, target, part):
    """Loaded into a server that has just been made: which rows it has then."""
    spec = fresh.database(kind, part["name"])
    for file in part["files"]:
        load, path = accessory_dumps.dump(kind, file).load, target / part["path"].lstrip("/") / file
        loaded = fresh.accessories.execute(FRESH, part["name"], load, stdin=path, timeout=300)
        assert loaded.exit_code == 0, loaded
    ask = {"postgres": ("psql", "-XAtc", "select number from post"), "redis": ("redis-cli", "--raw", "keys", "post:*")}
    return {int(line.rpartition(":")[2]) for line in fresh.line(spec, *ask[kind]).split()}


def test_a_snapshot_under_writes_has_every_row_from_before_it(place, fresh):
    lines = BESIDE.format(name=place.registry.name, **VERSIONS)
    place.publish("1.0.0", extra=lines)
    place.install()
    storage = place.folder / "storage"
    password = place.run("backup", "setup", APP, "--to", storage, "--yes-i-kept-it", "--json").last["password"]
    place.get("/first", "POST")
    with Load(place.port, "shop.test", users=2) as load, written(place) as (acknowledged, errors):
        wait_for(lambda: errors or min(acknowledged.values()) > 500, 240, "some rows")
        before = dict(acknowledged)
        taken = place.run("backup", "now", APP, "--json").last
        wait_for(lambda: errors or acknowledged["db"] > before["db"] + 100, 240, "rows after it")
    assert not load.bad and not errors and load.count
    target, record = restored(place, storage, password, taken["snapshot"])
    dumps = {one["name"]: one for one in record["parts"] if one["kind"] == "dump"}
    assert {name: (one["server"], one["version"]) for name, one in dumps.items()} == {
        "db": ("postgres", VERSIONS["postgres"]), "cache": ("redis", VERSIONS["redis"]),
    }  # fmt: skip
    for name, part in dumps.items():
        found = numbers(fresh, part["server"], target, part)
        print(name, "acknowledged before", before[name], "found", len(found), "at last", acknowledged[name])
        assert set(range(1, before[name] + 1)) <= found <= set(range(1, acknowledged[name] + 2))
    [volume] = [one for one in record["parts"] if one["kind"] == "volume"]
    kept = target / volume["path"].lstrip("/")
    assert (volume["name"], volume["how"]) == ("data", "quiesced") and (kept / "first").exists()
    assert (kept / "mark").read_text() == "quiet\n"
    assert record["held"] == 0 and not (place.home / "apps" / APP / "backup").exists()
    told = place.run("exec", APP, "--", "cat", "/app/data/mark").out
    assert told == "loud\n"
