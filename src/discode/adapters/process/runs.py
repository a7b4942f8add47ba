"""Programs that a person runs beside an app's instances, each in a folder of its own that goes with it.

once/<app>..run-<number>/   work/ (a copy of the release), lock: held by the command that made it, as long as it lives
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...disk.lock import is_held, take
from ...ports.console import Console
from ...ports.runtime import InstanceSpec
from . import console as consoles
from .once import FOLDER
from .work import environment, lay_out


def run(home: Path, release: Path, spec: InstanceSpec, command: Sequence[str], console: Console) -> int:
    """The program's exit code. Raises as `console.attend`."""
    with _folder(home, spec.name.app) as folder:
        lay_out(home, release, folder / "work", spec.manifest)
        return consoles.attend(command, folder / "work", environment(folder / "work", spec, None), console, folder)


def sweep(home: Path, app: str, *, living: bool) -> None:
    for folder in (home / FOLDER).glob(f"{app}..run-*"):
        if living or not is_held(folder / "lock"):
            _remove(folder)


@contextmanager
def _folder(home: Path, app: str) -> Iterator[Path]:
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{app}..run-", dir=home / FOLDER))
    lock = take(folder / "lock")
    try:
        yield folder
    finally:
        _remove(folder)
        if lock is not None:
            os.close(lock)


def _remove(folder: Path) -> None:
    consoles.end(folder)
    shutil.rmtree(folder, ignore_errors=True)
