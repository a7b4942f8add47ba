"""A database at an address of the customer's, on real containers: dumped by that address, by the accessory's image."""

import signal
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from place import APP
from rig.wait import wait_for

from .test_databases import VERSIONS, images  # noqa: F401 - a fixture
from .test_dumps import restored

BESIDE = """\
accessories:
  db: {{postgres: "{postgres}", image: "{name}/library/postgres:{postgres}"}}
  cache: {{redis: "{redis}", image: "{name}/library/redis:{redis}"}}
"""
VARIABLES = "DATABASE_URL: {accessory: db}, REDIS_URL: {accessory: cache}"
SECRET = "correct-horse-battery"


@contextmanager
def arguments_of_all():
    """What processes were started with meanwhile, in containers too."""
    seen, over = set(), threading.Event()

    def look():
        while not over.wait(0.005):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(path.read_bytes())
                except OSError:
                    continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


class Elsewhere:
    """Servers of the customer's own, in the app's network: there they have names."""

    def __init__(self, place, images):  # noqa: F811 - of the fixture
        self.place, self.api, self.images, self.made = place, place.api, images, []

    def serve(self, kind, name, env, command=None):
        [network] = [one["Name"] for one in self.api.networks(filters={"label": [f"discode.app={APP}"]})]
        attached = self.api.create_networking_config({network: self.api.create_endpoint_config(aliases=[name])})
        image = self.images[kind]
        self.api.pull(image.repository, image.digest)
        container = self.api.create_container(
            image.reference, command=command, environment=env, networking_config=attached,
            host_config=self.api.create_host_config(network_mode=network),
        )["Id"]  # fmt: skip
        self.made.append(container)
        self.api.start(container)
        return container

    def run(self, container, *words):
        job = self.api.exec_create(container, list(words))["Id"]
        told = self.api.exec_start(job).decode()
        return self.api.exec_inspect(job)["ExitCode"], told

    def close(self):
        for container in self.made:
            self.api.remove_container(container, force=True, v=True)


@pytest.fixture
def elsewhere(place, images):  # noqa: F811 - the fixture
    place.publish("1.0.0", extra=BESIDE.format(name=place.registry.name, **VERSIONS), env=VARIABLES)
    place.install(
        "--set", f"DATABASE_URL=postgres://app:{SECRET}@sql.internal/app", "--set",
        f"REDIS_URL=redis://:{SECRET}@queue.internal:6379/0",
    )  # fmt: skip
    made = Elsewhere(place, images)
    try:
        yield made
    finally:
        made.close()


def clients(place):
    return [one for one in place.api.containers(all=True) if one["Names"][0].startswith(f"/{APP}..client-")]


def test_it_is_dumped_by_its_address_and_told_when_it_is_gone(place, elsewhere):
    env = {"POSTGRES_USER": "app", "POSTGRES_DB": "app", "POSTGRES_PASSWORD": SECRET, "PGPASSWORD": SECRET}
    sql = elsewhere.serve("postgres", "sql.internal", env)
    queue = elsewhere.serve("redis", "queue.internal", {}, ["redis-server", "--requirepass", "changed-below"])
    wait_for(lambda: elsewhere.run(sql, "psql", "-h", "127.0.0.1", "-U", "app", "-c", "select 1")[0] == 0, 240)
    fill = "create table post as select n from generate_series(1, 5000) n"
    assert elsewhere.run(sql, "psql", "-h", "127.0.0.1", "-U", "app", "-c", fill)[0] == 0
    ask = ["env", "REDISCLI_AUTH=changed-below", "redis-cli"]
    wait_for(lambda: elsewhere.run(queue, *ask, "set", "job:1", "x")[0] == 0, 240)
    elsewhere.run(queue, *ask, "config", "set", "requirepass", SECRET)
    storage = place.folder / "storage"
    password = place.run("backup", "setup", APP, "--to", storage, "--yes-i-kept-it", "--json").last["password"]
    with arguments_of_all() as seen:
        taken = place.run("backup", "now", APP)
    assert any(b"pg_dump" in words for words in seen) and not any(SECRET.encode() in words for words in seen)
    assert "at your address is not" not in taken.err and SECRET not in taken.err and not clients(place)
    [one] = place.run("backup", "list", APP, "--json").last["snapshots"]
    target, record = restored(place, storage, password, one["id"])
    parts = {part["name"]: part for part in record["parts"] if part["kind"] == "elsewhere"}
    assert {name: (part["server"], part["files"]) for name, part in parts.items()} == {
        "db": ("postgres", ["database.dump"]), "cache": ("redis", ["all.rdb"]),
    }  # fmt: skip
    dump = target / parts["db"]["path"].lstrip("/") / "database.dump"
    assert dump.read_bytes().startswith(b"PGDMP")
    assert b"job:1" in (target / parts["cache"]["path"].lstrip("/") / "all.rdb").read_bytes()
    _has_it_in_databases_of_its_own(place)
    elsewhere.api.remove_container(sql, force=True, v=True)
    elsewhere.made.remove(sql)
    without = place.run("backup", "now", APP)
    assert "The db at your address is not in the snapshot: pg_dump exited with 1: " in without.err
    assert "is without what is at your address: db" in place.run("backup", "list", APP).out
    assert "; without what is at your address: db" in place.run("status", APP).out


def _has_it_in_databases_of_its_own(place):
    """A drill, and a copy beside the app."""
    assert place.run("backup", "drill", APP, "--json").last["result"] == "proved"
    place.run("restore", APP, "latest", "--as", "copy", "--host", "copy.test")
    psql, cli = ("db", "--", "psql", "-XAtqc"), ("cache", "--", "redis-cli")
    assert place.run("exec", "copy", "--process", *psql, "select count(*) from post").out.strip() == "5000"
    assert place.run("exec", "copy", "--process", *cli, "get", "job:1").out.strip() == "x"
    place.run("uninstall", "copy", "--purge", "--yes")


def test_its_client_ends_with_who_has_asked(place, elsewhere):
    env = {"POSTGRES_USER": "app", "POSTGRES_DB": "app", "POSTGRES_PASSWORD": SECRET, "PGPASSWORD": SECRET}
    sql = elsewhere.serve("postgres", "sql.internal", env)
    elsewhere.serve("redis", "queue.internal", {})
    psql = ("psql", "-h", "127.0.0.1", "-U", "app", "-c")
    wait_for(lambda: elsewhere.run(sql, *psql, "create table post (n int)")[0] == 0, 240)
    held = "begin; lock table post in access exclusive mode; select pg_sleep(600)"
    elsewhere.api.exec_start(elsewhere.api.exec_create(sql, [*psql, held])["Id"], detach=True)
    place.run("backup", "setup", APP, "--to", place.folder / "storage", "--yes-i-kept-it")
    command = place.start("backup", "now", APP)

    def asks():
        found = [one for one in clients(place) if "..client-db-" in one["Names"][0]]
        return [one for one in found if one["State"] == "running"]

    wait_for(asks, 240, "its client")
    command.send_signal(signal.SIGKILL)
    command.wait()
    wait_for(lambda: not clients(place), 240, "the end of its client")
