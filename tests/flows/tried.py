"""Worlds from which an earlier trial of the scenario has gone on to a good end: another one goes on just so.

With no fault left, nothing but the world and which command is next decides what follows. So a world between two
commands is told in full, but for what no flow decides by: lines of logs, what an error said, how long steps took. Of
moments is told which are the same and which come first, for flows only measure from them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any

import msgspec

from discode.core.installation import Installation
from discode.core.release import Release
from discode.testing.faults import Script
from discode.testing.memory_world import MemoryWorld

UNREAD = {
    "_Instance": {"lines"},
    "_Accessory": {"lines", "since"},
    "HistoryEntry": {"at", "seconds", "error"},
    "BadRelease": {"reason"},
}
MOMENT = 1e9  # numbers from here on are Unix time
_IN_NAMES = re.compile(r"1700\d{9}")  # in the name of a swap, in milliseconds
PARTS: dict[str, tuple[str, ...]] = {
    "system": ("left_alone", "_secrets", "time"),
    "store": ("installations", "journals", "revisions", "certificates", "entries", "records", "damaged", "workspaces"),
    "runtime": ("live", "fetched", "volumes", "shared", "exclusive", "violations", "_port"),
    "accessories": ("live", "data", "fetched", "acknowledged", "violations"),
    "proxy": ("services", "busy", "certificates", "failures", "certified_after", "violations"),
    "repositories": ("plans", "files", "storage"),
}
Teller = Callable[["Telling", Any], Hashable]


class Tried:
    """Of one scenario. `followed`: by where a trial stood, its calls from there to its end."""

    def __init__(self) -> None:
        self.followed: dict[Hashable, list[str]] = {}
        self._begun: set[Hashable] = set()

    def is_new(self, begin: Hashable) -> bool:
        """Whether no trial has begun so before."""
        before = len(self._begun)
        self._begun.add(begin)
        return len(self._begun) > before


class Way:
    """Of one trial, from its last fault on."""

    def __init__(self, tried: Tried | None, script: Script):
        self._tried, self._script = tried, script
        self._places: list[tuple[Hashable, int]] = []  # where it stood, after how many calls
        self._rest: list[str] = []

    def is_known_from(self, world: MemoryWorld, following: int | str) -> bool:
        """Whether an earlier trial went on from here, where that command follows."""
        if self._tried is None or self._script.calls <= max(self._script.faults):
            return False
        here = place(world, following)
        self._rest = self._tried.followed.get(here, [])
        self._places.append((here, len(self._script.names)))
        return here in self._tried.followed

    def end(self) -> list[str]:
        """All calls, when it came to a good end, or one was found that did."""
        names = self._script.names + self._rest
        for here, calls in self._places if self._tried else []:
            self._tried.followed[here] = names[calls:]
        return names


def place(world: MemoryWorld, following: int | str) -> Hashable:
    """Where a trial stands; `following` is its next command."""
    return hash((Telling().world(world), following))


class Telling:
    """Of one world."""

    def __init__(self) -> None:
        self.moments: dict[float, int] = {}
        self.said = 0  # how often a moment was

    def world(self, world: MemoryWorld) -> Hashable:
        told = [self.value(vars(getattr(world, part))[name]) for part, names in PARTS.items() for name in names]
        return tuple(told), tuple([self.moments[moment] for moment in sorted(self.moments)])

    def value(self, value: Any) -> Hashable:
        return _teller(type(value))(self, value)  # type: ignore[arg-type]

    def moment(self, value: float) -> Hashable:
        if value < MOMENT:
            return value
        self.said += 1
        return "moment", self.moments.setdefault(value, len(self.moments))

    def text(self, value: str) -> Hashable:
        return _IN_NAMES.sub(self._in_a_name, value) if "1700" in value else value

    def pairs(self, value: Mapping[Any, Any]) -> Hashable:
        return tuple([(self.value(name), self.value(one)) for name, one in value.items()])

    def items(self, value: Any) -> Hashable:
        return tuple([self.value(one) for one in value])

    def _in_a_name(self, found: re.Match[str]) -> str:
        return str(self.moment(int(found[0]) / 1000))


def _as_it_is(telling: Telling, value: Any) -> Hashable:
    return value


_TELLERS: dict[type, Teller] = {
    Release: lambda telling, value: value.key,
    set: lambda telling, value: frozenset(value),
    float: Telling.moment, str: Telling.text, dict: Telling.pairs, list: Telling.items, tuple: Telling.items,
    int: _as_it_is, bool: _as_it_is, bytes: _as_it_is, type(None): _as_it_is, frozenset: _as_it_is,
}  # fmt: skip


@cache
def _teller(kind: type) -> Teller:
    if issubclass(kind, Enum):
        return _as_it_is
    if kind in _TELLERS:
        return _TELLERS[kind]
    if issubclass(kind, msgspec.Struct):
        return _of_frozen(_of_fields(kind, kind.__struct_fields__))
    if is_dataclass(kind):
        told = _of_fields(kind, tuple(one.name for one in fields(kind)))
        return _of_frozen(told) if kind.__dataclass_params__.frozen else told  # type: ignore[attr-defined]
    return lambda telling, value: telling.text(str(value))


def _of_fields(kind: type, names: tuple[str, ...]) -> Teller:
    read = [name for name in names if name not in UNREAD.get(kind.__name__, ())]

    def tell(telling: Telling, value: Any) -> Hashable:
        told = [telling.value(_recorded(value.record) if name == "record" else getattr(value, name)) for name in read]
        return kind.__name__, *told

    return tell


def _of_frozen(tell: Teller) -> Teller:
    """Told once of each, where no moment is told of."""
    known: dict[int, tuple[Any, Hashable]] = {}

    def tell_once(telling: Telling, value: Any) -> Hashable:
        if (found := known.get(id(value))) is not None:
            return found[1]
        said, told = telling.said, tell(telling, value)
        if telling.said == said:
            if len(known) > 1000:
                known.clear()
            known[id(value)] = value, told
        return told

    return tell_once


@cache
def _recorded(record: str) -> Installation | None:
    """What an instance was started of."""
    return Installation.read_json(record) if record else None
