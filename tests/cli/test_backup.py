"""Backups on real processes behind the real edge, into real repositories."""

import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from contextlib import closing

import pytest

from place import APP
from rig.load import Load
from rig.wait import wait_for
from terminal import terminal

HELD = "strategy: hold, confirm: 200ms, hold: 120s, drain: 60s, stop: 3s"


@pytest.fixture
def backed_up(installed, tmp_path):
    """With a repository beside it."""
    installed.storage = tmp_path / "storage"
    made = installed.run("backup", "setup", APP, "--to", installed.storage, "--yes-i-kept-it", "--json").last
    installed.password = made["password"]
    return installed


def restic(place, *words):
    environment = {**os.environ, "RESTIC_PASSWORD": place.password, "RESTIC_REPOSITORY": str(place.storage)}
    done = subprocess.run(["restic", "--no-cache", *map(str, words)], env=environment, capture_output=True, check=True)
    return done.stdout.decode()


def snapshots(place):
    return place.run("backup", "list", APP, "--json").last["snapshots"]


def restored(place, identity):
    """Its files, below a folder, and its record."""
    target = place.folder / f"restored-{identity}"
    restic(place, "restore", identity, "--target", target)
    staged = target / str(place.home / "apps" / APP / "backup/discode-snapshot").lstrip("/")
    return target, json.loads((staged / "snapshot.json").read_text())


def volume(place):
    return place.home / "apps" / APP / "volumes/data"


def part(record, kind):
    return next(one for one in record["parts"] if one["kind"] == kind)


def test_from_the_setup_to_a_snapshot_with_all_of_the_app(backed_up):
    backed_up.get("/first", "POST")
    result = backed_up.run("backup", "now", APP, "--json").last
    assert (result["result"], result["app"], result["to"]) == ("backed-up", APP, "1.0.0")
    assert f"It is the snapshot {result['snapshot']}." in result["message"]
    target, record = restored(backed_up, result["snapshot"])
    assert (record["app"], record["version"], record["cause"]) == (APP, "1.0.0", "asked")
    assert (target / part(record, "volume")["path"].lstrip("/") / "first").exists()
    documents = target / part(record, "documents")["path"].lstrip("/")
    secret = backed_up.run("config", "get", APP, "SECRET", "--reveal").out.strip()
    assert json.loads((documents / "settings.json").read_text())["SECRET"] == secret
    assert json.loads((documents / "installation.json").read_text())["release"]["key"] == record["key"]
    assert not (backed_up.home / "apps" / APP / "backup").exists()
    [listed] = snapshots(backed_up)
    assert (listed["id"], listed["version"], listed["cause"]) == (result["snapshot"], "1.0.0", "asked")
    assert set(restic(backed_up, "snapshots", "--json").split('"')) >= {"discode", f"app:{APP}", "version:1.0.0"}
    [entry] = backed_up.run("history", APP, "--json").last["history"][1:]
    assert (entry["flow"], entry["outcome"], entry["snapshot"]) == ("backup", "done", result["snapshot"])


def test_a_database_is_whole_in_every_snapshot_while_it_is_written(backed_up):
    """Each row is acknowledged before the next one begins; every one from before a snapshot is in it."""
    path, stop, rows = volume(backed_up) / "app.db", threading.Event(), [0]
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE post (number INTEGER PRIMARY KEY, body TEXT)")

    def write():
        with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as database:
            while not stop.is_set():
                database.execute("INSERT INTO post VALUES (?, ?)", (rows[0] + 1, "x" * 2000))
                rows[0] += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_for(lambda: rows[0] > 100, what="some rows")
        taken = []
        for _ in range(3):
            before = rows[0]
            taken.append((backed_up.run("backup", "now", APP, "--json").last["snapshot"], before))
    finally:
        stop.set()
        writer.join()
    for identity, before in taken:
        target, record = restored(backed_up, identity)
        copy = target / part(record, "databases")["path"].lstrip("/") / "app.db"
        with closing(sqlite3.connect(copy)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert database.execute("SELECT count(*) FROM post").fetchone()[0] >= before
        live = target / part(record, "volume")["path"].lstrip("/")
        assert not list(live.glob("app.db*"))


def test_an_app_that_must_be_alone_has_its_requests_held_and_none_fails(place, tmp_path):
    place.publish("1.0.0", update=HELD)
    place.install()
    place.storage = tmp_path / "storage"
    made = place.run("backup", "setup", APP, "--to", place.storage, "--yes-i-kept-it", "--json").last
    place.password = made["password"]
    place.get("/first", "POST")
    with Load(place.port, "shop.test", users=2) as load:
        result = place.run("backup", "now", APP, "--json").last
    assert not load.bad and "Requests were held for " in result["message"]
    target, record = restored(place, result["snapshot"])
    assert part(record, "volume")["how"] == "held" and record["held"] > 0
    assert (target / part(record, "volume")["path"].lstrip("/") / "first").exists()


def test_an_update_and_a_rollback_take_a_snapshot_first(backed_up):
    backed_up.publish("1.1.0")
    updated = backed_up.run("update", APP, "--json").last
    backed = backed_up.run("rollback", APP, "--json").last
    told = {one["id"]: (one["version"], one["cause"]) for one in snapshots(backed_up)}
    assert told == {updated["snapshot"]: ("1.0.0", "update"), backed["snapshot"]: ("1.1.0", "rollback")}
    history = backed_up.run("history", APP, "--json").last["history"]
    assert [(one["flow"], one["snapshot"]) for one in history[1:]] == [
        ("backup", updated["snapshot"]), ("update", updated["snapshot"]),
        ("backup", backed["snapshot"]), ("rollback", backed["snapshot"]),
    ]  # fmt: skip


def test_an_update_whose_snapshot_fails_does_not_begin_unless_that_is_allowed(backed_up):
    backed_up.publish("1.1.0")
    backed_up.storage.rename(backed_up.storage.with_name("away"))
    refused = backed_up.run("update", APP, code=4)
    assert "There is no repository at" in refused.err
    assert "The update has not begun, for it takes a snapshot first; 1.0.0 is still serving." in refused.err
    assert backed_up.get() == (200, "1.0.0")
    status = backed_up.run("status", APP, "--json").last
    assert status["backup"]["failed"]["error"].startswith("There is no repository at")
    hurried = backed_up.run("update", APP, "--no-snapshot", "--json").last
    assert (hurried["to"], hurried.get("snapshot")) == ("1.1.0", None)
    assert backed_up.run("rollback", APP, "--no-snapshot", "--json").last["to"] == "1.0.0"
    backed_up.run("backup", "setup", APP, "--before-updates", "try")
    assert "There is no snapshot from before this update" in backed_up.run("update", APP, "--to", "1.1.0").err
    assert backed_up.get() == (200, "1.1.0")


def test_without_a_setup_no_update_takes_one_and_a_backup_makes_a_local_repository(installed):
    installed.publish("1.1.0")
    assert installed.run("update", APP, "--json").last["snapshot"] is None
    assert "not set up; to set them up" in installed.run("status", APP).out
    refused = installed.run("backup", "list", APP, code=4)
    assert "Backups of shop are not set up." in refused.err
    done = installed.run("backup", "now", APP)
    assert "they do not outlive its disk" in done.err and "1.1.0 is backed up." in done.out
    assert "they do not outlive its disk" in installed.run("status", APP).out
    local = installed.home / "backups" / APP
    assert (local / "config").exists() and local.stat().st_mode & 0o077 == 0
    installed.run("uninstall", APP, "--purge", "--yes")
    assert not local.exists() and not (installed.home / "apps" / APP / "backup.json").exists()


def test_a_repository_that_was_never_made_is_made_by_the_step_that_is_told(installed):
    """As a first backup leaves it that was killed after the plan was kept."""
    installed.run("backup", "now", APP)
    local = installed.home / "backups" / APP
    shutil.rmtree(local)
    refused = installed.run("backup", "now", APP, "--json", code=4).last
    assert "To make a new one there: discode backup setup" in refused["error"]["next_step"]
    words = refused["error"]["next_step"].rpartition(": discode ")[2].split()
    assert installed.run(*words, "--json").last["result"] == "created"
    assert installed.run("backup", "now", APP, "--json").last["result"] == "backed-up"
    assert installed.run("backup", "setup", APP, "--to", local, "--json").last["result"] == "changed"


def test_the_password_has_to_be_kept(installed, tmp_path):
    place = str(tmp_path / "storage")
    refused = installed.run("backup", "setup", APP, "--to", place, code=2)
    assert "--yes-i-kept-it" in refused.err and not (tmp_path / "storage").exists()
    with terminal(installed.command("backup", "setup", APP, "--to", place), installed.env) as typed:
        typed.until("shown this once:")
        shown = typed.until("Keep it away").split()[0]
        typed.until("Type its last group")
        typed.type("wrong")
        typed.until("That is not its last group.")
        typed.type(shown.rpartition("-")[2])
        assert typed.end() == 0
    installed.storage, installed.password = tmp_path / "storage", shown
    assert restic(installed, "snapshots", "--json").strip() in ("null", "[]")
    assert shown in installed.run("backup", "password", APP, "--reveal").out
    kept = installed.home / "apps" / APP / "backup.json"
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_repository_that_is_there_is_joined_with_its_own_password(backed_up, tmp_path):
    (backed_up.home / "apps" / APP / "backup.json").unlink()
    again = ("backup", "setup", APP, "--to", backed_up.storage)
    assert "There is a repository at" in backed_up.run(*again, code=2).err
    file = tmp_path / "password"
    file.touch(0o600)
    file.write_text("wrong-wrong\n")
    assert "does not open" in backed_up.run(*again, "--password-file", file, code=4).err
    file.write_text(f"{backed_up.password}\n")
    assert backed_up.run(*again, "--password-file", file, "--json").last["result"] == "joined"
    file.chmod(0o644)
    assert "is not yours alone" in backed_up.run(*again, "--password-file", file, code=2).err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--to", "b2:bucket"), "does not know repositories of the kind b2"),
        (("--to", "s4:https://host/x"), "does not know repositories of the kind s4"),
        (("--to", "s3:bucket"), "Write it as: s3:https://host/bucket"),
        (("--to", "backups"), "is not a whole path"),
        (("--to", "rest:https://me:hush@host/"), "--credentials-file FILE"),
        (("--to", "sftp://me:secret@host/x"), "holds a password"),
        (("--to", "s3:"), "says no place"),
        (
            ("--keep-last", "0", "--keep-daily", "0", "--keep-weekly", "0", "--keep-monthly", "0"),
            "Nothing would be kept",
        ),
        (("--before-updates", "maybe"), "maybe"),
        (("--password-file", "/nowhere"), "cannot be read"),
    ],
)
def test_a_setup_that_cannot_be(installed, words, told):
    refused = installed.run("backup", "setup", APP, *words, code=2)
    assert told in refused.err
    assert not (installed.home / "apps" / APP / "backup.json").exists()


def test_no_repository_where_the_data_is_or_among_other_files(installed, tmp_path):
    """There it would go with what it is to save."""
    home, disk = installed.home, tmp_path / "disk"
    (disk / "lost+found").mkdir(parents=True)
    (tmp_path / "file").touch()
    for place in (home / "apps" / APP / "volumes/data/backup", home, tmp_path / "file", tmp_path):
        refused = installed.run("backup", "setup", APP, "--to", place, "--yes-i-kept-it", "--json", code=2).last
        assert f"discode backup setup {APP} --to /" in refused["error"]["next_step"]
        assert not (place / "config").exists()
    words = refused["error"]["next_step"].rpartition(": discode ")[2].split()
    assert installed.run(*words, "--yes-i-kept-it", "--json").last["repository"] == str(tmp_path / APP)
    moved = installed.run("backup", "setup", APP, "--to", disk, "--yes-i-kept-it")
    assert f"Earlier snapshots stay in {tmp_path / APP}." in moved.out and "failed" not in moved.err
    installed.env["HOME"] = str(tmp_path)
    made = installed.run("backup", "setup", APP, "--to=~/mine", "--yes-i-kept-it", "--json").last
    assert made["repository"] == str(tmp_path / "mine")


def test_what_is_too_old_is_forgotten(backed_up):
    for _ in range(3):
        backed_up.run("backup", "now", APP)
    first, second, third = (one["id"] for one in snapshots(backed_up))
    keep = ("--keep-last", "1", "--keep-daily", "0", "--keep-weekly", "0", "--keep-monthly", "0")
    backed_up.run("backup", "setup", APP, *keep)
    assert {one["id"] for one in backed_up.run("backup", "forget", APP, "--dry-run", "--json").last["snapshots"]} == {
        first, second,
    }  # fmt: skip
    assert len(snapshots(backed_up)) == 3
    for words in ((), ("--json",)):
        unasked = backed_up.run("backup", "forget", APP, first, *words, code=4)
        assert "It would delete 1 snapshot of" in unasked.out + unasked.err and "--yes" in unasked.out + unasked.err
    for answer, left in (("n", 3), ("y", 2)):
        with terminal(backed_up.command("backup", "forget", APP, first), backed_up.env) as typed:
            assert first in typed.until("Delete this snapshot?")
            typed.type(answer)
            typed.end()
        assert len(snapshots(backed_up)) == left
    assert [one["id"] for one in snapshots(backed_up)] == [second, third]
    backed_up.run("backup", "forget", APP, "--yes")
    assert [one["id"] for one in snapshots(backed_up)] == [third]
    assert "There is no snapshot" in backed_up.run("backup", "forget", APP, first, code=4).err
    assert "The repository is whole and has 1 snapshots" in backed_up.run("backup", "check", APP, "--data").out


def test_settling_starts_what_is_due(backed_up):
    backed_up.run("backup", "schedule", APP, "--at", "25:00", code=2)
    backed_up.run("backup", "schedule", APP, code=2)
    at = time.strftime("%H:%M", time.localtime(time.time() + 43200))  # not now
    assert backed_up.run("backup", "schedule", APP, "--at", at, "--json").last["at"] == at
    backed_up.run("settle", "--all")
    path = backed_up.home / "apps" / APP / "backup.json"
    kept = json.loads(path.read_text())
    assert snapshots(backed_up) == []  # a new schedule begins with the next time
    kept["plan"]["since"] = time.time() - 3 * 86400
    path.write_text(json.dumps(kept))
    backed_up.run("settle", "--all")
    wait_for(lambda: [one["cause"] for one in snapshots(backed_up)] == ["scheduled"], what="the scheduled backup")
    wait_for(lambda: backed_up.run("settle", "--all") and not backed_up.processes(names=(b"--scheduled",)))
    assert len(snapshots(backed_up)) == 1
    assert f"daily at {at}" in backed_up.run("status", APP).out


def test_a_backup_that_is_killed_leaves_nothing_and_the_app_serves(place, tmp_path):
    """In the middle of its hold: the storage is slow, for it is a pipe that nobody reads."""
    place.publish("1.0.0", update=HELD)
    place.install()
    place.run("backup", "setup", APP, "--to", tmp_path / "storage", "--yes-i-kept-it")
    for number in range(2000):
        (volume(place) / f"file{number}").write_bytes(b"x" * 1000)
    command = place.start("backup", "now", APP)
    wait_for((place.home / "apps" / APP / "backup/discode-snapshot/volumes/data").exists, what="a staged volume")
    command.kill()
    command.wait()
    wait_for(lambda: not place.journals(), what="its guard")
    place.run("settle", APP)
    assert place.get() == (200, "1.0.0") and not (place.home / "apps" / APP / "backup").exists()
    assert place.run("backup", "now", APP, "--json").last["result"] == "backed-up"


def test_ctrl_c_leaves_nothing(backed_up):
    (volume(backed_up) / "vast").touch()
    os.truncate(volume(backed_up) / "vast", 8 << 30)  # zeros that take no room: restic reads on and on
    command = backed_up.start("backup", "now", APP)
    wait_for((backed_up.home / "apps" / APP / "backup/discode-snapshot/snapshot.json").exists, what="the staging")
    command.send_signal(signal.SIGINT)
    assert command.wait() != 0
    assert not (backed_up.home / "apps" / APP / "backup").exists()
    wait_for(lambda: not backed_up.processes(names=(b"restic",)), what="the end of restic")
    backed_up.run("backup", "check", APP)
    assert snapshots(backed_up) == []


def test_doctor_looks_at_repositories(backed_up):
    def found():
        checks = backed_up.run("doctor", "--json", code=None).last["checks"]
        return next(one for one in checks if one["what"] == f"backups of {APP}")

    assert not found()["ok"] and found()["next_step"] == f"Take one now: discode backup now {APP}"
    backed_up.run("backup", "now", APP)
    assert found()["ok"] and re.match(r"last (less than a|\d+) minutes? ago, to ", found()["detail"])
    backed_up.storage.rename(backed_up.storage.with_name("away"))
    assert not found()["ok"] and found()["detail"].startswith("There is no repository at")


def test_a_damaged_plan_keeps_nobody_from_setting_up_again(backed_up, tmp_path):
    path = backed_up.home / "apps" / APP / "backup.json"
    path.write_text("{")
    assert "is damaged" in backed_up.run("backup", "now", APP, code=4).err
    assert "is damaged" in backed_up.run("status", APP).out
    backed_up.run("backup", "setup", APP, "--to", tmp_path / "other", "--yes-i-kept-it")
    assert backed_up.run("backup", "now", APP, "--json").last["result"] == "backed-up"


def test_doctor_complains_of_backups_that_are_old_or_that_failed(backed_up):
    backed_up.run("backup", "now", APP)
    history = backed_up.home / "apps" / APP / "history.jsonl"
    lines = history.read_text().splitlines()
    entry = json.loads(lines[-1])

    def found(**changed):
        history.write_text("".join(f"{line}\n" for line in [*lines[:-1], json.dumps({**entry, **changed})]))
        answer = backed_up.run("doctor", "--json", code=None)
        one = next(one for one in answer.last["checks"] if one["what"] == f"backups of {APP}")
        assert answer.code != 0 or one["ok"]
        return one["ok"], one["detail"].partition(",")[0], one["next_step"]

    step = f"Take one now: discode backup now {APP}"
    day = 86400
    assert found(at=entry["at"] - 7 * day)[:2] == (True, "last 7 days ago")
    assert found(at=entry["at"] - 9 * day) == (False, "last 9 days ago", step)
    failed = found(outcome="failed", error="The moon is full.")
    assert failed[0] is False and failed[2] == step
    backed_up.run("backup", "schedule", APP, "--at", "03:00")
    assert found(at=entry["at"] - 3 * day) == (False, "last 3 days ago", step)
    backed_up.run("backup", "now", APP)
    checks = backed_up.run("doctor", "--json", code=None).last["checks"]
    assert next(one for one in checks if one["what"] == f"backups of {APP}")["ok"], "the step helps"


def test_an_update_waits_for_a_backup_that_is_under_way(backed_up):
    (volume(backed_up) / "large").write_bytes(os.urandom(64 << 20))
    backed_up.publish("1.1.0")
    command = backed_up.start("backup", "now", APP)
    wait_for((backed_up.home / "apps" / APP / "backup/discode-snapshot").exists, what="its staging")
    command.send_signal(signal.SIGSTOP)
    updating = backed_up.start("update", APP)
    assert any(f"Waiting until a backup of {APP} is done" in line for line in updating.stderr)
    command.send_signal(signal.SIGCONT)
    for one in (command, updating):
        one.communicate(timeout=300)
        assert one.returncode == 0
    assert backed_up.get() == (200, "1.1.0")
    assert [one["cause"] for one in snapshots(backed_up)] == ["asked", "update"]


WAITS = """\
release_command: [python3, -c, "import os, time\\nwhile not os.path.exists('data/go'): time.sleep(0.02)"]
"""


def test_in_the_middle_of_a_migration_there_is_no_snapshot(backed_up):
    backed_up.publish("1.1.0", extra=WAITS)
    update = backed_up.start("update", APP, "--no-snapshot", "--json")
    assert any('"release"' in line and "started" in line for line in update.stdout), "it runs its release command"
    told = backed_up.run("backup", "now", APP, "--json", code=6).last["error"]
    assert told["key"] == "busy" and f"discode update {APP}" in told["sentence"], told
    assert backed_up.get() == (200, "1.0.0") and snapshots(backed_up) == []
    (volume(backed_up) / "go").touch()
    update.communicate(timeout=300)
    assert update.returncode == 0 and backed_up.get() == (200, "1.1.0")
    assert backed_up.run("backup", "now", APP, "--json").last["to"] == "1.1.0"


def test_an_update_that_does_not_wait_leaves_no_snapshot_of_what_it_changed(backed_up):
    """Its migration runs while the volumes are read: nobody knows what such a snapshot would hold."""
    backed_up.publish("1.1.0")
    reached, go, path = backed_up.folder / "reached", backed_up.folder / "go", backed_up.env["PATH"]
    slow = backed_up.folder / "bin/restic"
    slow.parent.mkdir()
    stands = f"touch {reached}; while [ ! -e {go} ]; do sleep 0.05; done"
    real = shutil.which("restic")
    slow.write_text(f'#!/bin/sh\ncase " $* " in *" --exclude-file "*) {stands};; esac\nexec {real} "$@"\n')
    slow.chmod(0o755)
    backed_up.env["PATH"] = f"{slow.parent}:{path}"
    backup = backed_up.start("backup", "now", APP, "--json")
    backed_up.env["PATH"] = path
    wait_for(reached.exists, what="what saves the snapshot", unless=lambda: backup.poll() is not None)
    backed_up.run("update", APP, "--no-snapshot")
    go.touch()
    out, err = backup.communicate(timeout=300)
    told = json.loads(out.strip().splitlines()[-1])
    assert (backup.returncode, told["error"]["key"]) == (5, "changed-meanwhile"), (out, err)
    assert told["error"]["sentence"] == (
        f"{APP} was changed by another command while it was being backed up, so there is no snapshot of it."
    )
    assert backed_up.get() == (200, "1.1.0") and snapshots(backed_up) == []
    assert told["error"]["next_step"] == f"Once that command is done: discode backup now {APP}"
    assert backed_up.run("backup", "now", APP, "--json").last["result"] == "backed-up"


def test_doctor_installs_restic_where_it_is_missing(backed_up):
    """On a machine of its own, as far as that program goes."""
    if os.geteuid():
        pytest.skip("mounting is not allowed here")
    there = shutil.which("restic")
    installer = backed_up.folder / "bin/apt-get"
    installer.parent.mkdir()
    installer.write_text(f'#!/bin/sh\ncase "$*" in *install*restic*) umount {there};; *) exit 1;; esac\n')
    installer.chmod(0o755)
    backed_up.env["PATH"] = f"{installer.parent}:{backed_up.env['PATH']}"
    doctor, now = (
        shlex.join(backed_up.command(*words)) for words in (("doctor", "--fix", "--yes"), ("backup", "now", APP))
    )
    script = f"mount --bind /dev/null {there}; {now} && exit 1; {doctor}; {now}"
    words = ["unshare", "--mount", "sh", "-c", script]
    done = subprocess.run(words, env=backed_up.env, capture_output=True, text=True, timeout=300)
    assert "Install it: apt-get install restic (or: discode doctor --fix)" in done.stderr
    assert done.returncode == 0 and "restic is installed." in done.stdout + done.stderr, done
    assert len(snapshots(backed_up)) == 1
