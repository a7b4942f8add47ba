"""What an agent has to do: a line a chore."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

Words = tuple[str, ...]


@dataclass(frozen=True)
class Due:
    """A command, and from when on: Unix time."""

    words: Words
    at: float


class Look(Protocol):
    """What is due by what commands have left on this machine. `now` is Unix time; what is damaged is left out."""

    def updates(self, now: float) -> Iterable[Due]: ...

    def backups(self, now: float) -> Iterable[Due]: ...

    def notices(self, now: float) -> Iterable[Due]: ...


@dataclass(frozen=True)
class Chore:
    """`pause`: seconds from one start of a command to its next one, at least. `at_once`: how many of its commands may
    run beside each other. `at_start`: also when an agent before this one has just started it: there may have been a
    boot between. `is_first`: other chores wait for it, but not long."""

    name: str
    due: Callable[[Look, float], Iterable[Due]]
    pause: float
    at_once: int = 1
    at_start: bool = False
    is_first: bool = False


CHORES = (
    Chore(
        "settle", lambda look, now: [Due(("settle", "--all", "--json"), now)], pause=300, at_start=True, is_first=True
    ),
    Chore("update", lambda look, now: look.updates(now), pause=60),  # a look may say that one is due soon
    Chore("backup", lambda look, now: look.backups(now), pause=600, at_once=2),
    Chore("notice", lambda look, now: look.notices(now), pause=60),
)
