"""Processes that a run leaves behind: the next one would meet them, at a port that they hold, say."""

import contextlib
import os
import time
from pathlib import Path

from rig.wait import WaitedInVain, wait_for

MARK = "DISCODE_TESTS_RUN"
GRACE = 60.0  # seconds: what was told to end may be at it still


def begin():
    """For the run and all that it starts; the workers of a run have the mark of the run."""
    os.environ.setdefault(MARK, f"{os.getpid()}-{time.time_ns()}")


def processes(folder: Path) -> list[str]:
    """Pid and command of each that the run has started and that has not ended within the grace. `folder`: the run's
    own, which tells those whose environment was cleared."""
    with contextlib.suppress(WaitedInVain):
        wait_for(lambda: not _found(folder), GRACE)
    return _found(folder)


def _found(folder: Path) -> list[str]:
    mark, place = f"{MARK}={os.environ[MARK]}".encode(), os.fsencode(folder)
    own, found = _own_family(), []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in own:
            continue
        with contextlib.suppress(OSError):  # ended meanwhile, or somebody else's
            command = (entry / "cmdline").read_bytes()
            if command and (mark in (entry / "environ").read_bytes().split(b"\0") or place in command):
                found.append(f"{entry.name}: {command.replace(bytes(1), b' ').decode(errors='replace').strip()}")
    return found


def _own_family() -> set[int]:
    """This process, its parents, and those of its children that end with it: Python's own helpers, and the one that
    tests' commands are forked from."""
    family, pid = set(), os.getpid()
    while pid > 0:
        family.add(pid)
        pid = int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    for text in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        with contextlib.suppress(OSError):
            command = (Path("/proc") / text / "cmdline").read_bytes()
            if b"multiprocessing" in command or b"rig.launcher" in command:
                family.add(int(text))
    return family
