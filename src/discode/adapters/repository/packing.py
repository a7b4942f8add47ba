"""Pack an app's folder, always into the same bytes; or take a tar archive as it is."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import tempfile
from pathlib import Path
from typing import IO

from ...core.artifact import Archive
from ...core.errors import UsageError

LEFT_OUT = {".git", "__pycache__", ".DS_Store"}
_PIECE = 1 << 20


def pack(app: str, source: Path) -> tuple[Archive, Path]:
    """Raises UsageError for what is neither a folder nor a tar archive, or has links that lead out of it."""
    descriptor, name = tempfile.mkstemp(prefix="discode-pack-")
    packed = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as out:
            unpacked = _pack_folder(source, out) if source.is_dir() else _take_archive(source, out)
        digest = hashlib.sha256()
        with packed.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
        sha256 = digest.hexdigest()
        path = f"{app}/archives/{sha256[:16]}.tar"
        return Archive(path=path, sha256=sha256, length=packed.stat().st_size, unpacked=unpacked), packed
    except BaseException:
        packed.unlink(missing_ok=True)
        raise


def _pack_folder(source: Path, out: IO[bytes]) -> int:
    """The bytes of all files together."""
    unpacked = 0
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in _members(source):
            info = _normal(tar.gettarinfo(str(path), str(path.relative_to(source))), path, source)
            unpacked += info.size if info.isreg() else 0
            if info.isreg():
                with path.open("rb") as file:
                    tar.addfile(info, file)
            else:
                tar.addfile(info)
    return unpacked


def _members(source: Path) -> list[Path]:
    found = []
    for folder, folders, files in os.walk(source):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        names = [*folders, *(name for name in sorted(files) if name not in LEFT_OUT)]
        found += [Path(folder) / name for name in names]
    return sorted(found)


def _normal(info: tarfile.TarInfo | None, path: Path, source: Path) -> tarfile.TarInfo:
    """Without whatever differs from one machine to the next."""
    if info is None or not (info.isreg() or info.isdir() or info.issym() or info.islnk()):
        raise UsageError(f"{path} is not a file, a folder or a link. Nothing was published.", "Remove it.")
    if info.islnk():  # a second name of a file that is in it: packed as a file of its own
        info.type, info.linkname, info.size = tarfile.REGTYPE, "", path.stat().st_size
    if info.issym():
        target = Path(os.path.normpath(path.parent / info.linkname))
        if info.linkname.startswith("/") or not target.is_relative_to(source):
            raise UsageError(f"{path} is a link that leads out of {source}. Nothing was published.", "Remove it.")
    info.mtime, info.uid, info.gid, info.uname, info.gname = 0, 0, 0, "", ""
    info.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
    return info


def _take_archive(source: Path, out: IO[bytes]) -> int:
    try:
        with tarfile.open(source, "r:*") as tar:
            unpacked = sum(member.size for member in tar if member.isreg())
        with source.open("rb") as file:
            while piece := file.read(_PIECE):
                out.write(piece)
        return unpacked
    except (OSError, tarfile.TarError) as error:
        why = getattr(error, "strerror", None) or "it is neither a folder nor a tar archive"
        raise UsageError(
            f"archive: {source} cannot be read: {why}. Nothing was published.", "Fix archive: in the file."
        ) from None
