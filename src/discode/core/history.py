"""A line of the history: one finished flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from .model import Model

SCHEMA = 1
BACKUP = "backup"  # a flow that changes nothing of what serves
DRILL = "drill"  # likewise: of a snapshot that was restored to see whether it can be
EXPORT = "export"  # likewise: of a file with all of the app
QUIET = (BACKUP, DRILL, EXPORT)
RESTORE = "restore"  # without a version before it: the app came from a snapshot, new on this machine
GUARD = "guard"  # the flow of a guard that could not settle what a killed command left
Outcome = Literal["done", "failed", "settled-forward", "settled-back"]


class HistoryEntry(Model, frozen=True, kw_only=True):
    """`started` and `at` are Unix time of the flow's begin and end; `started` names the flow.

    `settled-…`: the flow was interrupted and brought to an end afterwards, forward or back. `seconds` of each step
    that ran; `error` is a sentence. Never a setting's value.
    """

    started: float
    at: float
    flow: str
    outcome: Outcome
    from_version: str | None = None
    to_version: str | None = None
    serves: str | None = None  # the version that served at the end
    instance: str | None = None
    seconds: dict[str, float] = {}
    error: str | None = None
    snapshot: str | None = None  # of the data: that it took, or that was taken before it
    missing: tuple[str, ...] = ()  # what that snapshot lacks: accessories at addresses of the customer's
    route: str | None = None  # what changed of the app's addresses, see `domains.told`
    automatic: bool = False  # nobody has typed it
    history_schema: int = SCHEMA


def gave_up(history: Sequence[HistoryEntry], started: float) -> str:
    """Why the guard of the flow that began then has left it as it is; empty when it has not."""
    found = [one.error or "" for one in history if one.flow == GUARD and one.started == started]
    return found[-1] if found else ""
