"""The journal of a flow under way, and the rule by which an interrupted flow is settled.

A journal is written before the first change to the world and cleared after the last. `before` is what was, `after`
is what shall be; one of them is None when the app is installed or uninstalled, and `before` when the snapshot of an
app that is not here is restored, for good or in a drill. They are the same in a backup, which holds requests for a
while. `verdict` is what the flow itself has seen: `back`, `after` did not prove itself; `forward`, it did, and whatever
comes after that, an accident or a reboot, is not its fault.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from .installation import Installation
from .model import Model

# 2 and 3: of a flow that an earlier Discode does not know, and must not settle.
SCHEMA = 3
_SCHEMAS = {"backup": 2, "restore": 3, "drill": 3}
Flow = Literal["install", "update", "rollback", "config", "restart", "start", "stop", "uninstall", "domain", "backup",
               "restore", "drill"]  # fmt: skip
Side = Literal["before", "after"]


class Journal(Model, frozen=True, kw_only=True):
    journal_schema: int = 1
    flow: Flow
    started: float  # Unix time
    before: Installation | None
    after: Installation | None
    verdict: Literal["back", "forward"] | None = None
    purge: bool = False  # of an uninstall: the data goes too
    requires_https: bool = False  # `after` stays only when its hosts have certificates that are trusted
    snapshot: str | None = None  # of the data, taken before anything was touched
    swap: str = ""  # of a restore: by which `after` has other data than `before`, see ports/runtime.py
    automatic: bool = False  # nobody has typed it
    unproved: tuple[str, ...] = ()  # volumes beside the app that the flow makes, and whose data nobody relies on yet

    def __post_init__(self) -> None:
        if self.journal_schema <= SCHEMA:
            msgspec.structs.force_setattr(self, "journal_schema", _SCHEMAS.get(self.flow, 1))

    @property
    def app(self) -> str:
        return self.any_side.app

    @property
    def any_side(self) -> Installation:
        side = self.after or self.before
        assert side is not None, "a journal must have an installation before or after"
        return side

    @property
    def is_route_alone(self) -> bool:
        """Whether the same instance serves before and after, at other addresses."""
        is_same = self.before is not None and self.after is not None and self.before.instance == self.after.instance
        return self.flow == "domain" and is_same

    @property
    def is_proved(self) -> bool:
        return self.verdict == "forward"

    def going_back(self) -> Journal:
        return self.changed(verdict="back")

    def proved(self) -> Journal:
        return self.changed(verdict="forward", unproved=())


def swap_of(after: Installation, now: float) -> str:
    """The name of a swap: it tells for which instance the data is, should the journal be damaged."""
    return f"{int(now * 1000)}-{after.instance}"


def is_swap_of(installation: Installation, swap: str) -> bool:
    return swap.partition("-")[2] == str(installation.instance)


def choose(journal: Journal, serves: Side | None, after_answers: bool) -> Side:
    """Which side stays, by what the proxy says (`serves`) and whether `after` answers through it, by HTTPS where the
    journal requires that.

    Truth is what the proxy serves, never the newest instance. `before` wins every doubt, for it has proved itself; once
    `after` has, too, there is none.
    """
    if journal.verdict is not None:
        return "after" if journal.is_proved else "before"
    return "after" if serves == "after" and after_answers else "before"
