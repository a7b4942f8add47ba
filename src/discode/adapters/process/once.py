"""A command of a release that runs to its end: the same files, environment and volumes as an instance has."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from ...ports.runtime import Completed, InstanceSpec
from .layout import MARKER
from .work import environment, lay_out

LINES = 200
FOLDER = "once"


def run_once(home: Path, release: Path, spec: InstanceSpec, command: Sequence[str]) -> Completed:
    """Marked as a process of the instance: when we are killed meanwhile, it is ended with the instance."""
    parent = home / FOLDER
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{spec.name}-", dir=parent))
    try:
        lay_out(home, release, folder / "work", spec.manifest)
        marker = {MARKER: str(home / "instances" / str(spec.name))}
        return _run(folder / "work", {**environment(folder / "work", spec, None), **marker}, command)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(home: Path, name: str) -> None:
    """What a killed command left of its one-off commands. The app's lock keeps others away."""
    for path in (home / FOLDER).glob(f"{name}-*"):
        shutil.rmtree(path, ignore_errors=True)


def _run(work: Path, env: dict[str, str], command: Sequence[str]) -> Completed:
    try:
        child = subprocess.Popen(
            list(command), cwd=work, env=env, text=True, errors="replace", start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except OSError as error:
        return Completed(127, (f"{command[0]}: {error.strerror}",))
    lines: deque[str] = deque(maxlen=LINES)
    try:
        assert child.stdout is not None
        lines.extend(line.rstrip("\n") for line in child.stdout)
        return Completed(child.wait(), tuple(lines))
    finally:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
