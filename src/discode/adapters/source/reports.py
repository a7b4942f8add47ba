"""Reports to the vendor's hub, when the customer agreed: apps/<app>/reporting.json has the random id for them."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from ...core.errors import DiscodeError, Refused
from ...core.history import HistoryEntry
from ...core.hub_answers import Taken
from ...core.report import report_of
from ..files.access import Accesses
from ..files.disk import write_whole
from ..hub_api import HubApi
from .license import Licenses


class Reports:
    def __init__(self, home: Path):
        self._home, self._licenses = home, Licenses(home)

    def enable(self, app: str) -> None:
        """Agreed already: the id stays."""
        if self._identity(app) is None:
            write_whole(self._path(app), json.dumps({"installation": secrets.token_hex(16)}).encode(), mode=0o600)

    def disable(self, app: str) -> None:
        self._path(app).unlink(missing_ok=True)

    def is_enabled(self, app: str) -> bool:
        return self._identity(app) is not None

    def preview(self, app: str, history: list[HistoryEntry]) -> dict[str, Any] | None:
        """Exactly what `send` would send; None when the last flow is none that is reported."""
        identity = self._identity(app) or "0" * 32
        return report_of(app, identity, history[-1]) if history else None

    def send(self, app: str, source: str, history: list[HistoryEntry]) -> str:
        """Once after a flow. The answer is empty, or says why it did not go: a report is never worth a failure."""
        told = self.preview(app, history) if self.is_enabled(app) and source.startswith("http") else None
        if told is None:
            return ""
        license = self._licenses.of(app)
        mine = license.authorization if license and license.hub == source.rstrip("/") else None
        try:
            HubApi(source, mine, plain_http=Accesses(self._home).of(app, source).plain_http).call(
                "POST", "/api/v1/reports", Taken, json=told
            )
        except DiscodeError as error:
            return f"The report could not be sent: {error.sentence}"
        return ""

    def _identity(self, app: str) -> str | None:
        try:
            return str(json.loads(self._path(app).read_bytes())["installation"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Refused(
                f"{self._path(app)} is damaged. Your app was not touched.",
                f"Agree again: discode report {app} --disable, then --enable",
                key="reporting-file",
            ) from error

    def _path(self, app: str) -> Path:
        return self._home / "apps" / app / "reporting.json"
