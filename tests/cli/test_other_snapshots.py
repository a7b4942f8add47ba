"""Snapshots that were changed by hand, or come from elsewhere: refused in words that help, and nothing is changed.

Nothing that a snapshot says of itself leads out of the app's own volumes.
"""

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from discode.adapters.files import export_file
from discode.ports.report import Silence
from place import APP

NEWEST = f"Choose another snapshot, and where the backups of {APP} are set up: discode backup check {APP} --data"
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}  # as images call them
UPDATE = "Update Discode, then run the command again."


class Repository:
    """As whoever has its password can change it, by restic alone."""

    def __init__(self, place, folder, password):
        self._place, self._folder = place, folder
        self._environment = {**os.environ, "RESTIC_PASSWORD": password, "RESTIC_REPOSITORY": str(folder)}

    def changed(self, change):
        """In place of its first snapshot, with the files that are staged as `change` leaves them: its id."""
        [one, *_] = json.loads(self._restic("snapshots", "--json"))
        tree = self._place.folder / "tree"
        self._restic("restore", one["id"], "--target", tree)
        [staged] = [Path(path) for path in one["paths"] if path.endswith("discode-snapshot")]
        change(tree / staged.relative_to("/"))
        shutil.copytree(tree / staged.relative_to("/"), staged, symlinks=True)
        tags = [word for tag in one["tags"] for word in ("--tag", tag)]
        self._restic("backup", *tags, "--", *one["paths"])
        self._restic("forget", one["id"])
        shutil.rmtree(staged.parent)
        shutil.rmtree(tree)
        return json.loads(self._restic("snapshots", "--json"))[-1]["id"][:8]

    def _restic(self, *words):
        done = subprocess.run(
            ["restic", "--no-cache", *map(str, words)], env=self._environment, capture_output=True, check=True
        )
        return done.stdout.decode()


def document(name, manifest=None, **fields):
    """With other fields, and of its release other ones of the manifest."""

    def change(staged):
        told = json.loads((staged / name).read_text()) | fields
        if manifest is not None:
            told["release"]["manifest"] |= manifest
        (staged / name).write_text(json.dumps(told))

    return change


def of_the_record(**fields):
    return document("snapshot.json", **fields)


def of_the_installation(**fields):
    return document("documents/installation.json", **fields)


def with_part(**fields):
    def change(staged):
        path = staged / "snapshot.json"
        told = json.loads(path.read_text())
        [volume] = [part for part in told["parts"] if part["kind"] == "volume"]
        volume |= fields
        path.write_text(json.dumps(told))

    return change


@pytest.fixture
def backed_up(installed):
    storage = installed.folder / "storage"
    installed.get("/first", "POST")
    installed.get("/post/7", "POST")
    made = installed.run("backup", "setup", APP, "--to", storage, "--yes-i-kept-it", "--json").last
    installed.run("backup", "now", APP)
    installed.repository = Repository(installed, storage, made["password"])
    return installed


def all_of(place):
    """What is installed, and what there is on disk of every app; logs and times apart."""
    files = {
        str(path.relative_to(place.home)): path.read_bytes()
        for path in (place.home / "apps").rglob("*")
        if path.is_file() and path.name.partition(".")[0] not in ("history", "app")
    }
    return files, place.run("status", APP, "--json").last["instance"], place.get()


@pytest.mark.parametrize(
    ("change", "key", "sentence", "step"),
    [
        (of_the_record(snapshot_schema=99), "newer-snapshot",
         "The snapshot was taken by a newer Discode (snapshot_schema 99; this one knows 3). Nothing was changed.",
         UPDATE),
        (of_the_installation(installation_schema=99), "newer-snapshot",
         "The snapshot {id} was taken by a newer Discode. Nothing was changed.", UPDATE),
        (of_the_record(architecture="riscv64"), "other-architecture",
         f"The snapshot is of {APP} for riscv64, and this machine is {{machine}}: its data may not be readable here. "
         "Nothing was changed.", "Restore it on a machine with riscv64."),
        (of_the_record(app="other"), "other-app",
         f"The snapshot is listed as one of {APP}, and is of other. Nothing was changed.", NEWEST),
        (of_the_installation(app="other"), "damaged-snapshot",
         "What the snapshot {id} says of the installation is of other. Nothing was changed.", NEWEST),
        (of_the_installation(manifest={"app": "other"}), "damaged-snapshot",
         "What the snapshot {id} says of the installation is of other. Nothing was changed.", NEWEST),
        (with_part(name="../../other/volumes/data"), "damaged-snapshot",
         "The snapshot's record has a part that no app can have ('../../other/volumes/data'). Nothing was changed.",
         NEWEST),
    ],
    ids=["newer", "newer installation", "other machine", "other app", "installation", "release", "volume"],
)  # fmt: skip
def test_it_is_refused_in_place_and_beside_the_app(backed_up, change, key, sentence, step):
    taken = backed_up.repository.changed(change)
    machine = MACHINES.get(os.uname().machine, os.uname().machine)
    before = all_of(backed_up)
    for words in (["--yes", APP], ["--as", "shop2", "--host", "shop2.test"]):
        told = backed_up.run("restore", APP, taken, *words, "--json", code=4).last["error"]
        assert (told["key"], told["next_step"]) == (key, step)
        assert told["sentence"] == sentence.format(id=taken, machine=machine)
    assert all_of(backed_up) == before and not (backed_up.home / "apps/shop2").exists()


def test_no_link_leads_a_database_out_of_the_volume(backed_up):
    """To another app's, say: the restore may do what the app may not."""
    theirs = backed_up.folder / "theirs"
    theirs.mkdir()
    link = backed_up.home / "apps" / APP / "volumes/data/led"

    def change(staged):
        link.symlink_to(theirs)
        (staged / "databases/data/led").mkdir()
        (staged / "databases/data/led/app.db").write_text("not theirs")

    taken = backed_up.repository.changed(change)
    link.unlink()
    before = all_of(backed_up)
    for words in (["--yes", APP, "--no-snapshot"], ["--as", "shop2", "--host", "shop2.test"]):
        told = backed_up.run("restore", APP, taken, *words, "--json", code=4).last["error"]
        assert (told["key"], told["next_step"]) == ("damaged-snapshot", NEWEST)
        assert "has a link where the folder of the database app.db belongs. Nothing was changed." in told["sentence"]
    assert not list(theirs.iterdir()) and all_of(backed_up) == before
    assert not (backed_up.home / "apps/shop2/volumes").exists() and not (backed_up.home / "apps/shop2/env.1").exists()


def test_a_file_whose_archive_was_changed_is_not_imported(backed_up):
    passphrase, file = "correct horse battery staple", backed_up.folder / "shop.discode"
    backed_up.env["DISCODE_PASSPHRASE"] = passphrase
    backed_up.run("export", APP, file)
    unpacked = backed_up.folder / "unpacked"
    with tarfile.open(file) as archive:
        archive.extractall(unpacked, filter="data")
    repository = unpacked / "repository"
    Repository(backed_up, repository, passphrase).changed(with_part(name="../../shop/volumes/data"))
    head = export_file.head_of(file).changed(size=export_file.size_of(repository))
    other = backed_up.folder / "other.discode"
    export_file.pack(head, repository, other, Silence())
    before = all_of(backed_up)
    told = backed_up.run("import", other, "--as", "shop2", "--host", "shop2.test", "--json", code=4).last["error"]
    assert (told["key"], told["next_step"]) == ("damaged-snapshot", NEWEST)
    assert "has a part that no app can have ('../../shop/volumes/data'). Nothing was changed." in told["sentence"]
    assert all_of(backed_up) == before and not (backed_up.home / "apps/shop2").exists()
