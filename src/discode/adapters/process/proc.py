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
    for pid in _pids():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] not in "ZX":
            found.append(pid)
    return found


def orphans(folder: Path) -> list[int]:
    """Every process that carries the instance's marker, the supervisor's own excepted."""
    wanted = f"{MARKER}={folder}".encode()
    found = []
    for pid in _pids():
        try:
            marked = wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if marked and identity(pid) is not None:
            found.append(pid)
    return found


def marked_folders() -> set[Path]:
    """The instance folders that any running process is marked with."""
    prefix, found = f"{MARKER}=".encode(), set()
    for pid in _pids():
        try:
            environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        found |= {Path(os.fsdecode(line[len(prefix) :])) for line in environ if line.startswith(prefix)}
    return found


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


def _pids() -> Iterator[int]:
    own = os.getpid()
    names = os.listdir("/proc")  # noqa: PTH208 - called in loops: Path objects cost more than the rest
    return (int(entry) for entry in names if entry.isdigit() and int(entry) != own)
