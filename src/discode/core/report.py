"""What an installation that agreed reports of an update: outcome, versions and durations, and nothing else."""

from __future__ import annotations

from typing import Any

from .history import HistoryEntry

REPORTED = ("install", "update", "rollback")  # flows; the rest is the customer's own affair
FAILURES = frozenset(("failed", "settled-back"))


def report_of(app: str, installation: str, entry: HistoryEntry) -> dict[str, Any] | None:
    """As it is sent; None for a flow that is not reported. `installation` is random and used for this alone.

    The error's text stays here: it can hold names of the customer's.
    """
    if entry.flow not in REPORTED or entry.to_version is None:
        return None
    return {
        "app": app, "installation": installation, "flow": entry.flow, "version": entry.to_version,
        "before": entry.from_version, "serves": entry.serves, "outcome": entry.outcome,
        "seconds": {step: round(seconds, 2) for step, seconds in entry.seconds.items()},
    }  # fmt: skip
