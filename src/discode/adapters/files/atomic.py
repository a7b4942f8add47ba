"""One file, written whole or not at all: a temporary file beside it, fsync, rename, fsync of the folder."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from .disk import writing

_TEMPORARY = re.compile(r"\..+\.(\d+)\.tmp")  # .<name>.<pid of the writer>.tmp


def write_atomically(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Raises PreflightError; then the file is what it was before. `mode` is narrowed by the umask."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with writing(path):
        make_folder(path.parent)
        sweep(path.parent)
        try:
            _write_new(temporary, data, mode)
            temporary.rename(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """The folder and those above it, so that they outlive a power loss."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Makes names durable that were made, renamed or deleted in the folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Delete temporary files whose writer died. One of another living writer stays."""
    for name in os.listdir(folder):  # noqa: PTH208 - once per write: Path objects for each name cost more than the rest
        match = _TEMPORARY.fullmatch(name)
        if match and not _writes(int(match[1])):
            (folder / name).unlink(missing_ok=True)


def write_all(write: Callable[[memoryview], int], data: bytes) -> None:
    """The system may take less than it is given: a disk that fills up says so at the next try only."""
    left = memoryview(data)
    while left:
        left = left[write(left) :]


def _write_new(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        write_all(lambda left: os.write(descriptor, left), data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _writes(pid: int) -> bool:
    """Whether a process other than this one may be writing. This one is not: it is sweeping."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
