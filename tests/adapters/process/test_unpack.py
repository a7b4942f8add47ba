"""Archives that mean harm are refused, with their reason, and leave nothing behind."""

import gzip
import io
import tarfile

import pytest

from discode.adapters.process.unpack import unpack
from discode.core.errors import TrustError


def archive(path, *members, compress=False):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, fields, content in members:
            info = tarfile.TarInfo(name)
            for field, value in fields.items():
                setattr(info, field, value)
            if content is not None:
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content) if content is not None else None)
    path.write_bytes(gzip.compress(data.getvalue()) if compress else data.getvalue())
    return path


def link(target, kind=tarfile.SYMTYPE):
    return {"type": kind, "linkname": target}


HOSTILE = {
    "an absolute name": [("/etc/x", {}, b"x")],
    "a name that climbs out": [("a/../../x", {}, b"x")],
    "an absolute link": [("a", link("/etc/passwd"), None)],
    "a link that climbs out": [("d/a", link("../../x"), None)],
    "a file through a link": [("d", link("."), None), ("d/../../x", {}, b"x")],
    "a chain of links": [("a", link("b/.."), None), ("b", link("a/.."), None), ("b/x", {}, b"x")],
    "a hard link outwards": [("a", link("../x", tarfile.LNKTYPE), None)],
    "a hard link to nothing": [("a", link("b", tarfile.LNKTYPE), None)],
    "a device": [("a", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}, None)],
    "a fifo": [("a", {"type": tarfile.FIFOTYPE}, None)],
    "the same name twice": [("a", {}, b"1"), ("a", {}, b"2")],
    "more than it says": [("a", {}, b"x" * 2000)],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_it_is_refused_and_nothing_is_outside(tmp_path, members):
    inside = tmp_path / "inside" / "deep"
    inside.mkdir(parents=True)
    path = archive(tmp_path / "a.tar", *members)
    with pytest.raises(TrustError) as refused:
        unpack(path, inside, 1000)
    assert refused.value.name == "archive-unsafe"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.tar", "inside"]
    assert [entry.name for entry in (tmp_path / "inside").iterdir()] == ["deep"]


def test_a_bomb_is_stopped_long_before_its_size(tmp_path):
    """Two gigabytes of zeros in two megabytes: as one member, and behind the end of the archive."""
    inside = tmp_path / "inside"
    inside.mkdir()
    path = tmp_path / "bomb.tar.gz"
    info = tarfile.TarInfo("zeros")
    info.size = 2 * 1024**3
    with gzip.open(path, "wb", compresslevel=1) as zipped:
        zipped.write(info.tobuf())
        for _ in range(2048):
            zipped.write(bytes(1024**2))
    with pytest.raises(TrustError, match="more than the release declares"):
        unpack(path, inside, 1000)
    assert sum(entry.stat().st_size for entry in inside.rglob("*")) < 2000


@pytest.mark.parametrize("data", [b"not a tar at all" * 100, b"\x1f\x8bgarbage", b"\xfd7zXZ\0garbage"])
def test_what_is_no_archive_is_refused(tmp_path, data):
    (tmp_path / "a").write_bytes(data)
    (tmp_path / "inside").mkdir()
    with pytest.raises(TrustError, match="cannot be read"):
        unpack(tmp_path / "a", tmp_path / "inside", 10)


def test_a_good_archive_arrives_whole(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    members = [
        ("bin", {"type": tarfile.DIRTYPE, "mode": 0o755}, None),
        ("bin/run", {"mode": 0o4755}, b"#!/bin/sh\n"),
        ("current", link("bin/run"), None),
        ("copy", link("bin/run", tarfile.LNKTYPE), None),
    ]
    unpack(archive(tmp_path / "a.tar.gz", *members, compress=True), inside, 100)
    assert (inside / "current").read_text() == "#!/bin/sh\n" == (inside / "copy").read_text()
    assert (inside / "bin" / "run").stat().st_mode & 0o7777 == 0o755, "no set-user-id survives"
