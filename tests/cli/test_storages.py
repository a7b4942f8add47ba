"""Backups of real processes to real storages: S3, SFTP, REST and rclone, with their logins; and by a schedule."""

import json
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from place import APP
from rig import storages
from rig.wait import wait_for


def made(kind, folder, **options):
    one = kind(folder, **options)
    one.start()
    return one


@pytest.fixture(params=storages.KINDS, ids=lambda kind: kind.kind)
def storage(request, tmp_path):
    with closing(made(request.param, tmp_path / "storage")) as one:
        yield one


def reached(place, storage):
    """Commands of the place find the programs by which it is asked, and are told no login by that."""
    place.env.update(storage.environment)
    return place


def credentials_file(place, storage):
    file = place.folder / "storage.env"
    file.touch(0o600)
    file.write_text("".join(f"{name}={value}\n" for name, value in storage.credentials.items()))
    return file


def set_up(place, storage):
    words = ["backup", "setup", APP, "--to", storage.address, "--yes-i-kept-it", "--json"]
    if storage.credentials:
        words += ["--credentials-file", credentials_file(place, storage)]
    return reached(place, storage).run(*words).last


def secrets_of(storage, told):
    return [
        told["password"],
        *(text for name, text in storage.credentials.items() if "CONFIG" not in name and len(text) > 8),
    ]


@contextmanager
def arguments_of_all():
    """What processes were started with meanwhile."""
    seen, over = set(), threading.Event()

    def look():
        while not over.wait(0.01):
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


def holders(folder, secret):
    """Files below it that have the secret in them."""
    return {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and secret in path.read_bytes()
    }


def test_a_storage_of_each_kind_has_all_and_tells_nobody_its_login(installed, storage):
    installed.get("/first", "POST")
    with arguments_of_all() as seen:
        told = set_up(installed, storage)
        first = installed.run("backup", "now", APP, "--json").last
        second = installed.run("backup", "now", APP)
    listed = installed.run("backup", "list", APP, "--json").last["snapshots"]
    assert (told["result"], listed[0]["id"], len(listed)) == ("created", first["snapshot"], 2)
    checked = installed.run("backup", "check", APP, "--data")
    assert "The repository is whole and has 2 snapshots" in checked.out
    installed.run("backup", "forget", APP, first["snapshot"], "--yes")
    assert len(installed.run("backup", "list", APP, "--json").last["snapshots"]) == 1
    assert any(b"discode" in words for words in seen) and any(b"restic" in words for words in seen)
    for secret in secrets_of(storage, told):
        assert not any(secret.encode() in words for words in seen)
        assert secret not in json.dumps([second.out, second.err, checked.out, checked.err])
        assert holders(installed.home, secret.encode()) == {f"apps/{APP}/backup.json"}
    assert (installed.home / "apps" / APP / "backup.json").stat().st_mode & 0o777 == 0o600


def test_a_scheduled_backup_knows_how_its_storage_is_asked(installed, storage):
    """Its environment has no login: the file is gone, and was never in the environment of whoever settles."""
    set_up(installed, storage)
    (installed.folder / "storage.env").unlink(missing_ok=True)
    installed.run("backup", "schedule", APP, "--at", "03:00")
    path = installed.home / "apps" / APP / "backup.json"
    kept = json.loads(path.read_text())
    kept["plan"]["since"] = time.time() - 3 * 86400
    path.write_text(json.dumps(kept))
    installed.run("settle", "--all")
    history = wait_for(lambda: installed.run("history", APP, "--json").last["history"][1:], what="the scheduled backup")
    wait_for(lambda: not installed.processes(names=(b"--scheduled",)))
    assert [(one["flow"], one["outcome"]) for one in history] == [("backup", "done")]
    [one] = installed.run("backup", "list", APP, "--json").last["snapshots"]
    assert one["cause"] == "scheduled"


def test_credentials_of_the_environment_are_kept_for_later(installed, tmp_path):
    with closing(made(storages.Rest, tmp_path / "storage")) as storage:
        installed.env.update(storage.credentials)
        installed.run("backup", "setup", APP, "--to", storage.address, "--yes-i-kept-it")
        for name in storage.credentials:
            del installed.env[name]
        assert installed.run("backup", "now", APP, "--json").last["result"] == "backed-up"
