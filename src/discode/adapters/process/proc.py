"""Processes as the kernel tells of them: identity that survives the reuse of ids, groups, orphans of an instance.

The supervisor imports this file: see there what that may cost.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from .layout import MARKER

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MARK = f"{MARKER}=".encode()
_PIECE = 1 << 15  # bytes: nearly every environment fits in
POLL = 0.01


def identity(pid: int) -> str | None:
    """Names this process and no later one with the same id: boot and start time. None: there is none, or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        # The second field is the program's name in brackets, and may itself contain blanks and brackets.
        fields = text.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else f"{_BOOT_ID.read_text().strip()}:{fields[19]}"
    except (OSError, IndexError):
        return None


def is_alive(pid: int, known: str | None) -> bool:
    return bool(pid) and known is not None and identity(pid) == known


def group_members(group: int) -> list[int]:
    found = []
    for pid in pids():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] not in "ZX":
            found.append(pid)
    return found


def memory_of(members: list[int]) -> int | None:
    """Bytes of all of them together, what they share counted once (PSS, proc(5)). None when none may be read."""
    found = [size for pid in members if (size := _proportional(pid)) is not None]
    return sum(found) if found else None


def _proportional(pid: int) -> int | None:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), None)


def orphans(folder: Path) -> list[int]:
    """Every process that carries the instance's marker, the supervisor's own excepted."""
    wanted = os.fsencode(folder)
    return [pid for pid, marked in _marks() if marked == wanted and identity(pid) is not None]


def marked_folders() -> set[Path]:
    """The instance folders that any running process is marked with."""
    return {Path(os.fsdecode(folder)) for folder in {folder for _, folder in _marks()}}


def end_all(folder: Path, groups: set[int], grace: float) -> None:
    """SIGTERM to the groups and to every marked process, `grace` seconds, SIGKILL; returns when all are gone."""
    deadline = time.monotonic() + grace
    _signal(folder, groups, signal.SIGTERM)
    while _left(folder, groups):
        if time.monotonic() >= deadline:
            _signal(folder, groups, signal.SIGKILL)
        time.sleep(POLL)


def _left(folder: Path, groups: set[int]) -> list[int]:
    return [pid for group in groups for pid in group_members(group)] or orphans(folder)


def _signal(folder: Path, groups: set[int], number: signal.Signals) -> None:
    for pid in {*(pid for group in groups for pid in group_members(group)), *orphans(folder)}:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _marks() -> Iterator[tuple[int, bytes]]:
    """Every marked process, with the folder that its marker names."""
    return ((pid, folder) for pid in pids() for folder in _markers(pid))


def marker_of(pid: int) -> bytes:
    """The folder of the instance that a process belongs to; empty for none."""
    return next(iter(_markers(pid)), b"")


def _markers(pid: int) -> list[bytes]:
    environ = _environ(pid)
    if _MARK not in environ:
        return []
    return [line[len(_MARK) :] for line in environ.split(b"\0") if line.startswith(_MARK)]


def started(pid: int) -> int | None:
    """When it was, in the clock's ticks since the machine's start."""
    known = identity(pid)
    return int(known.rpartition(":")[2]) if known else None


def _environ(pid: int) -> bytes:
    """Empty when it may not be read, or there is no such process. By descriptor: every process of the machine is looked
    at for each app, and a Path would cost five times as much."""
    try:
        descriptor = os.open(f"/proc/{pid}/environ", os.O_RDONLY)
    except OSError:
        return b""
    try:
        environ = piece = os.read(descriptor, _PIECE)
        while len(piece) == _PIECE:
            environ += (piece := os.read(descriptor, _PIECE))
        return environ
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def pids() -> Iterator[int]:
    """Of every process but this one."""
    own = os.getpid()
    names = os.listdir("/proc")  # noqa: PTH208 - called in loops: Path objects cost more than the rest
    return (int(entry) for entry in names if entry.isdigit() and int(entry) != own)
