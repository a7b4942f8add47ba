"""One file with all of an app: a tar archive of a restic repository, whose password is a passphrase.

discode-export.json    what is in it, see core/export.py
repository/…           restic's own files, encrypted
end                    without it the file is cut off
"""

from __future__ import annotations

import io
import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ...core.backup_errors import BackupFailed
from ...core.errors import Refused
from ...core.export import SCHEMA, ExportHead
from ...core.model import ValidationError
from ...disk.folders import make_private, sync_folder
from ...ports.report import Report
from .disk import writing

HEAD, REPOSITORY, END = "discode-export.json", "repository", "end"
_LONGEST_HEAD = 1 << 16  # bytes
_NAME = re.compile(rf"{REPOSITORY}/(?:config|(?:data/[0-9a-f]{{2}}|keys|index|snapshots)/[0-9a-f]{{64}})")
_CHUNK = 1 << 20


class DamagedExport(BackupFailed):
    key = "export-damaged"


def size_of(repository: Path) -> int:
    return sum(path.stat().st_size for path in _files(repository))


def pack(head: ExportHead, repository: Path, target: Path, report: Report) -> None:
    """Raises PreflightError for what cannot be written."""
    done = 0
    with writing(target), target.open("xb") as file:
        os.fchmod(file.fileno(), 0o600)
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
            _add(archive, HEAD, head.as_json().encode())
            for path in _files(repository):
                archive.add(path, f"{REPOSITORY}/{path.relative_to(repository)}", filter=_plain)
                done += path.stat().st_size
                report.progress(done, head.size)
            _add(archive, END, b"")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(target.parent)


def head_of(file: Path) -> ExportHead:
    """Raises DamagedExport for a file that is none of ours; Refused for one of a newer Discode, or that cannot be
    read."""
    try:
        with file.open("rb") as source, tarfile.open(fileobj=source, mode="r:") as archive:
            member = archive.next()
            inside = archive.extractfile(member) if member is not None and member.name == HEAD else None
            data = inside.read(_LONGEST_HEAD) if inside is not None else b""
        head = ExportHead.read_json(data)
    except (tarfile.TarError, ValidationError, EOFError):
        raise DamagedExport(
            f"{file} is not a file that discode export has made, or its beginning is gone. Nothing was changed.",
            "Give the whole file, as it was written: discode import FILE",
            key="not-an-export",
        ) from None
    except OSError as error:
        raise Refused(
            f"{file} cannot be read: {error.strerror}. Nothing was changed.", "Give another file.", key="no-such-file"
        ) from error
    if head.export_schema > SCHEMA:
        raise Refused(
            f"{file} was made by a newer Discode ({head.discode}). Nothing was changed.",
            "Update Discode, then run the command again.",
            key="newer-snapshot",
        )
    return head


def unpack(file: Path, target: Path, report: Report) -> None:
    """The repository is in `target` then. Raises DamagedExport for a file that is cut off; PreflightError."""
    head, done, is_whole = head_of(file), 0, False
    with writing(target):
        make_private(target)
        with file.open("rb") as source:
            try:
                for member, inside in _members(source):
                    is_whole = member.name == END
                    if not _NAME.fullmatch(member.name):
                        continue
                    place = target / member.name.removeprefix(f"{REPOSITORY}/")
                    make_private(place.parent)
                    _write(inside, place, member.size)
                    done += member.size
                    report.progress(done, head.size)
            except (tarfile.TarError, EOFError):
                is_whole = False
    if not is_whole or done != head.size:
        raise DamagedExport(
            f"{file} is cut off: {done} of {head.size} bytes are there. Nothing was changed.",
            "Copy it once more, and compare both with: sha256sum FILE",
        )


def _members(source: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    with tarfile.open(fileobj=source, mode="r:") as archive:
        for member in archive:
            inside = archive.extractfile(member) if member.isreg() else None
            if inside is not None:
                yield member, inside


def _write(source: IO[bytes], place: Path, size: int) -> None:
    """Raises EOFError where there is less than that."""
    with place.open("xb") as file:
        while chunk := source.read(_CHUNK):
            file.write(chunk)
            size -= len(chunk)
    if size:
        raise EOFError


def _files(repository: Path) -> list[Path]:
    """What opens it comes first. Locks are nobody's in another place."""
    names = {f"{REPOSITORY}/{path.relative_to(repository)}": path for path in repository.rglob("*") if path.is_file()}
    ours = [name for name in names if _NAME.fullmatch(name)]
    return [names[name] for name in sorted(ours, key=lambda name: ("/data/" in name, name))]


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Nothing of who made it."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = _plain(tarfile.TarInfo(name))
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))
