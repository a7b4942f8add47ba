"""One file, written whole or not at all: a temporary file beside it, fsync, rename, fsync of the folder.

What each function promises besides: a reader sees the old file or the new one at every moment. When it returns, the
new one outlives a power loss. When it raises, or its process is killed, the file is what it was before; a temporary
file, `.<name>.<pid>-<number>.tmp`, may be left by a kill, and the next write into the folder deletes it.

`mode` is the new file's, narrowed by the umask: the mode and the owner of the file before do not count. A symbolic link
under the name is replaced, not followed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from .folders import StrPath, make_folder, sync_folder

TYPE_CHECKING = False  # the module `typing` would be memory of each supervisor
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, BinaryIO

_numbers = count()
_ours: set[str] = set()  # temporary files that threads of this process are writing


def write_whole(path: StrPath, data: bytes, mode: int = 0o644, *, folder_mode: int = 0o777) -> None:
    """Replace the file, or make it, and the folders above it with `folder_mode`."""
    with replacing(path, mode, folder_mode=folder_mode) as file:
        file.write(data)


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file whose contents can be found out otherwise: empty when it is not there, cannot be read,
    or has something else in it. Raises nothing."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_derived(path: StrPath, data: bytes, mode: int = 0o644) -> None:
    """As `write_whole`, without fsync: for what is made anew from something else before it is read after a crash.

    After a power loss the file may be empty.
    """
    with replacing(path, mode, durable=False) as file:
        file.write(data)


def write_new(path: StrPath, data: bytes, mode: int = 0o644) -> None:
    """As `write_whole`, for a file that must not be there yet. Raises FileExistsError.

    A crash can leave it empty, never with a part of `data`: the name is taken first. (A link would not leave even
    that, but vendors keep keys on sticks whose file systems know no links.)
    """
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode))
    try:
        write_whole(path, data, mode)
    except BaseException:
        os.unlink(path)
        raise


@contextmanager
def replacing(
    path: StrPath,
    mode: int = 0o644,
    *,
    folder_mode: int = 0o777,
    by_way_of: StrPath | None = None,
    durable: bool = True,
) -> Iterator[BinaryIO]:
    """As `write_whole`, in pieces: what is written to the stream is the file once the block ends without an exception.

    `by_way_of`: the folder of the temporary file, on the same file system; else the file's own.
    """
    folder, name = os.path.split(os.fspath(path))
    place = os.fspath(by_way_of) if by_way_of else folder or "."
    make_folder(place, folder_mode)
    sweep(place)
    temporary = os.path.join(place, f".{name}.{os.getpid()}-{next(_numbers)}.tmp")
    _ours.add(temporary)
    try:
        with _opened(temporary, mode) as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        make_folder(folder or ".", folder_mode)
        os.replace(temporary, path)
    except BaseException:
        _unlink(temporary)
        raise
    finally:
        _ours.discard(temporary)
    if durable:
        sync_folder(folder or ".")


def sweep(folder: StrPath) -> None:
    """Delete temporary files whose writer died. One of another living writer stays."""
    for name in os.listdir(folder):
        if name.endswith(".tmp") and name.startswith("."):
            path = os.path.join(folder, name)
            pid = name[:-4].rpartition(".")[2].partition("-")[0]
            if pid.isdecimal() and not _is_written(path, int(pid)):
                _unlink(path)


def _opened(path: str, mode: int) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb")


def _is_written(path: str, pid: int) -> bool:
    if pid == os.getpid():
        return path in _ours
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
