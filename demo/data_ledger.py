"""What users of `bin/demo --data` have written, what of it has to be found, and for how long they waited. Pure."""

from __future__ import annotations

import json
import statistics
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from records import Record


@dataclass(frozen=True)
class Write:
    """An acknowledged one; Unix times of the request and of its answer."""

    name: str
    sent: float
    acknowledged: float


@dataclass(frozen=True)
class Undone:
    """A restore: what was acknowledged after its snapshot had begun, at `since`, and sent before the app's data was
    replaced, at `until`, may be gone. Unix times."""

    since: float
    until: float

    def covers(self, write: Write) -> bool:
        return write.acknowledged >= self.since and write.sent <= self.until


@dataclass(frozen=True)
class Operation:
    """A command of the customer's. Unix times."""

    kind: str
    begun: float
    ended: float


def read_writes(text: str) -> list[Write]:
    """Of whole lines: the last one may be under way."""
    return [Write(**json.loads(line)) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def lost(writes: Iterable[Write], found: Collection[str], undone: Sequence[Undone] = ()) -> list[str]:
    """Acknowledged, not there, and no restore has said so."""
    missing = (write for write in writes if write.name not in found)
    return [write.name for write in missing if not any(one.covers(write) for one in undone)]


def gone(writes: Iterable[Write], found: Collection[str], undone: Undone) -> int:
    """How many that restore has taken away."""
    return sum(write.name not in found and undone.covers(write) for write in writes)


def held(records: Iterable[Record], begun: float, ended: float) -> float:
    """The longest time, in seconds, in which nobody had an answer: what users see of a hold, whatever is said of it. It
    may begin before and end after, for an answer that was waited for meanwhile."""
    answers = sorted(one.started + one.seconds for one in records)
    meanwhile = [(one, then) for one, then in pairwise(answers) if then > begun and one < ended]
    return max((then - one for one, then in meanwhile), default=0.0)


def longest(records: Iterable[Record], begun: float, ended: float) -> float:
    """Seconds for which a request waited at the most."""
    meanwhile = (one for one in records if one.started < ended and one.started + one.seconds > begun)
    return max((one.seconds for one in meanwhile), default=0.0)


def by_kind_of_operation(operations: Sequence[Operation], records: Sequence[Record]) -> dict[str, dict[str, float]]:
    """In the order of their first: how many there were, and medians and the worst in seconds."""
    table = {}
    for kind in dict.fromkeys(one.kind for one in operations):
        own = [one for one in operations if one.kind == kind]
        taken = [one.ended - one.begun for one in own]
        waits = [held(records, one.begun, one.ended) for one in own]
        table[kind] = {
            "times": len(own),
            "median_s": round(statistics.median(taken), 2), "worst_s": round(max(taken), 2),
            "held_median_s": round(statistics.median(waits), 2), "held_worst_s": round(max(waits), 2),
            "longest_answer_s": round(max(longest(records, one.begun, one.ended) for one in own), 2),
        }  # fmt: skip
    return table


def without_an_answer(operations: Sequence[Operation], records: Sequence[Record]) -> float:
    """The longest time, in seconds, without an answer while no command ran: so much the machine itself does."""
    begun, ended = min(one.started for one in records), max(one.started + one.seconds for one in records)
    edges = [
        begun,
        *(edge for one in sorted(operations, key=lambda o: o.begun) for edge in (one.begun, one.ended)),
        ended,
    ]
    answers = sorted(one.started + one.seconds for one in records)
    between = [(edges[n], edges[n + 1]) for n in range(0, len(edges), 2)]
    gaps = (
        then - one
        for first, last in between
        for one, then in pairwise([answer for answer in answers if first <= answer <= last])
    )
    return round(max(gaps, default=0.0), 2)
