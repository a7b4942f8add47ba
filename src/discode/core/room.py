"""Room on a disk: what something needs of it, and the one refusal when that is not free, before anything is touched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .artifact import Archive, Image
from .errors import PreflightError
from .quantity import format_size

SPARE = 64 << 20  # bytes that stay free for logs, state and other apps
UNPACKED = 3  # times the size of a dump: what a database may make of it, with its indexes
NEW_SERVER = 64 << 20  # bytes of a database server with nothing in it


class Disk(NamedTuple):
    """`free`: bytes, where `folder` is."""

    folder: str
    free: int


def must_have_room(purpose: str, needed: int, *disks: Disk, advice: str = "") -> None:
    """`purpose` begins the sentence: `The backup of myapp`. Each of the disks has to have that many bytes, and some to
    spare. `advice`: what helps beside more space.

    Raises PreflightError.
    """
    least = min(disks, key=lambda disk: disk.free)
    if least.free < (wanted := SPARE + needed):
        raise PreflightError(
            f"{purpose} needs {format_size(wanted)} of disk space, but only {format_size(least.free)} are free in "
            f"{least.folder}. Nothing was changed.",
            f"Free some space there, then run the command again. {advice}".strip(),
            key="disk-full",
        )


def of_release(artifact: Archive | Image) -> int:
    """To fetch it and unpack it. How large an image gets nobody tells."""
    if isinstance(artifact, Archive):
        return artifact.length + 2 * artifact.unpacked
    return 3 * artifact.length


def of_restore(size: int, dumps: Iterable[int]) -> int:
    """To bring a snapshot of that size beside what is there, and to load its dumps."""
    return size + sum(UNPACKED * one + NEW_SERVER for one in dumps)


def of_upgrade(sizes: Iterable[int]) -> int:
    """To bring databases that large to another version: the dump of each, and its second volume."""
    return sum(2 * one for one in sizes)


def of_export(size: int) -> int:
    """A repository of its own, and the file that is made of it."""
    return 2 * size
