"""Restore in place with volumes of containers, under writes; and the swap of volumes, interrupted anywhere."""

import contextlib
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from conftest_docker import EDGE_IMAGE, Bench
from swap_contract import OLD, Dying, SwapContract

from discode.adapters.docker import volumes
from discode.testing.faults import Crash
from place import APP
from rig.wait import wait_for

from ..cli.test_restore import posts, restore, snapshot
from .docker_place import DockerPlace
from .test_databases import FILL, VERSIONS, images  # noqa: F401 - a fixture


@pytest.fixture
def backed_up(tmp_path, daemon, registry, proxy_images):
    made = DockerPlace(tmp_path, daemon, registry, EDGE_IMAGE)
    made.init()
    made.publish("1.0.0")
    made.install()
    made.run("backup", "setup", APP, "--to", tmp_path / "storage", "--yes-i-kept-it", "--json")
    try:
        yield made
    finally:
        made.close()


def volume(place):
    return Path(place.api.inspect_volume(f"{APP}_data")["Mountpoint"])


def replaced(place):
    return sorted(volume(place).parent.parent.glob(f"{APP}_.swaps/_data/*/kept/data"))


def rows(folder):
    with closing(sqlite3.connect(folder / "app.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {number for (number,) in database.execute("SELECT number FROM post")}


def test_all_of_the_snapshot_is_back_and_no_request_fails(backed_up):
    backed_up.get("/first", "POST")
    with posts(backed_up) as (acknowledged, bad):
        before = set(acknowledged)
        taken = snapshot(backed_up)
        backed_up.get("/later", "POST")
        result = restore(backed_up, taken)
        then = len(acknowledged)
        wait_for(lambda: len(acknowledged) > then + 20, what="posts to the restored app")
        after = set(acknowledged[then + 1 :])
    assert not bad, bad
    assert (result["result"], result["instance"][-2:]) == ("restored", "-2")
    there, [kept] = rows(volume(backed_up)), replaced(backed_up)
    assert before <= there and after <= there and set(acknowledged) - there
    assert set(acknowledged) <= there | rows(kept), "what was acknowledged is in the one or in the other"
    assert not (volume(backed_up) / "later").exists() and (kept / "later").exists()
    assert "Data that a restore has replaced is deleted." in backed_up.run("prune", APP).out
    assert not replaced(backed_up) and backed_up.get() == (200, "1.0.0")


def test_data_with_which_the_app_does_not_start_is_taken_back(backed_up):
    backed_up.get("/broken", "POST")
    taken = snapshot(backed_up)
    (volume(backed_up) / "broken").unlink()
    with posts(backed_up) as (acknowledged, bad):
        restore(backed_up, taken, code=5)
        then = len(acknowledged)
        wait_for(lambda: len(acknowledged) > then + 5, what="posts to the app as it was")
    assert not bad, bad
    assert rows(volume(backed_up)) == set(acknowledged)
    assert not (volume(backed_up) / "broken").exists() and not replaced(backed_up)


def test_one_that_is_killed_is_settled_and_the_data_is_the_one_or_the_other(backed_up):
    taken = snapshot(backed_up)
    with posts(backed_up) as (acknowledged, bad):
        command = backed_up.start("restore", APP, taken, "--yes", APP)
        wait_for(lambda: list(volume(backed_up).parent.parent.glob(f"{APP}_.swaps/_data/*/replaced")), what="the swap")
        command.send_signal(signal.SIGKILL)
        command.wait()
        wait_for(lambda: not (backed_up.home / "apps" / APP / "journal.json").exists(), what="its guard")
        then = len(acknowledged)
        wait_for(lambda: len(acknowledged) > then + 5, what="posts to the app")
    assert not bad, bad
    kept = replaced(backed_up)
    assert set(acknowledged) <= rows(volume(backed_up)) | (rows(kept[0]) if kept else set())


BESIDE = """\
accessories:
  db: {{postgres: "{postgres}", image: "{name}/library/postgres:{postgres}"}}
  cache: {{redis: "{redis}", image: "{name}/library/redis:{redis}"}}
"""
CHANGED = "alter table notes drop column body; insert into notes default values"


def beside(place, accessory, *command):
    return place.run("exec", APP, "--process", accessory, "--", *command).out


def notes(place):
    return beside(place, "db", "psql", "-XAtc", "select count(*), count(body) from notes").strip()


def keys(place):
    return beside(place, "cache", "redis-cli", "dbsize").strip()


@pytest.fixture
def with_databases(backed_up, images):  # noqa: F811 - the fixture
    backed_up.publish("1.1.0", extra=BESIDE.format(name=backed_up.registry.name, **VERSIONS))
    backed_up.run("update", APP)
    beside(backed_up, "db", *FILL["postgres"])
    beside(backed_up, "cache", *FILL["redis"])
    return backed_up


def test_databases_beside_it_come_back_with_it_and_no_request_fails(with_databases):
    place = with_databases
    with posts(place) as (acknowledged, bad):
        before = set(acknowledged)
        taken = snapshot(place)
        beside(place, "db", "psql", "-Xqc", CHANGED)
        beside(place, "cache", "redis-cli", "flushall")
        left = place.left()
        result = restore(place, taken)
        then = len(acknowledged)
        wait_for(lambda: len(acknowledged) > then + 20, what="posts to the restored app")
    assert not bad, bad
    assert before <= rows(volume(place))
    assert notes(place) == "20000|20000" and keys(place) == "20000"
    print("seconds of each step:", result["seconds"])
    assert [one for one in place.left() if one not in left and not one.startswith(f"/{APP}-")] == [f"{APP}_.swaps"]
    restore(place, result["snapshot"], "--no-snapshot")
    assert beside(place, "db", "psql", "-XAtc", "select count(*) from notes").strip() == "20001"
    assert keys(place) == "0"
    place.run("prune", APP)
    assert f"{APP}_.swaps" not in place.left()


def test_the_version_from_before_a_column_was_dropped_with_its_data(with_databases):
    place = with_databases
    lines = BESIDE.format(name=place.registry.name, **VERSIONS)
    with posts(place) as (acknowledged, bad):
        place.publish("1.2.0", extra=f"{lines}irreversible: true\n")
        place.run("update", APP)
        beside(place, "db", "psql", "-Xqc", CHANGED)
        refused = place.run("rollback", APP, "--json", code=4).last["error"]
        assert f"discode rollback {APP} --with-data" in refused["next_step"]
        before = set(acknowledged)
        done = place.run("rollback", APP, "--with-data", "--yes", APP, "--json").last
        then = len(acknowledged)
        wait_for(lambda: len(acknowledged) > then + 20, what="posts to the version from before")
        after = set(acknowledged[then + 1 :])
    assert not bad, bad
    assert (done["from"], done["to"]) == ("1.2.0", "1.1.0") and notes(place) == "20000|20000"
    there, [kept] = rows(volume(place)), replaced(place)
    assert after <= there and set(acknowledged) <= there | rows(kept) and before - there
    restore(place, done["snapshot"])
    assert place.get() == (200, "1.2.0")
    assert beside(place, "db", "psql", "-XAtc", "select count(*) from notes").strip() == "20001"


def test_a_snapshot_from_before_there_were_databases_and_back_again(with_databases):
    place = with_databases
    ids = {one["version"]: one["id"] for one in place.run("backup", "list", APP, "--json").last["snapshots"]}
    result = restore(place, ids["1.0.0"])
    assert place.get() == (200, "1.0.0")
    assert not [one for one in place.left() if one in (f"{APP}-db", f"{APP}-cache")]
    restore(place, result["snapshot"])
    assert place.get() == (200, "1.1.0")
    assert notes(place) == "20000|20000" and keys(place) == "20000"


class Disk:
    def __init__(self, bench, patch):
        self.runtime, self._engine, self._patch = bench.runtime, bench.engine, patch
        volumes.ensure(bench.engine, "tiny", ["data"])
        for path, text in OLD.items():
            self.write(self.runtime.volume_paths("tiny")["data"].parent / path.replace("data/", "_data/"), text)

    def write(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def read(self):
        found = {}
        for name, place in self.runtime.volume_paths("tiny").items():
            found |= {f"{name}/{path.relative_to(place)}": path.read_text() for path in place.rglob("*")}
        return found

    @contextlib.contextmanager
    def dies_at(self, change):
        dying, rename = Dying(change), Path.rename

        def renamed(path, target):
            dying()
            return rename(path, target)

        with self._patch.context() as patched, contextlib.suppress(Crash):
            patched.setattr(Path, "rename", renamed)
            yield


@pytest.fixture
def disk(daemon, registry, monkeypatch):
    bench = Bench(daemon, registry)
    try:
        yield Disk(bench, monkeypatch)
    finally:
        bench.close()


class TestDockerSwaps(SwapContract):
    """The contract, with volumes of an engine."""
