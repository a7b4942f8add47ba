"""A snapshot as a new installation, on real processes behind the real edge: when the machine is lost, and beside it."""

import json
import re
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from place import APP
from rig.wait import wait_for
from terminal import terminal

COPY = "shop2"
LOST = (
    "Give the one that was shown when the repository was made: --password-file FILE. Where the app still runs it is "
    f"safe, and the password is there: discode backup password {APP} --reveal. If it is lost, nobody can read what is "
    "in this repository."
)


@pytest.fixture
def backed_up(installed, tmp_path):
    """With a note, an order, and a repository that outlives the machine."""
    installed.storage = tmp_path / "storage"
    installed.run("config", "set", APP, "GREETING=hello")
    installed.get("/first", "POST")
    installed.get("/post/7", "POST")
    made = installed.run("backup", "setup", APP, "--to", installed.storage, "--yes-i-kept-it", "--json").last
    installed.password = tmp_path / "password"
    installed.password.write_text(made["password"])
    installed.password.chmod(0o600)
    installed.taken = installed.run("backup", "now", APP, "--json").last["snapshot"]
    return installed


def lose(place):
    """The machine: nothing runs, and nothing of Discode's is on its disk."""
    place.crash()
    shutil.rmtree(place.home)


def back(place, *words, code=0):
    given = ["--from", place.storage, "--password-file", place.password, "--http-port", place.port, "--json"]
    return place.run("restore", APP, *words, *given, code=code).last


def data(place, app=APP):
    return place.home / "apps" / app / "volumes" / "data"


def posts(folder):
    with closing(sqlite3.connect(folder / "app.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [number for (number,) in database.execute("SELECT number FROM post")]


def nothing_is_left(place, app=APP):
    folder = place.home / "apps" / app
    left = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    assert left <= {"history.jsonl", "seat.json"}, left
    assert not list((place.home / "archives").glob(f"{app}/*")), "its archive is left"
    assert not [path for path in (place.home / "instances").glob(f"{app}-*") if path.is_dir()]


def test_on_a_machine_that_has_nothing_but_the_repository(backed_up):
    env = json.loads(backed_up.get("/env")[1])
    backed_up.run("backup", "schedule", APP, "--at", "03:00")
    taken = backed_up.run("backup", "now", APP, "--json").last["snapshot"]
    lose(backed_up)
    told = back(backed_up)
    assert (told["result"], told["to"], told["snapshot"]) == ("restored", "1.0.0", taken)
    assert re.search(r"Its data is of 2.*(less than a|\d+) minutes? ago", told["message"]), told
    assert backed_up.get() == (200, "1.0.0") and posts(data(backed_up)) == [7] and (data(backed_up) / "first").exists()
    now = json.loads(backed_up.get("/env")[1])
    assert (now["SECRET"], now["GREETING"]) == (env["SECRET"], "hello")
    status = backed_up.run("status", APP, "--json").last
    assert (status["backup"]["repository"], status["backup"]["at"]) == (str(backed_up.storage), "03:00")
    flows = [one["flow"] for one in backed_up.run("history", APP, "--json").last["history"]]
    assert flows[-1] == "restore" and "install" in flows
    backed_up.publish("1.1.0")
    assert backed_up.run("update", APP, "--json").last["to"] == "1.1.0"
    assert not (backed_up.home / "apps" / APP / "work").exists()


def test_what_cannot_be_restored_leaves_nothing_and_the_next_try_works(backed_up):
    wrong = backed_up.folder / "wrong"
    wrong.write_text("not the password")
    wrong.chmod(0o600)
    lose(backed_up)
    for words in (("--tls", "off"), ("--path-prefix", "/x")):
        refused = back(backed_up, *words, code=2)["error"]
        assert refused["key"] == "host-missing" and "--host NAME" in refused["next_step"]
    right, backed_up.password = backed_up.password, wrong
    refused = back(backed_up, code=4)["error"]
    assert (refused["key"], refused["sentence"], refused["next_step"]) == (
        "repository-password",
        f"The password does not open the repository {backed_up.storage}. Nothing was changed.", LOST,
    )  # fmt: skip
    backed_up.password = right
    assert back(backed_up, "00000000", code=4)["error"]["key"] == "no-such-snapshot"
    unknown = backed_up.run("restore", "another", "--from", backed_up.storage, "--password-file", right, code=4)
    assert f"It has snapshots of: {APP}." in unknown.err
    storage, backed_up.storage = backed_up.storage, backed_up.folder / "nowhere"
    assert back(backed_up, code=4)["error"]["key"] == "repository-missing"
    backed_up.storage = storage
    repo = Path(backed_up.repo).rename(backed_up.folder / "moved")
    refused = back(backed_up, code=7)["error"]
    assert "was not restored, and nothing is left of it" in refused["sentence"]
    nothing_is_left(backed_up)
    assert back(backed_up, "--source", repo)["result"] == "restored" and backed_up.get() == (200, "1.0.0")


def test_an_app_that_is_installed_is_not_restored_over(backed_up):
    told = back(backed_up, code=4)["error"]
    assert (told["key"], told["sentence"], told["next_step"]) == (
        "installed-already", f"{APP} 1.0.0 is installed on this machine. Nothing was changed.",
        f"To go back to a snapshot of it in place: discode restore {APP}. To have this one beside it, add a "
        f"name and an address: --as {COPY} --host {COPY}.example.com",
    )  # fmt: skip
    told = backed_up.run("restore", APP, "latest", "--as", APP, "--host", "copy.test", "--json", code=2).last["error"]
    assert (told["sentence"], told["next_step"]) == (
        f"--as {APP} is the app itself. Nothing was changed.", f"Give another name: --as {COPY}"
    )  # fmt: skip
    backed_up.run("restore", APP, "latest", "--as", COPY, "--host", "copy.test")
    backed_up.ask("/mine", "POST", host="copy.test")
    for words in ([], ["--from", backed_up.storage, "--password-file", backed_up.password]):
        words = [APP, "latest", "--as", COPY, "--host", "other.test", *words]
        told = backed_up.run("restore", *words, "--json", code=4).last["error"]
        assert (told["key"], told["sentence"], told["next_step"]) == (
            "installed-already", f"{COPY} 1.0.0 is installed on this machine. Nothing was changed.",
            f"Give the copy another name: --as {COPY}2",
        )  # fmt: skip
    assert (data(backed_up, COPY) / "mine").exists() and backed_up.ask("/", host="copy.test") == (200, "1.0.0")
    assert backed_up.get() == (200, "1.0.0") and posts(data(backed_up)) == [7]


def test_a_password_that_is_lost_is_told_as_that_and_the_app_is_safe(backed_up):
    kept = backed_up.home / "apps" / APP / "backup.json"
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "password": "another"}))
    for words in (["backup", "now", APP], ["restore", APP, "latest", "--yes", APP], ["backup", "drill", APP]):
        told = backed_up.run(*words, "--json", code=4).last["error"]
        assert (told["key"], told["sentence"]) == (
            "repository-password",
            f"The password does not open the repository {backed_up.storage}. Your app was not touched.",
        )
        assert told["next_step"] == (
            f"Give the password that was shown when it was made: discode backup setup {APP} --to {backed_up.storage} "
            "--password-file FILE. If it is lost, nobody can read what is in there, but the app is safe: begin a new "
            f"repository at another place: discode backup setup {APP} --to PLACE"
        )
    kept.unlink()
    told = backed_up.run("backup", "setup", APP, "--to", backed_up.storage, "--yes-i-kept-it", "--json", code=2).last
    assert told["error"]["key"] == "repository-exists" and "If it is lost, nobody" in told["error"]["next_step"]
    backed_up.run(*told["error"]["next_step"].partition("another place: discode ")[2].split(), "--yes-i-kept-it")
    assert backed_up.run("backup", "now", APP, "--json").last["result"] == "backed-up"
    assert backed_up.get() == (200, "1.0.0") and posts(data(backed_up)) == [7]


def test_the_password_comes_from_the_environment_or_is_asked_for(backed_up):
    lose(backed_up)
    words = ["restore", APP, "--from", backed_up.storage, "--http-port", backed_up.port]
    assert backed_up.run(*words, "--json", code=2).last["error"]["key"] == "no-password"
    with terminal(backed_up.command(*words), backed_up.env) as typed:
        typed.until("Password of the repository at")
        typed.type("not it")
        assert typed.end() == 4
    backed_up.env["DISCODE_BACKUP_PASSWORD"] = backed_up.password.read_text()
    assert backed_up.run(*words, "--json").last["result"] == "restored"


def test_one_that_does_not_start_leaves_nothing(backed_up):
    backed_up.get("/broken", "POST")
    backed_up.run("backup", "now", APP)
    lose(backed_up)
    refused = back(backed_up, code=5)["error"]
    assert refused["key"] == "release-failed" and "nothing is left of it" in refused["sentence"]
    nothing_is_left(backed_up)
    assert back(backed_up, backed_up.taken)["result"] == "restored"


@pytest.mark.parametrize("seen", ["apps/*/journal.json", "apps/*/work/restored", "apps/*/volumes/data/app.db"])
def test_one_that_is_killed_is_undone_or_serves(backed_up, seen):
    lose(backed_up)
    words = ["--from", backed_up.storage, "--password-file", backed_up.password, "--http-port", backed_up.port]
    command = backed_up.start("restore", APP, *words)
    wait_for(lambda: list(backed_up.home.glob(seen)), what=seen)
    command.send_signal(signal.SIGKILL)
    command.wait()
    wait_for(lambda: not (backed_up.home / "apps" / APP / "journal.json").exists(), what="its guard")
    if not (backed_up.home / "apps" / APP / "installation.json").exists():
        nothing_is_left(backed_up)
        assert back(backed_up)["result"] == "restored"
    assert backed_up.get() == (200, "1.0.0") and posts(data(backed_up)) == [7]


def test_beside_the_app_under_another_name(backed_up):
    backed_up.get("/later", "POST")
    secret = json.loads(backed_up.get("/env")[1])["SECRET"]
    refused = backed_up.run("restore", APP, "latest", "--as", COPY, "--json", code=2).last["error"]
    assert refused["key"] == "host-missing"
    taken = backed_up.run("restore", APP, "latest", "--as", COPY, "--host", "shop.test", "--json", code=4).last["error"]
    assert taken["key"] == "host-taken"
    told = backed_up.run("restore", APP, backed_up.taken, "--as", COPY, "--host", "copy.test", "--json").last
    assert (told["result"], told["app"], told["to"]) == ("restored", COPY, "1.0.0")
    assert backed_up.ask("/", host="copy.test") == (200, "1.0.0")
    assert json.loads(backed_up.ask("/env", host="copy.test")[1])["SECRET"] == secret
    assert not (data(backed_up, COPY) / "later").exists() and (data(backed_up) / "later").exists()
    backed_up.ask("/mine", "POST", host="copy.test")
    assert not (data(backed_up) / "mine").exists()
    backed_up.publish("1.1.0")
    assert backed_up.run("update", COPY, "--json").last["to"] == "1.1.0"
    assert backed_up.ask("/", host="copy.test") == (200, "1.1.0") and backed_up.get() == (200, "1.0.0")
    assert backed_up.run("update", APP, "--json").last["to"] == "1.1.0"
    backed_up.run("prune", APP, "--keep", "0")
    assert backed_up.run("rollback", COPY, "--json").last["to"] == "1.0.0"
    backed_up.run("backup", "setup", COPY, "--to", backed_up.folder / "of-copy", "--yes-i-kept-it")
    backed_up.run("backup", "now", COPY)
    backed_up.run("uninstall", COPY, "--purge", "--yes")
    assert backed_up.get() == (200, "1.1.0") and posts(data(backed_up)) == [7]


def test_a_drill_proves_the_newest_snapshot_and_leaves_nothing(backed_up):
    told = backed_up.run("backup", "drill", APP, "--json").last
    assert (told["result"], told["snapshot"]) == ("proved", backed_up.taken)
    nothing_is_left(backed_up, f"{APP}-drill")
    assert not (backed_up.home / "apps" / f"{APP}-drill").exists()
    assert backed_up.get() == (200, "1.0.0")
    status = backed_up.run("status", APP)
    assert re.search(r"a restore was last proved (less than a|\d+) minutes? ago", " ".join(status.out.split())), status
    listed = backed_up.run("list", "--json").last["apps"][0]["backup"]
    assert listed["proved"] and listed["last"]
    backed_up.get("/broken", "POST")
    broken = backed_up.run("backup", "now", APP, "--json").last["snapshot"]
    refused = backed_up.run("backup", "drill", APP, "--json", code=5).last["error"]
    assert refused["key"] == "drill-failed" and broken in refused["sentence"]
    assert "Your app was not touched" in refused["sentence"]
    assert not (backed_up.home / "apps" / f"{APP}-drill").exists()
    assert "the last drill failed" in backed_up.run("status", APP).out


def test_a_drill_that_is_killed_leaves_nothing(backed_up):
    command = backed_up.start("backup", "drill", APP)
    work = backed_up.home / "apps" / f"{APP}-drill"
    wait_for(lambda: list(work.glob("volumes/data/app.db")), what="its data")
    command.send_signal(signal.SIGKILL)
    command.wait()
    wait_for(lambda: not work.exists(), what="its guard")
    nothing_is_left(backed_up, f"{APP}-drill")
    assert backed_up.get() == (200, "1.0.0")
    assert backed_up.run("backup", "drill", APP, "--json").last["result"] == "proved"


def test_the_vendors_own_command_is_asked(backed_up):
    asked = "import os, sys; sys.exit(os.path.exists('data/bad') and int(os.environ['DISCODE_DRILL']))"
    verify = f'backup: {{verify: [python3, -c, "{asked}"]}}\n'
    backed_up.publish("1.1.0", extra=verify)
    backed_up.run("update", APP)
    backed_up.run("backup", "now", APP)
    assert "python3 ended with 0" in backed_up.run("backup", "drill", APP).out
    backed_up.get("/bad", "POST")
    backed_up.run("backup", "now", APP)
    refused = backed_up.run("backup", "drill", APP, code=5)
    assert "The vendor's command for this, python3, exited with 1" in refused.err
    assert (data(backed_up) / "bad").exists() and backed_up.get() == (200, "1.1.0")


def test_a_drill_is_held_when_it_is_due(backed_up):
    told = backed_up.run("backup", "schedule", APP, "--drill-every", "30", "--json").last
    assert (told["at"], told["drill_days"]) == ("", 30)
    backed_up.run("settle", "--all")
    path = backed_up.home / "apps" / APP / "backup.json"
    kept = json.loads(path.read_text())
    kept["plan"]["since"] -= 31 * 86400
    path.write_text(json.dumps(kept))
    backed_up.run("settle", "--all")

    def drills():
        return [one for one in backed_up.run("history", APP, "--json").last["history"] if one["flow"] == "drill"]

    [one] = wait_for(drills, what="the drill")
    assert one["outcome"] == "done"
    backed_up.run("settle", "--all")
    wait_for(lambda: not backed_up.processes(names=(b"drill\0",)), what="its end")
    assert len(drills()) == 1
    assert "No backups by themselves any more." in backed_up.run("backup", "schedule", APP, "--off").out
    assert backed_up.run("status", APP, "--json").last["backup"]["drill_days"] == 0
