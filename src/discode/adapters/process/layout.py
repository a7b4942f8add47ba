"""Where the process runtime keeps what, and the two documents by which an instance is found again.

    instances/<name>/       spec.json, env (0600), record.json, state.json, log/, work/ (the app's folder), stop
        log/current, marks  the app's log, and how long it was at which times; old.1, marks.1 and so on: before it
        log/<process>/      the same of an extra process
    archives/<app>/<key>/   a release, unpacked
    apps/<app>/volumes/     data that outlives every instance

`spec.json` is written last: a folder without it is an instance that never got ready. `stop` says that the instance
is meant to be down, with its seconds of grace. `state.json` is the supervisor's.

The supervisor imports this file: see there what that may cost.
"""

from __future__ import annotations

import json
from pathlib import Path

from ...disk.whole import write_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Every process of an instance has this in its environment: found again even when all files are lost.
MARKER = "DISCODE_INSTANCE_FOLDER"
WEB = "web"  # the app itself, among the programs of an instance


class InstanceFolder:
    def __init__(self, path: Path):
        self.path = path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def spec(self) -> Path:
        return self.path / "spec.json"

    @property
    def env(self) -> Path:
        return self.path / "env"

    @property
    def record(self) -> Path:
        return self.path / "record.json"

    @property
    def state(self) -> Path:
        return self.path / "state.json"

    @property
    def stop(self) -> Path:
        return self.path / "stop"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def log(self) -> Path:
        return self.path / "log" / "current"

    def log_of(self, role: str) -> Path:
        return self.log if role == WEB else self.log.parent / role / self.log.name

    @property
    def work(self) -> Path:
        return self.path / "work"

    def is_ready(self) -> bool:
        return self.spec.exists()


def write_json(path: Path, value: dict[str, Any], mode: int = 0o644) -> None:
    """As in discode.disk. Raises OSError."""
    write_whole(path, json.dumps(value).encode(), mode)
