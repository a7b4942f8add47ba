"""A command of a release that runs to its end: the same files, environment and volumes as an instance has."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from ...ports.runtime import Completed, InstanceSpec
from .layout import MARKER
from .work import environment, lay_out

LINES = 200
FOLDER = "once"
POLL = 0.02  # seconds
REST = 1.0


def run_once(
    home: Path, release: Path, spec: InstanceSpec, command: Sequence[str], timeout: float, say: Callable[[str], None]
) -> Completed:
    """Marked as a process of the instance: when we are killed meanwhile, it is ended with the instance."""
    parent = home / FOLDER
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{spec.name}-", dir=parent))
    try:
        lay_out(home, release, folder / "work", spec.manifest)
        env = {**environment(folder / "work", spec, None), MARKER: str(home / "instances" / str(spec.name))}
        return _run(folder / "work", env, command, timeout, spec.manifest.update.stop, say)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(home: Path, name: str) -> None:
    """What a killed command left of its one-off commands. The app's lock keeps others away."""
    for path in (home / FOLDER).glob(f"{name}-*"):
        shutil.rmtree(path, ignore_errors=True)


def _run(
    work: Path, env: dict[str, str], command: Sequence[str], timeout: float, grace: float, say: Callable[[str], None]
) -> Completed:
    try:
        child = begun(work, env, command)
    except OSError as error:
        return Completed(127, (f"{command[0]}: {error.strerror}",))
    return to_its_end(child, timeout, grace, say)


def begun(work: Path, env: dict[str, str], command: Sequence[str]) -> subprocess.Popen[str]:
    """Raises OSError."""
    return subprocess.Popen(
        list(command), cwd=work, env=env, text=True, errors="replace", start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def to_its_end(child: subprocess.Popen[str], timeout: float, grace: float, say: Callable[[str], None]) -> Completed:
    output = _Output(child, say)
    try:
        code = output.until_its_end(timeout)
        if code is None:
            _signal(child, signal.SIGTERM)
            output.until_its_end(grace)
    finally:
        _signal(child, signal.SIGKILL)  # what it has left behind, too: that may hold the pipe open
        child.wait()
    output.rest()
    return Completed(code, tuple(output.last))


class _Output:
    """What a child writes, as it comes: read by a thread, told by whoever waits."""

    def __init__(self, child: subprocess.Popen[str], say: Callable[[str], None]):
        self.last: deque[str] = deque(maxlen=LINES)
        self._child, self._say = child, say
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def until_its_end(self, within: float) -> int | None:
        """Its exit code; None when it has not ended within so many seconds."""
        deadline = time.monotonic() + within
        while (code := self._child.poll()) is None and time.monotonic() < deadline:
            self._tell(POLL)
        return code

    def rest(self) -> None:
        """What is still in the pipe. A program that went its own way may hold it open, and go on writing."""
        deadline = time.monotonic() + REST
        while time.monotonic() < deadline and self._tell(REST):
            pass

    def _tell(self, within: float) -> bool:
        """The next line. False when there is none, and when there will be none any more."""
        try:
            line = self._lines.get(timeout=within)
        except queue.Empty:
            return False
        if line is None:
            self._lines.put(None)
            return False
        self.last.append(line)
        self._say(line)
        return True

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)


def _signal(child: subprocess.Popen[str], number: signal.Signals) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        pass
