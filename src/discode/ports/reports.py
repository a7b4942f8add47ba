"""Reports to vendors: what the customer agreed to, and the way to the hub."""

from __future__ import annotations

from typing import Any, Protocol

from ..core.report import Agreement


class Reports(Protocol):
    """Reads raise Refused when a file is damaged; writes raise PreflightError when the disk is full or read-only."""

    def agreed(self) -> list[str]:
        """Slugs of the apps whose customer agreed, in order."""

    def agreement(self, app: str) -> Agreement | None:
        """None when the customer has not agreed."""

    def keep(self, app: str, agreement: Agreement) -> None:
        """Whole or not at all, and only while the customer agrees."""

    def send(self, app: str, source: str, told: dict[str, Any]) -> None:
        """Raises NoSuchApp or UsageError for what the hub will never take; Refused and SourceUnreachable for what it
        may take later."""
