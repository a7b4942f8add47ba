"""What an installation that agreed reports of a flow: outcome, versions and durations, and nothing else.

The history is the queue: what ended after the last line that the vendor was told of is due, whoever ended it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .history import HistoryEntry
from .model import Model

REPORTED = ("install", "update", "rollback", "restore")  # flows; the rest is the customer's own affair
FAILURES = frozenset(("failed", "settled-back"))
MOST = 20  # at once: of what is older a vendor has no use
ID_DIGITS = 32  # of an installation's id
PAUSE = 900.0  # seconds between two tries with nothing new to tell


class Agreement(Model, frozen=True, kw_only=True):
    """`installation` is random and used for reports alone. `told`: `at` of the last line of the history that needs no
    report any more; None, of an earlier Discode, which told at once or never. `tried`: Unix time of a try in vain."""

    installation: str
    told: float | None = None
    tried: float = 0.0

    def may_try(self, due: Sequence[HistoryEntry], now: float) -> bool:
        return due[-1].at > self.tried or not 0 <= now - self.tried < PAUSE


def due(history: Sequence[HistoryEntry], told: float | None) -> list[HistoryEntry]:
    """Those to be reported, oldest first, by what was told already; None: the last alone."""
    reported = [one for one in lines_after(history, told) if one.flow in REPORTED and one.to_version is not None]
    return reported[-1 if told is None else -MOST :]


def lines_after(history: Sequence[HistoryEntry], told: float | None) -> Sequence[HistoryEntry]:
    """By the line itself where it is there: a clock may have been set back since."""
    if told is None:
        return history
    known = [number for number, one in enumerate(history) if one.at == told]
    return history[known[-1] + 1 :] if known else [one for one in history if one.at > told]


def report_of(product: str, installation: str, entry: HistoryEntry) -> dict[str, Any]:
    """As it is sent. `product`: what the vendor calls the app.

    The error's text stays here: it can hold names of the customer's.
    """
    return {
        "app": product, "installation": installation, "flow": entry.flow, "version": entry.to_version,
        "before": entry.from_version, "serves": entry.serves, "outcome": entry.outcome,
        "seconds": {step: round(seconds, 2) for step, seconds in entry.seconds.items()},
    }  # fmt: skip
