"""What users have written, and were told is written: nothing of it may ever be missing."""

from __future__ import annotations

import http.client
import itertools
import random
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from traffic import Traffic

SHOWN = 5  # of what is missing
MOMENT = 0.5  # seconds by which the order of answers is not that of writes


class Ledger:
    """Of each place, the ids that it has acknowledged, with the time of the answer."""

    def __init__(self) -> None:
        self._numbers, self._lock = itertools.count(1), threading.Lock()
        self._written: dict[str, dict[str, float]] = {}

    def next(self) -> str:
        return f"w{next(self._numbers):08}"

    def note(self, name: str, places: Collection[str]) -> None:
        now = time.time()
        with self._lock:
            for place in places:
                self._written.setdefault(place, {})[name] = now

    def forget(self, *places: str) -> None:
        """The customer has deleted it. All of them, if none is named."""
        with self._lock:
            for place in places or list(self._written):
                self._written.pop(place, None)

    def back_to(self, moment: float) -> None:
        """The customer has gone back to a snapshot that was begun then. What it may have or lack is forgotten, too."""
        with self._lock:
            for place, written in self._written.items():
                self._written[place] = {name: at for name, at in written.items() if at < moment}

    def undo(
        self, place: str, wanted: Collection[str], there: Collection[str], begun: float, ended: float
    ) -> list[str]:
        """Of a place that was brought back to a snapshot, taken between those two times: what of the `wanted` it does
        not have was undone, and is forgotten. Violations: it lacks what is older, or something that was written after
        what it has not. In doubt, by MOMENT, it is none. What is written meanwhile is no part of it."""
        with self._lock:
            written = self._written.get(place, {})
            undone = {name: written.pop(name) for name in set(wanted) - set(there)}
            left = dict(written)  # users go on writing
        last = max(undone.values(), default=0.0)
        older = [name for name, at in undone.items() if at < begun]
        mixed = [name for name, at in left.items() if ended + MOMENT < at < last - MOMENT]
        return [
            *lost(older, (), f"{place}, and are older than the snapshot"),
            *([f"{place} has {len(mixed)} writes of those that were undone: {sorted(mixed)[:SHOWN]}"] if mixed else []),
        ]

    def acknowledged(self, place: str, until: float | None = None) -> set[str]:
        with self._lock:
            return {name for name, at in self._written.get(place, {}).items() if until is None or at < until}

    def count(self) -> int:
        return sum(map(len, self._written.values()))


def lost(wanted: Collection[str], there: Collection[str], where: str) -> list[str]:
    """As a violation, if anything is."""
    if missing := sorted(set(wanted) - set(there)):
        return [f"{len(missing)} acknowledged writes are not in {where}: {missing[:SHOWN]} … {missing[-1]}"]
    return []


class Writers(Traffic):
    """Users of whom half of the requests write."""

    def __init__(self, ledger: Ledger, port: int, host: str, users: int):
        super().__init__(port, host, users)
        self.pause, self._ledger = 0.05, ledger

    def _ask(self, connection: http.client.HTTPConnection) -> str:
        return self._write(connection) if random.random() < 0.5 else super()._ask(connection)

    def _write(self, connection: http.client.HTTPConnection) -> str:
        name = self._ledger.next()
        try:
            connection.request("POST", f"/writes/{name}", b"", headers={"Host": self._host})
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return f"{type(error).__name__} of a write"
        if answer.status == 201:
            self._ledger.note(name, text.split())
            return ""
        return "" if self.allowed is None or answer.status in self.allowed else f"status {answer.status} of a write"


@dataclass(frozen=True)
class Undone:
    """What a restore goes back to: a snapshot of that version, taken between those times."""

    version: str
    begun: float
    ended: float


def missing(
    ledger: Ledger, ask: Callable[[str], tuple[int, str]], stores: Collection[str], undone: Undone | None
) -> list[str]:
    """Violations of what the app itself has, in the places that it uses now."""
    found = []
    for place in stores:
        wanted = ledger.acknowledged(place)
        status, text = ask(f"/writes?in={place}")
        if status != 200:
            found.append(f"{place} cannot be read: {status} {text}")
        elif undone:
            found += ledger.undo(place, wanted, text.split(), undone.begun, undone.ended)
        else:
            found += lost(wanted, text.split(), place)
    return found


def environment(stores: Collection[str], addresses: Mapping[str, str]) -> str:
    """Lines of the vendor's file below `env`. `addresses`: of each place the accessory that has it."""
    names = {"postgres": "DATABASE_URL", "redis": "REDIS_URL"}
    lines = [f'  STORES: "{" ".join(stores)}"']
    lines += [f"  {names[place]}: {{accessory: {name}}}" for place, name in addresses.items()]
    return "\n".join(lines) + "\n"
