"""A repository that fails under an app that serves: what is said, and that the next step helps. Each way in which it
fails is in tests/adapters/restic."""

import contextlib
import os
import shutil
import signal
import subprocess
from contextlib import closing

import pytest

from place import APP, Place
from rig import storages
from rig.wait import wait_for
from small_disk import small_disk


@pytest.fixture
def backed_up(installed, tmp_path):
    """With a repository beside it, and a snapshot in it."""
    installed.storage = tmp_path / "storage"
    made = installed.run("backup", "setup", APP, "--to", installed.storage, "--yes-i-kept-it", "--json").last
    installed.password = made["password"]
    (installed.home / "apps" / APP / "volumes/data/large").write_bytes(os.urandom(1 << 20))
    installed.run("backup", "now", APP)
    return installed


def refused(place, *words, code=4):
    """Its message; the app serves as before, and nothing of it is left."""
    found = place.run("backup", *words, code=code)
    assert "Your app was not touched." in found.err and place.get() == (200, "1.0.0")
    assert not place.journals() and not (place.home / "apps" / APP / "backup").exists()
    return found.err


def pack(place):
    return max((one for one in place.storage.rglob("data/*/*") if one.is_file()), key=lambda one: one.stat().st_size)


def test_a_damaged_repository_is_told_and_another_one_begun(backed_up, tmp_path):
    [one] = backed_up.run("backup", "list", APP, "--json").last["snapshots"]
    pack(backed_up).unlink()
    told = refused(backed_up, "check", APP)
    restoring = backed_up.run("restore", APP, one["id"], "--yes", APP, code=4)
    assert f"The repository {backed_up.storage} is damaged: " in restoring.err
    assert "Your app was not touched." in restoring.err and backed_up.get() == (200, "1.0.0")
    assert (backed_up.home / "apps" / APP / "volumes/data/large").stat().st_size == 1 << 20
    assert f"The repository {backed_up.storage} is damaged: " in told
    assert f"Begin a new one at another place: discode backup setup {APP} --to PLACE" in told
    other = tmp_path / "other"
    backed_up.run("backup", "setup", APP, "--to", other, "--yes-i-kept-it")
    backed_up.run("backup", "now", APP)
    assert "is whole and has 1 snapshots" in backed_up.run("backup", "check", APP, "--data").out
    assert backed_up.storage.exists()


@contextlib.contextmanager
def locked(place):
    """By a restic that works in it until it is ended."""
    fifo = place.folder / "fifo"
    os.mkfifo(fifo)
    environment = {**os.environ, "RESTIC_PASSWORD": place.password, "RESTIC_REPOSITORY": str(place.storage)}
    words = ["sh", "-c", f"exec restic --no-cache backup --stdin < {fifo}"]
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)
    with fifo.open("wb", buffering=0):
        wait_for(lambda: list((place.storage / "locks").iterdir()), what="a lock")
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def test_another_one_at_work_keeps_no_backup_waiting_and_a_dead_one_no_check(backed_up):
    with locked(backed_up) as process:
        assert backed_up.run("backup", "now", APP, "--json").last["result"] == "backed-up"
        checking = backed_up.start("backup", "check", APP)
        wait_for(lambda: b"another restic works" in os.read(checking.stderr.fileno(), 4096), what="that it waits")
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert checking.wait(300) == 0


def test_a_storage_that_is_down_is_told_and_works_when_it_is_up_again(installed, tmp_path):
    with closing(storages.Rest(tmp_path / "storage")) as storage:
        storage.start()
        installed.env.update(storage.credentials)
        installed.run("backup", "setup", APP, "--to", storage.address, "--yes-i-kept-it")
        storage.stop()
        for words in (("now", APP), ("list", APP), ("check", APP)):
            told = refused(installed, *words, code=7)
            assert f"The repository {storage.address} does not answer: " in told
            assert storage.credentials["RESTIC_REST_PASSWORD"] not in told
        storage.start()
        installed.run("backup", "now", APP)


def test_a_disk_without_room_for_copies_is_told_before_anything_is_copied(tmp_path):
    with small_disk(tmp_path / "home", "120m") as home, closing(Place(tmp_path)) as place:
        place.init()
        place.publish("1.0.0")
        place.install()
        place.run("backup", "setup", APP, "--to", tmp_path / "storage", "--yes-i-kept-it")
        ballast = home / "ballast"
        ballast.write_bytes(b"x" * (shutil.disk_usage(home).free - (20 << 20)))
        told = place.run("backup", "now", APP, code=4)
        assert f"The backup of {APP} needs 6" in told.err and "Nothing was changed." in told.err
        assert "Free some space there, then run the command again." in told.err and place.get() == (200, "1.0.0")
        ballast.unlink()
        place.run("backup", "now", APP)
