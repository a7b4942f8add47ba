"""What the load saw, one record a request, and what follows from it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Record:
    """Unix times; `opened`: when the connection was made. `failure` is empty, or its kind."""

    kind: str
    opened: float
    started: float
    seconds: float
    version: str
    failure: str = ""

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Epoch:
    """From `begin`, when the switch to `version` was done, until `end`, when the next one began."""

    version: str
    begin: float
    end: float


def out_of_order(records: Iterable[Record], epochs: Sequence[Epoch]) -> int:
    """Answers of an older version after a newer one had answered, on connections opened after the switch."""
    count = 0
    for record in records:
        epoch = next((one for one in epochs if one.begin <= record.opened and record.started < one.end), None)
        if epoch is None or record.started < epoch.begin or not record.version:
            continue
        count += record.version != epoch.version
    return count


def percentile(values: Sequence[float], share: float) -> float:
    """By nearest rank; 0 for no values."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def figures(records: Sequence[Record]) -> dict[str, object]:
    """Counts and milliseconds, over all requests but the ones that are long by intent."""
    short = [record.seconds * 1000 for record in records if record.kind in ("kept-alive", "new connection", "upload")]
    failures = Counter(f"{record.kind}: {record.failure}" for record in records if record.failure)
    return {
        "requests": len(records),
        "failed": sum(failures.values()),
        "failures": dict(failures),
        "p50_ms": round(percentile(short, 0.5), 2),
        "p99_ms": round(percentile(short, 0.99), 2),
        "max_ms": round(max(short, default=0.0), 2),
    }


def by_kind(records: Sequence[Record]) -> dict[str, dict[str, float]]:
    table = {}
    for kind in sorted({record.kind for record in records}):
        own = [record for record in records if record.kind == kind]
        times = [record.seconds * 1000 for record in own]
        table[kind] = {
            "requests": len(own),
            "failed": sum(bool(record.failure) for record in own),
            "p50_ms": round(percentile(times, 0.5), 2),
            "p99_ms": round(percentile(times, 0.99), 2),
            "max_ms": round(max(times), 2),
        }
    return table
