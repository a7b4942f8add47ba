"""Unpack an archive that may be hostile: signed does not mean harmless, and a vendor's build may be taken over.

Refused: names outside the folder, links that lead out of it, devices, and more than the release promised, by bytes
or by number.
"""

from __future__ import annotations

import gzip
import lzma
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, cast

from ...core.errors import TrustError

MEMBERS = 100_000
HEADERS = 64 * 1024 * 1024  # bytes of a tar stream that may be headers and padding
_COPY = 1 << 20


def unpack(archive: Path, folder: Path, unpacked: int) -> None:
    """Into an empty folder. `unpacked`: bytes that its files may have together.

    Raises TrustError with the key `archive-unsafe`, or OSError.
    """
    left, count, seen = unpacked, 0, set[str]()
    try:
        with _stream(archive, unpacked + HEADERS) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                count, left = count + 1, left - max(member.size if member.isreg() else 0, 0)
                _check(member, seen)
                if left < 0 or count > MEMBERS:
                    raise unsafe("it unpacks to more than the release declares")
                _extract(tar, member, folder)
    except (tarfile.TarError, EOFError, lzma.LZMAError, gzip.BadGzipFile, UnicodeError) as error:
        raise unsafe(f"it cannot be read ({type(error).__name__})") from error


def unsafe(why: str) -> TrustError:
    return TrustError(
        f"The release's archive was refused: {why}. Nothing was changed.",
        "Tell the vendor; your app was not touched.",
        key="archive-unsafe",
    )


def _check(member: tarfile.TarInfo, seen: set[str]) -> None:
    name = _inside(member.name, f"the name {member.name!r}")
    if name in seen and not member.isdir():
        raise unsafe(f"{member.name!r} appears in it twice")
    seen.add(name)
    if member.issym():
        target = f"{PurePosixPath(name).parent}/{member.linkname}"
        _inside(os.path.normpath(target), f"the link {member.name!r}", absolute=member.linkname.startswith("/"))
    elif member.islnk():
        if _inside(member.linkname, f"the link {member.name!r}") not in seen:
            raise unsafe(f"{member.name!r} is a link to something that is not in it")
    elif not (member.isreg() or member.isdir()):
        raise unsafe(f"{member.name!r} is not a file, a folder or a link")


def _inside(name: str, what: str, *, absolute: bool = False) -> str:
    path = PurePosixPath(name)
    if absolute or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise unsafe(f"{what} leads out of its folder")
    return str(path)


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    target = folder / member.name
    # A link that is inside by itself could still carry a later name outside, when links are chained.
    if not target.parent.resolve().is_relative_to(folder.resolve()):
        raise unsafe(f"{member.name!r} leads out of its folder by a link")
    target.parent.mkdir(parents=True, exist_ok=True)
    if member.isdir():
        target.mkdir(exist_ok=True)
    elif member.issym():
        target.symlink_to(member.linkname)
        if not target.resolve().is_relative_to(folder.resolve()):
            raise unsafe(f"the link {member.name!r} leads out of its folder")
    elif member.islnk():
        os.link(folder / member.linkname, target, follow_symlinks=False)
    else:
        source = tar.extractfile(member)
        assert source is not None
        _copy(source, target, 0o755 if member.mode & 0o100 else 0o644)


def _copy(source: IO[bytes], target: Path, mode: int) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        while piece := source.read(_COPY):
            file.write(piece)


@contextmanager
def _stream(archive: Path, limit: int) -> Iterator[IO[bytes]]:
    with archive.open("rb") as file:
        head = file.read(6)
        file.seek(0)
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(file) as plain:
                yield cast(IO[bytes], _Bounded(cast(IO[bytes], plain), limit))
        elif head == b"\xfd7zXZ\0":
            with lzma.open(file) as plain:
                yield cast(IO[bytes], _Bounded(cast(IO[bytes], plain), limit))
        else:
            yield cast(IO[bytes], _Bounded(file, limit))


class _Bounded:
    """A stream that ends the reading, not the machine's memory or disk, when it holds more than it may."""

    def __init__(self, stream: IO[bytes], limit: int):
        self._stream, self._left = stream, limit

    def read(self, size: int = -1) -> bytes:
        piece = self._stream.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(piece)
        if self._left < 0:
            raise unsafe("it unpacks to more than the release declares")
        return piece
