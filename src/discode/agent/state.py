"""What the agent has started, and how it ended: <home>/agent/state.json, for the next agent and for who looks.

It is written anew after each change. What a power loss takes of it costs nobody anything.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from ..core.model import Model, ValidationError
from ..disk.lock import is_held
from ..disk.whole import write_derived

FOLDER = "agent"


class Job(Model, frozen=True, kw_only=True):
    """The last run of a command. Unix times; `born` tells the process from a later one with the same `pid`. `code`:
    None where nobody was there to see it; `said`: what it said at last."""

    words: tuple[str, ...]
    chore: str
    started: float
    pid: int
    born: str = ""
    ended: float | None = None
    code: int | None = None
    said: str = ""

    @property
    def command(self) -> str:
        return " ".join(word for word in self.words if word != "--json")


class State(Model, frozen=True, kw_only=True):
    """`pid`, `since`, `version`: of the agent that has written it."""

    pid: int
    since: float
    version: str = ""
    jobs: tuple[Job, ...] = ()


def folder(home: Path) -> Path:
    return home / FOLDER


def lock_path(home: Path) -> Path:
    return folder(home) / "lock"


def lives(home: Path) -> bool:
    return is_held(lock_path(home))


def read(home: Path) -> State | None:
    """None where there is none, or none that can be read."""
    try:
        return State.read_json((folder(home) / "state.json").read_bytes())
    except (OSError, ValidationError):
        return None


def write(home: Path, state: State) -> None:
    """A disk that is full keeps the agent from nothing."""
    with suppress(OSError):
        write_derived(folder(home) / "state.json", json.dumps(state.as_dict(), indent=1).encode())
