"""A command under way: a process in a session of its own, which outlives the agent.

States: ours (its end and its exit code are seen), adopted (of an agent that is gone: its end is seen, and its code
where its last line tells it), ended.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..core.lasting import lasting
from .chores import Words
from .state import Job, folder

TOLD = 4096  # bytes of the end of its output in which the last line is looked for


class Running(Protocol):
    @property
    def job(self) -> Job: ...

    def fileno(self) -> int:
        """Can be read when it has ended; -1 where the kernel has no such thing."""

    def has_ended(self) -> bool: ...

    def end(self, now: float) -> Job:
        """Of one that has ended: how."""


class Commands:
    """Of the home's agent: starts them, and finds those of an earlier one."""

    def __init__(self, home: Path, environment: Mapping[str, str] = os.environ):
        self._home = home
        self._environment = {**lasting(environment), "DISCODE_HOME": str(home)}

    def start(self, chore: str, words: Words, now: float) -> Running:
        """Raises OSError where no process can be started now."""
        path = self._output(words)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
            child = subprocess.Popen(
                [sys.executable, "-P", "-m", "discode", *words], env=self._environment, cwd="/",
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        job = Job(words=words, chore=chore, started=now, pid=child.pid, born=born(child.pid))
        return _Process(job, path, _watched(child.pid), child)

    def adopt(self, job: Job) -> Running | None:
        """None where it has ended."""
        if not is_alive(job):
            return None
        return _Process(job, self._output(job.words), _watched(job.pid), None)

    def ended_unseen(self, job: Job, now: float) -> Job:
        """Of a command that ended while no agent was there."""
        return _ended(job, now, None, self._output(job.words))

    def _output(self, words: Words) -> Path:
        name = "-".join(word for word in words if not word.startswith("-"))
        return folder(self._home) / f"{name}.out"


@dataclass(frozen=True)
class _Process:
    job: Job
    output: Path
    watched: int
    child: subprocess.Popen[bytes] | None

    def fileno(self) -> int:
        return self.watched

    def has_ended(self) -> bool:
        return not is_alive(self.job) if self.child is None else self.child.poll() is not None

    def end(self, now: float) -> Job:
        if self.watched >= 0:
            os.close(self.watched)
        return _ended(self.job, now, self.child.returncode if self.child else None, self.output)


def _ended(job: Job, now: float, code: int | None, output: Path) -> Job:
    told = _last_line(output)
    if code is None:
        code = told.get("exit_code", 0) if told else None
    return job.changed(ended=now, code=code if isinstance(code, int) else None, said=_said(told))


def is_alive(job: Job) -> bool:
    """Also not one that is dead and that nobody has asked how it ended."""
    found = born(job.pid)
    return found != "" and found == job.born


def born(pid: int) -> str:
    """When a process was started, by the kernel's clock; empty for none. Fields 3 and 22 of stat: proc(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in (b"Z", b"X") else fields[19].decode()


def _watched(pid: int) -> int:
    """pidfd_open(2)."""
    with suppress(OSError, AttributeError):
        return os.pidfd_open(pid)
    return -1


def _last_line(path: Path) -> dict[str, Any]:
    """Of what a command with --json has printed; empty where that is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - TOLD, 0))
            told = json.loads(file.read().strip().rpartition(b"\n")[2])
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _said(told: dict[str, Any]) -> str:
    error = told.get("error")
    if isinstance(error, dict):
        return str(error.get("message") or error.get("sentence") or error.get("key") or "")
    return str(told.get("message") or told.get("result") or "")
