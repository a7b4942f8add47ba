"""Restore in place, on real processes behind the real edge, with SQLite in a volume under writes."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from place import APP
from rig.wait import wait_for
from small_disk import small_disk as disk_of
from terminal import terminal


@pytest.fixture
def backed_up(installed, tmp_path):
    """With a repository beside it."""
    installed.storage = tmp_path / "storage"
    installed.run("backup", "setup", APP, "--to", installed.storage, "--yes-i-kept-it", "--json")
    return installed


@contextmanager
def posts(place):
    """A user who posts number after number to the app, all the while: those acknowledged, and answers of any other
    kind."""
    acknowledged, bad, stop = [], [], threading.Event()

    def post():
        number = 0
        while not stop.is_set():
            number += 1
            status = place.get(f"/post/{number}", "POST")[0]
            (acknowledged if status == 200 else bad).append(number if status == 200 else (number, status))

    user = threading.Thread(target=post)
    user.start()
    try:
        wait_for(lambda: len(acknowledged) > 20, what="some posts")
        yield acknowledged, bad
    finally:
        stop.set()
        user.join()


def volumes(place):
    return place.home / "apps" / APP / "volumes"


def replaced(place):
    return sorted((place.home / "apps" / APP).glob("swaps/*/kept"))


def rows(folder):
    with closing(sqlite3.connect(folder / "data/app.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {number for (number,) in database.execute("SELECT number FROM post")}


def snapshot(place):
    return place.run("backup", "now", APP, "--json").last["snapshot"]


def restore(place, *words, code=0):
    return place.run("restore", APP, *words, "--yes", APP, "--json", code=code).last


def test_all_of_the_snapshot_is_back_and_no_request_fails(backed_up):
    backed_up.get("/first", "POST")
    with posts(backed_up) as (acknowledged, bad):
        before = set(acknowledged)
        taken = snapshot(backed_up)
        backed_up.get("/later", "POST")
        then = len(acknowledged)
        wait_for(lambda: len(acknowledged) > then + 1, what="posts that are to be undone")
        result = restore(backed_up, taken)
        then = len(acknowledged)
        wait_for(lambda: len(acknowledged) > then + 20, what="posts to the restored app")
        after = set(acknowledged[then + 1 :])
    assert not bad, bad
    assert (result["result"], result["to"], result["instance"][-2:]) == ("restored", "1.0.0", "-2")
    there, [kept] = rows(volumes(backed_up)), replaced(backed_up)
    assert before <= there and after <= there
    assert set(acknowledged) <= there | rows(kept), "what was acknowledged is in the one or in the other"
    assert not (volumes(backed_up) / "data/later").exists() and (kept / "data/later").exists()
    assert set(acknowledged) - there, "nothing was undone, so nothing is shown"
    causes = {one["id"]: one["cause"] for one in backed_up.run("backup", "list", APP, "--json").last["snapshots"]}
    assert causes == {taken: "asked", result["snapshot"]: "restore"}
    last = backed_up.run("history", APP, "--json").last["history"][-1]
    assert (last["flow"], last["outcome"], last["snapshot"]) == ("restore", "done", result["snapshot"])
    again = restore(backed_up, result["snapshot"], "--no-snapshot")
    assert again["snapshot"] is None and (volumes(backed_up) / "data/later").exists()
    assert len(replaced(backed_up)) == 2
    assert "Data that a restore has replaced is deleted." in backed_up.run("prune", APP).out
    assert not replaced(backed_up) and backed_up.get() == (200, "1.0.0")


def test_version_and_settings_come_back_too(backed_up):
    secret = backed_up.run("config", "get", APP, "SECRET", "--reveal").out
    taken = snapshot(backed_up)
    backed_up.run("config", "set", APP, "GREETING=later")
    backed_up.publish("1.1.0")
    backed_up.run("update", APP)
    backed_up.run("prune", APP, "--keep", "0")
    result = restore(backed_up, "00000000", code=4)
    assert result["error"]["key"] == "no-such-snapshot"
    result = restore(backed_up, taken)
    assert (result["from"], result["to"]) == ("1.1.0", "1.0.0") and backed_up.get() == (200, "1.0.0")
    told = json.loads(backed_up.get("/env")[1])
    assert "GREETING" not in told and told["SECRET"] == secret.strip()
    assert backed_up.run("update", APP, "--json").last["result"] == "nothing-to-do"
    left = "You went back from 1.1.0, so updates skip it."
    assert left in backed_up.run("update", APP, "--check").out
    assert "Went back:   from 1.1.0 on " in backed_up.run("status", APP).out
    assert re.search(rf"(?m)^{APP} +1\.0\.0 +", listed := backed_up.run("list").out), listed
    assert f"{APP} was taken back from 1.1.0, and updates skip it. See: discode status {APP}" in listed


def test_data_with_which_the_app_does_not_start_is_taken_back(backed_up):
    backed_up.get("/broken", "POST")
    taken = snapshot(backed_up)
    (volumes(backed_up) / "data/broken").unlink()
    with posts(backed_up) as (acknowledged, bad):
        refused = restore(backed_up, taken, code=5)
        then = len(acknowledged)
        wait_for(lambda: len(acknowledged) > then + 5, what="posts to the app as it was")
    assert not bad, bad
    assert "1.0.0 is still serving. Its data and settings are as they were." in refused["error"]["sentence"]
    assert rows(volumes(backed_up)) == set(acknowledged)
    assert not (volumes(backed_up) / "data/broken").exists() and not replaced(backed_up)
    assert not list((backed_up.home / "apps" / APP).glob("swaps/*"))


@pytest.mark.parametrize("seen", ["journal.json", "swaps/*/replaced"])
def test_one_that_is_killed_is_settled_and_the_data_is_the_one_or_the_other(backed_up, seen):
    taken = snapshot(backed_up)
    with posts(backed_up) as (acknowledged, bad):
        command = backed_up.start("restore", APP, taken, "--yes", APP)
        folder = backed_up.home / "apps" / APP
        wait_for(lambda: list(folder.glob(seen)), what=seen)
        command.send_signal(signal.SIGKILL)
        command.wait()
        wait_for(lambda: not (folder / "journal.json").exists(), what="its guard")
        then = len(acknowledged)
        wait_for(lambda: len(acknowledged) > then + 5, what="posts to the app")
    assert not bad, bad
    there, kept = rows(volumes(backed_up)), replaced(backed_up)
    assert set(acknowledged) <= there | (rows(kept[0]) if kept else set())
    assert backed_up.run("settle", APP, "--json").last["result"] == "running"
    assert len(replaced(backed_up)) == len(kept) <= 1


def test_it_is_asked_for_by_the_name_of_the_app(backed_up):
    taken = snapshot(backed_up)
    refused = backed_up.run("restore", APP, taken, code=4)
    assert re.search(rf"This undoes what was written to {APP} since \d{{4}}-", refused.err)
    assert f"discode restore {APP} {taken} --yes {APP}" in refused.err
    assert "is not the name of the app" in backed_up.run("restore", APP, taken, "--yes", "another", code=2).err
    for words in (("--tls", "off"), ("--path-prefix", "/x"), ("--host", "b.test"), ("--skip-checks",)):
        misplaced = backed_up.run("restore", APP, taken, "--yes", APP, *words, code=2)
        assert "A restore in place keeps the app's addresses" in misplaced.err and not replaced(backed_up)
    listed = backed_up.run("restore", APP)
    assert taken in listed.out and f"discode restore {APP} SNAPSHOT" in listed.err
    with terminal(backed_up.command("restore", APP, "latest"), backed_up.env) as typed:
        typed.until("Type the name of the app")
        typed.type("no")
        assert typed.end() != 0
    assert not replaced(backed_up)
    with terminal(backed_up.command("restore", APP, "latest"), backed_up.env) as typed:
        typed.until("Type the name of the app")
        typed.type(APP)
        assert typed.end() == 0
    assert len(replaced(backed_up)) == 1


def test_the_version_from_before_with_its_data_and_no_request_fails(backed_up):
    """A release that says that there is no way back from it, and changes the data so that the one before fails."""
    backed_up.publish("1.1.0", extra="irreversible: true\n")
    with posts(backed_up) as (acknowledged, bad):
        backed_up.run("update", APP)
        backed_up.get("/changed", "POST")
        refused = backed_up.run("rollback", APP, "--json", code=4).last["error"]
        step = refused["next_step"].partition("discode ")[2]
        refused = backed_up.run(*step.split(), "--json", code=4).last["error"]
        assert refused["key"] == "would-undo"
        done = backed_up.run(*refused["next_step"].partition("discode ")[2].split(), "--json").last
        then = len(acknowledged)
        wait_for(lambda: len(acknowledged) > then + 20, what="posts to the version from before")
        after = set(acknowledged[then + 1 :])
    assert not bad, bad
    assert (done["result"], done["from"], done["to"]) == ("rolled-back", "1.1.0", "1.0.0")
    assert backed_up.get() == (200, "1.0.0") and not (volumes(backed_up) / "data/changed").exists()
    there, [kept] = rows(volumes(backed_up)), replaced(backed_up)
    assert after <= there and set(acknowledged) <= there | rows(kept)
    restore(backed_up, done["snapshot"])
    assert backed_up.get() == (200, "1.1.0") and (volumes(backed_up) / "data/changed").exists()


def test_the_way_back_with_the_data_is_asked_for_by_the_name_of_the_app(backed_up):
    backed_up.publish("1.1.0")
    backed_up.run("update", APP)
    for words, said in (
        (["--yes", APP], "is for --with-data alone"),
        (["--with-data", "--yes", "another"], "is not the name of the app"),
        (["--with-data", "--yes", APP, "--set", "GREETING=hi"], "the settings are those from before the update"),
    ):
        assert said in backed_up.run("rollback", APP, *words, code=2).err
    refused = backed_up.run("rollback", APP, "--with-data", "--yes", code=4)
    assert f"discode rollback {APP} --with-data --yes {APP}" in refused.err
    with terminal(backed_up.command("rollback", APP, "--with-data"), backed_up.env) as typed:
        typed.until("Type the name of the app")
        typed.type(APP)
        assert typed.end() == 0
    assert backed_up.get() == (200, "1.0.0")


def test_a_stopped_app_is_started_by_a_restore(backed_up):
    backed_up.get("/first", "POST")
    taken = snapshot(backed_up)
    backed_up.get("/later", "POST")
    backed_up.run("stop", APP)
    assert restore(backed_up, taken)["result"] == "restored"
    assert backed_up.get() == (200, "1.0.0") and not (volumes(backed_up) / "data/later").exists()
    backed_up.run("stop", APP)
    (volumes(backed_up) / "data/broken").touch()
    broken = snapshot(backed_up)
    (volumes(backed_up) / "data/broken").unlink()
    refused = restore(backed_up, broken, code=5)["error"]["sentence"]
    assert f"{APP} is stopped, as before. Its data and settings are as they were." in refused
    assert backed_up.get()[0] == 503 and backed_up.run("status", APP, "--json").last["state"] == "stopped"
    assert not (volumes(backed_up) / "data/broken").exists()


def test_by_hand_as_the_manual_says(backed_up):
    """Its commands, with their words in capitals put in."""
    backed_up.get("/post/1", "POST")
    taken = snapshot(backed_up)
    [listed] = backed_up.run("backup", "list", APP, "--json").last["snapshots"]
    backed_up.get("/post/2", "POST")
    backed_up.get("/later", "POST")
    manual = (Path(__file__).parents[2] / "docs/backup.md").read_text().partition("### By hand")[2]
    commands = [line.strip() for line in manual.splitlines() if line.startswith("    ")]
    password = backed_up.run("backup", "password", APP, "--reveal").out.strip()
    words = {
        "/tmp/myapp": str(backed_up.folder / "restored"), "myapp": APP, "REPOSITORY": str(backed_up.storage),
        "SNAPSHOT": taken, "STAGED": listed["folder"].lstrip("/"), "VOLUME": str(volumes(backed_up) / "data"),
    }  # fmt: skip
    assert len(commands) == 6
    for command in commands:
        for word, value in words.items():
            command = command.replace(word, value)
        if command.startswith("discode"):
            backed_up.run(*command.split()[1:])
        else:
            subprocess.run(command.split(), env={**os.environ, "RESTIC_PASSWORD": password}, check=True)
    assert backed_up.get() == (200, "1.0.0") and rows(volumes(backed_up)) == {1}
    assert not (volumes(backed_up) / "data/later").exists()


@pytest.fixture
def small_disk(tmp_path):
    """Under the home of Discode; `sized` makes it larger."""
    with disk_of(tmp_path / "home", "110m") as home:
        yield lambda size: subprocess.run(["mount", "-o", f"remount,size={size}", home], check=True)


def test_a_disk_that_is_too_small_is_told_before_anything_is_stopped(small_disk, backed_up):
    (volumes(backed_up) / "data/large").write_bytes(os.urandom(30 << 20))
    taken = snapshot(backed_up)
    backed_up.get("/later", "POST")
    before = backed_up.run("status", APP, "--json").last["instance"]
    for words in (["--yes", APP], ["--as", "shop2", "--host", "copy.test"]):
        told = backed_up.run("restore", APP, taken, *words, "--json", code=4).last["error"]
        assert told["key"] == "disk-full" and told["next_step"].startswith("Free some space there, then run")
        assert re.fullmatch(
            rf"The restore of the snapshot {taken} needs \d+ MB of disk space, but only \d+ MB are free in "
            rf"{backed_up.home}\S*\. Nothing was changed\.", told["sentence"],
        ), told  # fmt: skip
    assert backed_up.get() == (200, "1.0.0") and (volumes(backed_up) / "data/later").exists()
    assert backed_up.run("status", APP, "--json").last["instance"] == before and not replaced(backed_up)
    assert len(backed_up.run("backup", "list", APP, "--json").last["snapshots"]) == 1, "none is taken in vain"
    assert not (backed_up.home / "apps/shop2").exists()
    small_disk("300m")
    assert restore(backed_up, taken)["result"] == "restored" and not (volumes(backed_up) / "data/later").exists()
