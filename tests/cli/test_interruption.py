"""Ctrl-C in the middle of a command about an app's data, where restic stands still: what it says was looked at."""

import shutil
import signal

import pytest

from place import APP
from rig.wait import wait_for

PASSPHRASE = "correct horse battery staple"
SERVES = f"{APP}: 1.0.0 is still serving."


@pytest.fixture
def backed_up(installed, tmp_path):
    installed.env["DISCODE_PASSPHRASE"] = PASSPHRASE
    installed.storage = tmp_path / "storage"
    installed.run("backup", "setup", APP, "--to", installed.storage, "--yes-i-kept-it")
    installed.taken = installed.run("backup", "now", APP, "--json").last["snapshot"]
    return installed


def interrupted(place, tmp_path, at, *words, number=signal.SIGINT, meanwhile=lambda: None):
    """The error of a command that is interrupted when restic is asked to do `at`."""
    marker, folder = tmp_path / "reached", tmp_path / "bin"
    marker.unlink(missing_ok=True)
    folder.mkdir(exist_ok=True)
    (folder / "restic").write_text(
        f'#!/bin/sh\ncase " $* " in *" {at} "*) touch {marker}; exec sleep 600;; esac\n'
        f'exec {shutil.which("restic")} "$@"\n'
    )
    (folder / "restic").chmod(0o755)
    path = place.env["PATH"]
    place.env["PATH"] = f"{folder}:{path}"
    command = place.start(*words)
    place.env["PATH"] = path
    wait_for(marker.exists, what=f"restic {at}", unless=lambda: command.poll() is not None and command.communicate())
    meanwhile()
    command.send_signal(number)
    out, err = command.communicate(timeout=300)
    assert command.returncode == 5, (out, err)
    sentence, _, step = err[err.index("Error: ") :].partition("\nNext: ")
    assert sentence.startswith(f"Error: Interrupted by {number.name}. "), sentence
    return sentence, step.strip()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_backup_says_what_serves_and_that_there_is_no_snapshot(backed_up, tmp_path, number):
    sentence, step = interrupted(backed_up, tmp_path, "backup", "backup", "now", APP, number=number)
    assert "The backup was not finished; the snapshots from before are as they were." in sentence and SERVES in sentence
    assert step == f"Take one when you like: discode backup now {APP}"
    [one] = backed_up.run("backup", "list", APP, "--json").last["snapshots"]
    assert one["id"] == backed_up.taken


def test_an_app_that_does_not_answer_is_not_said_to_serve(backed_up, tmp_path):
    def breaks():
        backed_up.get("/sick", "POST")

    sentence, _ = interrupted(backed_up, tmp_path, "backup", "backup", "now", APP, meanwhile=breaks)
    assert "is still serving" not in sentence and f"{APP}: 1.0.0 has the traffic, but it does not answer" in sentence


def test_a_restore_in_place_says_that_all_is_as_it_was_and_names_the_snapshot_of_before(backed_up, tmp_path):
    sentence, _ = interrupted(backed_up, tmp_path, "restore", "restore", APP, backed_up.taken, "--yes", APP)
    newest = backed_up.run("backup", "list", APP, "--json").last["snapshots"][-1]
    assert "The restore was not finished: its data and settings are as they were." in sentence and SERVES in sentence
    assert newest["cause"] == "restore" and f"The snapshot {newest['id']}, taken before it, is kept." in sentence


def test_a_restore_beside_the_app_says_that_there_is_no_other_and_what_the_app_does(backed_up, tmp_path):
    words = ("restore", APP, "latest", "--as", "shop2", "--host", "copy.test")
    sentence, _ = interrupted(backed_up, tmp_path, "restore", *words)
    assert "The restore was not finished: the snapshot is as it was." in sentence and SERVES in sentence
    assert "shop2 is not installed on this machine" in sentence


def test_a_drill_says_that_nothing_of_it_is_left(backed_up, tmp_path):
    sentence, step = interrupted(backed_up, tmp_path, "restore", "backup", "drill", APP)
    assert "says nothing about the snapshot; what it had restored is removed." in sentence and SERVES in sentence
    assert step == f"Drill when you like: discode backup drill {APP}"


def test_an_export_and_an_import_say_what_is_there(backed_up, tmp_path):
    file = backed_up.folder / "shop.discode"
    sentence, _ = interrupted(backed_up, tmp_path, "backup", "export", APP, file)
    assert f"{file} was not written." in sentence and SERVES in sentence and not file.exists()
    backed_up.run("export", APP, file)
    whole = file.read_bytes()
    sentence, _ = interrupted(backed_up, tmp_path, "restore", "import", file, "--as", "shop2", "--host", "copy.test")
    assert f"The import was not finished: {file} is as it was." in sentence and file.read_bytes() == whole
    assert "shop2 is not installed on this machine" in sentence
    assert not list((backed_up.home / "imports").glob("shop2*"))
