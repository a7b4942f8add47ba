"""All of an app in one file, and up again on another machine, on real processes."""

import json
import os
import shutil
import signal
import subprocess

import pytest

from place import APP
from rig.wait import wait_for
from small_disk import small_disk
from terminal import terminal

from .test_restore_elsewhere import data, lose, nothing_is_left, posts

PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def used(installed):
    installed.run("config", "set", APP, "GREETING=hello")
    installed.get("/first", "POST")
    installed.get("/post/7", "POST")
    installed.file = installed.folder / "shop.discode"
    installed.env["DISCODE_PASSPHRASE"] = PASSPHRASE
    return installed


@pytest.fixture
def exported(used):
    """Its machine is lost."""
    used.said = json.loads(used.get("/env")[1])
    used.run("export", APP, used.file)
    lose(used)
    return used


def back(place, *words, code=0):
    return place.run("import", place.file, "--http-port", place.port, *words, "--json", code=code).last


def test_a_machine_that_shares_nothing_brings_it_up(exported):
    told = back(exported)
    assert (told["result"], told["to"]) == ("restored", "1.0.0") and "Its data is of 2" in told["message"]
    assert exported.get() == (200, "1.0.0") and posts(data(exported)) == [7] and (data(exported) / "first").exists()
    now = json.loads(exported.get("/env")[1])
    assert (now["SECRET"], now["GREETING"]) == (exported.said["SECRET"], "hello")
    assert back(exported, code=4)["error"]["key"] == "installed-already"
    assert exported.run("status", APP, "--json").last["backup"]["repository"] is None, "backups are not set up"
    assert not list((exported.home / "imports").iterdir())


def test_what_an_export_says_and_leaves(used):
    told = used.run("export", APP, used.file, "--json").last
    assert (told["result"], told["size"]) == ("exported", used.file.stat().st_size)
    assert used.file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in used.folder.iterdir() if "discode" in path.name] == ["shop.discode"] + (
        ["discode.yml"] if (used.folder / "discode.yml").exists() else []
    )
    assert b"hello" not in used.file.read_bytes() and PASSPHRASE.encode() not in used.file.read_bytes()
    refused = used.run("export", APP, used.file, "--json", code=2).last["error"]
    assert refused["key"] == "file-exists"
    last = used.run("history", APP, "--json").last["history"][-1]
    assert (last["flow"], last["outcome"]) == ("export", "done")
    assert used.run("status", APP, "--json").last["backup"]["last"] is None, "an export is no backup"
    assert not (used.home / "apps" / APP / "backup").exists()


def test_the_passphrase_is_typed_twice_and_never_an_argument(used):
    del used.env["DISCODE_PASSPHRASE"]
    assert used.run("export", APP, used.file, "--json", code=2).last["error"]["key"] == "no-passphrase"
    with terminal(used.command("export", APP, used.file), used.env) as typed:
        typed.until("Passphrase: ")
        typed.type(PASSPHRASE)
        typed.until("The same again: ")
        typed.type(f"{PASSPHRASE}r")
        assert typed.end() == 2
    with terminal(used.command("export", APP, used.file), used.env) as typed:
        typed.until("Passphrase: ")
        typed.type(PASSPHRASE)
        typed.until("The same again: ")
        typed.type(PASSPHRASE)
        assert typed.end() == 0
    used.env["DISCODE_PASSPHRASE"] = "short"
    assert used.run("export", APP, used.folder / "b", "--json", code=2).last["error"]["key"] == "short-passphrase"


def test_a_file_that_cannot_be_imported_changes_nothing(exported):
    whole = exported.file.read_bytes()
    exported.env["DISCODE_PASSPHRASE"] = f"{PASSPHRASE}r"
    refused = back(exported, code=4)["error"]
    assert refused["key"] == "wrong-passphrase" and "nothing can be done with this file" in refused["next_step"]
    exported.env["DISCODE_PASSPHRASE"] = PASSPHRASE
    for length, key in ((0, "not-an-export"), (300, "not-an-export"), (len(whole) // 2, "export-damaged"),
                        (len(whole) - 11000, "export-damaged")):  # fmt: skip
        exported.file.write_bytes(whole[:length])
        assert back(exported, code=4)["error"]["key"] == key, length
    exported.file.write_bytes(b"x" * 5000)
    assert back(exported, code=4)["error"]["key"] == "not-an-export"
    exported.file.unlink()
    assert back(exported, code=4)["error"]["key"] == "no-such-file"
    nothing_is_left(exported)
    assert not list((exported.home / "imports").iterdir())
    exported.file.write_bytes(whole)
    assert back(exported)["result"] == "restored"


def test_what_runs_is_safe_from_an_import_and_from_a_lost_passphrase(used):
    used.run("export", APP, used.file)
    beside = "Add a name and an address: --as shop2 --host shop2.example.com"
    told = back(used, code=4)["error"]
    assert (told["key"], told["sentence"], told["next_step"]) == (
        "installed-already", f"{APP} 1.0.0 is installed on this machine. Nothing was changed.", beside
    )  # fmt: skip
    assert back(used, "--as", APP, "--host", "copy.test", code=4)["error"]["next_step"] == beside
    used.env["DISCODE_PASSPHRASE"] = "correct horse battery stapler"
    told = back(used, "--as", "shop2", "--host", "copy.test", code=4)["error"]
    assert (told["key"], told["sentence"]) == (
        "wrong-passphrase", f"The passphrase does not open {used.file}. Nothing was changed."
    )  # fmt: skip
    assert told["next_step"] == (
        "Type the one that was chosen when it was exported. If it is lost, nothing can be done with this file; where "
        f"{APP} still runs it is safe, and can be exported again."
    )
    used.env["DISCODE_PASSPHRASE"] = PASSPHRASE
    back_as(used)
    told = back(used, "--as", "shop2", "--host", "other.test", code=4)["error"]
    assert (told["key"], told["next_step"]) == ("installed-already", "Give the copy another name: --as shop22")
    used.run("uninstall", "shop2")
    told = back(used, "--as", "shop2", "--host", "other.test", code=4)["error"]
    assert (told["key"], told["next_step"]) == (
        "data-there",
        "If nobody needs them: discode uninstall shop2 --purge. Otherwise give the copy another name: --as shop22",
    )
    assert used.get() == (200, "1.0.0") and posts(data(used)) == [7] and len(used.instances()) == 1


def test_under_another_name_beside_the_app(used):
    used.run("export", APP, used.file)
    told = back_as(used)
    assert (told["result"], told["app"]) == ("restored", "shop2")
    assert used.ask("/", host="copy.test") == (200, "1.0.0") and used.get() == (200, "1.0.0")


def back_as(place):
    return place.run("import", place.file, "--as", "shop2", "--host", "copy.test", "--json").last


def test_an_export_that_is_killed_leaves_no_file_and_the_next_one_works(used):
    command = used.start("export", APP, used.file)
    wait_for(lambda: list(used.folder.glob(".shop.discode.*.discode/repository/config")), what="its repository")
    [beside] = used.folder.glob(".*.discode")
    command.send_signal(signal.SIGKILL)
    command.wait()
    assert not used.file.exists() and used.get() == (200, "1.0.0")
    assert beside.exists(), "nothing is shown"
    used.run("export", APP, used.folder / "another.discode")
    assert not beside.exists() and not used.file.exists()
    used.run("export", APP, used.file)
    assert used.file.exists()


@pytest.mark.parametrize("how", ["import", "settle"])
def test_what_a_killed_import_has_unpacked_goes_and_that_of_a_living_one_stays(used, how):
    used.run("export", APP, used.file)
    folders = used.home / "imports"

    def unpacking(name):
        """One that stands still at its second step."""
        command = used.start("import", used.file, "--as", name, "--host", f"{name}.test", "--json")
        wait_for(lambda: list(folders.glob(f"{name}.*/repository/config")), what="what it has unpacked")
        command.send_signal(signal.SIGSTOP)
        [folder] = folders.glob(f"{name}.*")
        return command, folder

    (living, stays), (killed, goes) = unpacking("shop2"), unpacking("shop3")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert goes.exists() and stays.exists(), "nothing is shown"
    if how == "settle":
        used.run("settle", "--all")
    else:
        used.run("import", used.file, "--as", "shop4", "--host", "shop4.test")
    assert not goes.exists() and stays.exists()
    living.send_signal(signal.SIGCONT)
    out, err = living.communicate(timeout=300)
    assert living.returncode == 0, (out, err)
    assert not list(folders.iterdir())


def test_it_can_be_read_by_tar_and_restic_alone(exported):
    """Should Discode be lost, too."""
    folder = exported.folder / "by-hand"
    folder.mkdir()
    subprocess.run(["tar", "-xf", exported.file, "-C", folder], check=True)
    environment = {**exported.env, "RESTIC_PASSWORD": PASSPHRASE, "RESTIC_REPOSITORY": str(folder / "repository")}
    subprocess.run(["restic", "restore", "latest", "--target", folder / "restored"], env=environment, check=True)
    [note] = (folder / "restored").rglob("first")
    assert note.is_file()
    shutil.rmtree(folder)


@pytest.fixture
def tiny(tmp_path):
    """A disk of 70 MB, less than what stays free and two copies of the data."""
    with small_disk(tmp_path / "tiny", "70m") as folder:
        yield folder


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(used, tiny):
    (data(used) / "large").write_bytes(os.urandom(4 << 20))
    refused = used.run("export", APP, tiny / "f", "--json", code=4).last["error"]
    assert refused["key"] == "disk-full" and "Nothing was changed." in refused["sentence"]
    assert str(tiny) in refused["sentence"] and not list(tiny.iterdir())
    used.run("export", APP, used.file)
    lose(used)
    with small_disk(used.home, "66m"):
        assert back(used, code=4)["error"]["key"] == "disk-full"
    assert back(used)["result"] == "restored"
