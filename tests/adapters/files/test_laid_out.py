"""Folders in the place of volumes: on the same disk and from another one, also over what an earlier call has left."""

import os
import tempfile
from pathlib import Path

import pytest

from discode.adapters.files import FileStore
from discode.adapters.files.adopted import adopt, trusted
from discode.adapters.files.laid_out import fill
from discode.adapters.source import HubReports


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


def test_half_a_secret_file_of_a_killed_restore_is_discarded_too(tmp_path):
    store = FileStore(tmp_path)
    store.save_settings("shop", 1, {"SECRET": "s"})
    half = tmp_path / "apps/shop/.env.2.99999999-1.tmp"
    half.write_text("half a secret")
    store.discard("shop")
    assert not half.exists() and store.latest_settings("shop") == (0, {})
