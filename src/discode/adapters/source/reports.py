"""Reports to the vendor's hub, when the customer agreed: the port Reports, over apps/<app>/reporting.json."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from ...core.errors import Refused, SourceUnreachable, UsageError
from ...core.hub_answers import Taken
from ...core.model import ValidationError
from ...core.report import Agreement
from ..files.access import Accesses
from ..files.belongings import REPORTING
from ..files.disk import write_whole
from ..hub_api import HubApi
from .license import Licenses


class HubReports:
    def __init__(self, home: Path):
        self._home, self._licenses = home, Licenses(home)

    def enable(self, app: str, now: float) -> None:
        """From now on. Agreed already: the id stays."""
        if self.agreement(app) is None:
            self._write(app, Agreement(installation=secrets.token_hex(16), told=now))

    def disable(self, app: str) -> None:
        self._path(app).unlink(missing_ok=True)

    def agreed(self) -> list[str]:
        return sorted(path.parent.name for path in self._home.glob(f"apps/*/{REPORTING}"))

    def agreement(self, app: str) -> Agreement | None:
        try:
            return Agreement.read_json(self._path(app).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise Refused(
                f"{self._path(app)} is damaged. Your app was not touched.",
                f"Agree again: discode report {app} --disable, then --enable",
                key="reporting-file",
            ) from error

    def keep(self, app: str, agreement: Agreement) -> None:
        if self._path(app).exists():
            self._write(app, agreement)

    def send(self, app: str, source: str, told: dict[str, Any]) -> None:
        license = self._licenses.of(app)
        mine = license.authorization if license and license.hub == source.rstrip("/") else None
        hub = HubApi(source, mine, plain_http=Accesses(self._home).of(app, source).plain_http)
        try:
            hub.call("POST", "/api/v1/reports", Taken, json=told)
        except UsageError as error:
            if error.name == "hub-moved":  # until the customer says so
                raise SourceUnreachable(error.sentence, error.next_step, key=error.name) from error
            raise

    def _write(self, app: str, agreement: Agreement) -> None:
        write_whole(self._path(app), agreement.as_json().encode(), mode=0o600)

    def _path(self, app: str) -> Path:
        return self._home / "apps" / app / REPORTING
