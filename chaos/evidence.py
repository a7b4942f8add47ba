"""All that is needed to understand a round that failed, in a folder of its own."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

from machine import Machine

from place import Place

LARGE = shutil.ignore_patterns("archives", "downloads", "work", "filler", "*.sock", "trust")


class Evidence:
    """Taken after the check; `begin` remembers where the round's part of each log starts."""

    def __init__(self, place: Place, machine: Machine):
        self._place, self._machine = place, machine
        self._from: dict[Path, int] = {}

    def begin(self) -> None:
        self._from = {path: path.stat().st_size if path.exists() else 0 for path in self._logs()}

    def keep(self, name: str, told: dict[str, Any]) -> Path:
        """What was done and seen, the commands' output, the proxy's logs, the processes and Discode's files."""
        folder = self._place.folder / "failed" / name
        folder.mkdir(parents=True)
        (folder / "round.json").write_text(json.dumps(told, indent=1, default=str) + "\n")
        (folder / "processes.txt").write_text(self._machine.table())
        for path in self._logs():
            if path.exists():
                (folder / path.name).write_bytes(path.read_bytes()[self._from.get(path, 0) :])
        with contextlib.suppress(shutil.Error):  # files that vanish meanwhile
            shutil.copytree(self._place.home, folder / "home", ignore=LARGE, symlinks=True)
        return folder

    @staticmethod
    def words(folder: Path, lines: int = 60) -> str:
        """The end of what the commands said, where nobody can look into the folder."""
        told = (folder / "commands.log").read_text(errors="replace").splitlines()
        return "\n".join(f"    | {line[:300]}" for line in told[-lines:])

    def _logs(self) -> list[Path]:
        edge = self._place.home / "edge"
        return [self._place.log, edge / "edge.log", edge / "haproxy.log"]
