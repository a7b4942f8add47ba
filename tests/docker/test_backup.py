"""Backups of apps that are containers: their volumes are read where the engine has them."""

import json
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from place import APP
from rig.load import Load


def restored(place, identity):
    """Its record, and the folder in which its files are."""
    kept = json.loads((place.home / "apps" / APP / "backup.json").read_text())
    environment = {**os.environ, "RESTIC_PASSWORD": kept["password"], "RESTIC_REPOSITORY": kept["plan"]["repository"]}
    target = place.folder / f"restored-{identity}"
    subprocess.run(
        ["restic", "--no-cache", "restore", identity, "--target", str(target)],
        env=environment, check=True, capture_output=True,
    )  # fmt: skip
    [record] = target.rglob("snapshot.json")
    return json.loads(record.read_text()), target


def volume(place):
    return Path(place.api.inspect_volume(f"{APP}_data")["Mountpoint"])


@pytest.mark.parametrize("strategy", ["overlap", "hold"])
def test_an_app_is_backed_up_before_its_update_and_no_request_fails(place, tmp_path, strategy):
    """`hold`: its requests wait while its volume is copied, and again while it is updated."""
    place.publish("1.0.0", confirm=f"200ms, strategy: {strategy}")
    place.install()
    place.get("/first", "POST")
    place.run("backup", "setup", APP, "--to", tmp_path / "storage", "--yes-i-kept-it")
    place.publish("1.1.0", confirm=f"200ms, strategy: {strategy}")
    with Load(place.port, "shop.test", users=1) as load:
        result = place.run("update", APP, "--json").last
    assert not load.bad and load.seen == ["1.0.0", "1.1.0"]
    record, target = restored(place, result["snapshot"])
    [part] = [one for one in record["parts"] if one["kind"] == "volume"]
    assert (part["name"], part["how"]) == ("data", "held" if strategy == "hold" else "live")
    assert (target / part["path"].lstrip("/") / "first").exists()
    assert (record["version"], record["kind"], record["cause"]) == ("1.0.0", "image", "update")
    assert bool(record["held"]) == (strategy == "hold")


def test_a_database_in_a_volume_is_copied_by_itself(place, tmp_path):
    place.publish("1.0.0", confirm="200ms, strategy: hold")
    place.install()
    with closing(sqlite3.connect(volume(place) / "app.db")) as database:
        database.execute("CREATE TABLE post (body TEXT)")
        database.execute("INSERT INTO post VALUES ('written')")
        database.commit()
    place.run("backup", "setup", APP, "--to", tmp_path / "storage", "--yes-i-kept-it")
    result = place.run("backup", "now", APP, "--json").last
    assert "held" not in result["message"]
    record, target = restored(place, result["snapshot"])
    [part] = [one for one in record["parts"] if one["kind"] == "databases"]
    with closing(sqlite3.connect(target / part["path"].lstrip("/") / "app.db")) as database:
        assert database.execute("SELECT body FROM post").fetchall() == [("written",)]


POSTGRES = {
    "psql": "#!/bin/sh\necho app\n",
    "pg_dumpall": "#!/bin/sh\necho '-- roles'\n",
    "pg_dump": "#!/bin/sh\necho half of it\n[ ! -e /tmp/broken ] || { echo 'it broke off' >&2; exit 1; }\n",
}  # as far as a dump needs it


def with_postgres(place, version, postgres):
    """An app with what passes for a PostgreSQL of that version."""
    files = {name: script.encode() for name, script in POSTGRES.items()}
    command = ["sh", "-c", "trap exit INT TERM; while :; do sleep 0.1; done"]
    path = "PATH=/app:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    more = {"Env": [path, f"PG_MAJOR={postgres}"]}
    place.shelf.push_app("acme/postgres", postgres, files, command, port=5432, more=more)
    image = f"{place.registry.name}/acme/postgres"
    extra = f'accessories: {{db: {{postgres: "{postgres}", image: "{image}", health: {{command: ["true"]}}}}}}\n'
    place.publish(version, extra=extra, env="DATABASE_URL: {accessory: db}")


def test_a_dump_that_breaks_off_leaves_no_snapshot_and_an_older_database_is_refused(place, tmp_path):
    with_postgres(place, "1.0.0", "16")
    place.install()
    place.run("backup", "setup", APP, "--to", tmp_path / "storage", "--yes-i-kept-it")
    place.run("exec", APP, "--process", "db", "--", "touch", "/tmp/broken")
    told = place.run("backup", "now", APP, "--json", code=4).last["error"]
    assert (told["key"], told["log"], told["sentence"]) == (
        "dump-failed",
        ["it broke off"],
        f"{APP}-db (postgres 16) could not be dumped: sh exited with 1. There is no snapshot, and your app "
        "was not touched.",
    )
    assert told["next_step"] == f"See its log: discode logs {APP} --process db. Then: discode backup now {APP}"
    assert place.run("backup", "list", APP, "--json").last["snapshots"] == []
    assert not (place.home / "apps" / APP / "backup").exists() and place.get() == (200, "1.0.0")
    place.run("exec", APP, "--process", "db", "--", "rm", "/tmp/broken")
    place.run("backup", "now", APP)
    before = place.instances()
    with_postgres(place, "1.1.0", "15")
    told = place.run("update", APP, "--json", code=4).last["error"]
    assert (told["key"], told["sentence"]) == (
        "accessory-data",
        f"{APP} cannot go from 1.0.0 to 1.1.0: db is postgres 16 here, and postgres 15, which is older, cannot read "
        "its data. Nothing was changed.",
    )
    assert told["next_step"] == (
        "Ask the vendor for a release that keeps db as it is, or has the new one under another name."
    )
    assert place.instances() == before and place.get() == (200, "1.0.0")
    assert len(place.run("backup", "list", APP, "--json").last["snapshots"]) == 1
