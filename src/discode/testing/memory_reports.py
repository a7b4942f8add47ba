"""Reports in memory: who agreed, and what a hub has been told; it can be away, or refuse for good."""

from __future__ import annotations

from typing import Any

from ..core.errors import SourceUnreachable, UsageError
from ..core.report import Agreement


class MemoryReports:
    def __init__(self) -> None:
        self.agreements: dict[str, Agreement] = {}
        self.told: list[dict[str, Any]] = []
        self.away = False
        self.refuses: set[str] = set()  # flows
        self.tries = 0

    def enable(self, app: str, now: float) -> None:
        self.agreements.setdefault(app, Agreement(installation=f"{len(self.agreements):032x}", told=now))

    def agreed(self) -> list[str]:
        return sorted(self.agreements)

    def agreement(self, app: str) -> Agreement | None:
        return self.agreements.get(app)

    def keep(self, app: str, agreement: Agreement) -> None:
        if app in self.agreements:
            self.agreements[app] = agreement

    def send(self, app: str, source: str, told: dict[str, Any]) -> None:
        self.tries += 1
        if self.away:
            raise SourceUnreachable("The hub cannot be reached.")
        if told["flow"] in self.refuses:
            raise UsageError("The hub does not know that.", "Update the hub.")
        self.told.append(told)
