"""Folders in the place of volumes: on the same disk and from another one, also over what an earlier call has left."""

import os
import tempfile
from pathlib import Path

import pytest

from discode.adapters.backups import HostRepositories
from discode.adapters.files import FileStore
from discode.adapters.files.adopted import adopt, trusted
from discode.adapters.files.belongings import FILES
from discode.adapters.files.laid_out import fill, lay_out
from discode.adapters.source import HubReports
from discode.core.backup_errors import BackupFailed
from discode.core.snapshot import Part, SnapshotRecord
from discode.disk.whole import write_whole


@pytest.fixture(params=["the same disk", "another disk"])
def source(request, tmp_path):
    if request.param == "the same disk":
        yield tmp_path / "source"
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        if Path(folder).stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("there is but one disk")
        yield Path(folder) / "source"


def test_each_folder_is_in_its_place_with_owners_modes_and_times(source, tmp_path):
    place = tmp_path / "volumes/data"
    (place / "old").mkdir(parents=True)
    (place / "half").write_text("of an earlier call")
    (source / "data/deep").mkdir(parents=True)
    (source / "data/deep/note").write_text("written")
    (source / "data/link").symlink_to("deep/note")
    (source / "data/deep/note").chmod(0o640)
    os.utime(source / "data/deep/note", (1_000_000_000, 1_000_000_000))
    (source / "data").chmod(0o750)
    if os.geteuid() == 0:
        os.chown(source / "data/deep/note", 12345, 23456)
    before = (source / "data/deep/note").stat()
    fill(source, {"data": place})
    after = (place / "deep/note").stat()
    assert (after.st_mode, after.st_uid, after.st_gid, after.st_mtime) == (
        before.st_mode, before.st_uid, before.st_gid, before.st_mtime
    )  # fmt: skip
    assert {path.name for path in place.iterdir()} == {"deep", "link"} and (place / "link").readlink() == Path(
        "deep/note"
    )
    assert place.stat().st_mode & 0o777 == 0o750 and not source.exists()


def laid_out(tmp_path, *parts):
    record = SnapshotRecord(
        app="shop", version="1.0", key="0" * 12, kind="archive", architecture="amd64", taken=1.0, discode="1.0",
        parts=parts,
    )  # fmt: skip
    lay_out(tmp_path / "tree", record, tmp_path / "volumes")


def tree_of(tmp_path, **databases):
    """With the volume /data, and the databases of it in /staged; and another app's volume beside all that."""
    (tmp_path / "tree/data").mkdir(parents=True)
    for name, path in databases.items():
        (tmp_path / "tree/staged" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree/staged" / path).write_text(name)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/note").write_text("theirs")
    return tmp_path / "tree"


DATA = Part(kind="volume", name="data", path="/data")
DATABASES = Part(kind="databases", name="data", path="/staged")


def test_databases_come_over_what_is_in_the_volume(tmp_path):
    (tree_of(tmp_path, one="app.db", two="deep/er/app.db") / "data/deep").mkdir()
    laid_out(tmp_path, DATA, DATABASES)
    assert (tmp_path / "volumes/data/app.db").read_text() == "one"
    assert (tmp_path / "volumes/data/deep/er/app.db").read_text() == "two" and not (tmp_path / "tree").exists()


@pytest.mark.parametrize("link", ["data/deep", "data/deep/er"])
def test_a_link_in_a_volume_leads_no_database_out_of_it(tmp_path, link):
    """An app can put one in place of a folder, between the look at its volume and the copy of it."""
    place = tree_of(tmp_path, database="deep/er/app.db") / link
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(tmp_path / "theirs")
    with pytest.raises(BackupFailed, match=r"a link where the folder of the database app\.db belongs") as refused:
        laid_out(tmp_path, DATA, DATABASES)
    assert refused.value.name == "damaged-snapshot" and "discode backup check shop --data" in refused.value.next_step
    assert [path.name for path in (tmp_path / "theirs").iterdir()] == ["note"]


@pytest.mark.parametrize("path", ["/link", "/link/deep", "/../theirs"])
def test_a_part_is_none_of_what_a_link_in_the_snapshot_leads_to(tmp_path, path):
    (tmp_path / "theirs").joinpath("deep").mkdir(parents=True)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/link").symlink_to(tmp_path / "theirs")
    with pytest.raises(BackupFailed, match=f"The snapshot has no {path}, though its record says so"):
        laid_out(tmp_path, Part(kind="volume", name="data", path=path))
    assert (tmp_path / "theirs/deep").is_dir() and not list((tmp_path / "volumes").iterdir())


def test_what_another_machine_trusted_is_trusted_here_and_nothing_else_is_written(tmp_path):
    kept = tmp_path / "lost/apps/shop"
    for name in ("trust/0123abcd/root.json", "trust/0123abcd/floor.json", "trust/0123abcd/metadata"):
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        (kept / name).write_text(name)
    documents = {**dict(trusted(kept)), "access.json": b"{}", "license.json": b"{}", "seat.json": b"{}"}
    strange = {"trust-..-root.json": b"x", "trust-0123abcd-../../x": b"x", "installation.json": b"x"}
    adopt(tmp_path / "home", "shop", {**documents, **strange}, seat=False)
    folder = tmp_path / "home/apps/shop"
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert found == {"access.json", "trust/0123abcd/root.json", "trust/0123abcd/floor.json"}
    assert (folder / "access.json").stat().st_mode & 0o777 == 0o600
    adopt(tmp_path / "home", "shop", {"license.json": b"theirs", "seat.json": b"theirs"}, seat=True)
    adopt(tmp_path / "home", "shop", {"license.json": b"another"}, seat=True)
    assert (folder / "license.json").read_bytes() == b"theirs", "one that is here already stays"


def test_who_agreed_to_reports_goes_on_with_them_and_a_copy_has_an_id_of_its_own(tmp_path):
    agreed = {"reporting.json": b'{"installation":"abc","told":5.0,"tried":0.0}'}
    adopt(tmp_path, "shop", agreed, seat=True)
    adopt(tmp_path, "shop", {"reporting.json": b'{"installation":"other"}'}, seat=True)
    adopt(tmp_path, "shop2", agreed, seat=False)
    adopt(tmp_path, "shop3", {"reporting.json": b"no json"}, seat=True)
    moved, copy = (HubReports(tmp_path).agreement(app) for app in ("shop", "shop2"))
    assert (moved.installation, moved.told) == ("abc", 5.0), "what is here already stays"
    assert copy.installation != "abc" and copy.told == 5.0
    assert HubReports(tmp_path).agreed() == ["shop", "shop2"]
    FileStore(tmp_path).discard("shop")
    assert HubReports(tmp_path).agreed() == ["shop2"], "a restore that came to nothing leaves nothing"


def test_what_a_snapshot_has_and_a_restore_brings_is_taken_away_with_it(tmp_path):
    lost, here = tmp_path / "lost", tmp_path / "here"
    for one in FILES:
        write_whole(lost / "apps/shop" / one.name, b"{}")
    write_whole(lost / "apps/shop/trust/0123abcd/root.json", b"{}")
    (lost / "apps/shop/backup.json").unlink()
    documents = HostRepositories(lost).documents("shop")
    named = {one.name for one in FILES if one.is_saved}
    assert set(documents) == named | {"trust-0123abcd-root.json"} and named >= {"access.json", "license.json"}
    HostRepositories(here).adopt("shop", {**documents, "reporting.json": b'{"installation":"abc"}'}, seat=True)
    brought = {path.name for path in (here / "apps/shop").iterdir()}
    assert brought == {"access.json", "license.json", "seat.json", "reporting.json", "trust"}
    FileStore(here).discard("shop")
    assert {path.name for path in (here / "apps/shop").iterdir()} == {"seat.json"}


def test_half_a_secret_file_of_a_killed_restore_is_discarded_too(tmp_path):
    store = FileStore(tmp_path)
    store.save_settings("shop", 1, {"SECRET": "s"})
    half = tmp_path / "apps/shop/.env.2.99999999-1.tmp"
    half.write_text("half a secret")
    store.discard("shop")
    assert not half.exists() and store.latest_settings("shop") == (0, {})
