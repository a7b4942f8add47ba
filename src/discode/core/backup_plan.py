"""How an app is backed up: where to, when, and what is kept. Chosen by the customer; no secrets."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Annotated, Literal

from .errors import UsageError
from .fields import Slug
from .model import Meta, Model
from .retention import Retention

SCHEMA = 1
JITTER = 30  # minutes over which machines spread: many customers choose 03:00, and some share a storage
DAY = 86400.0
RETRY = 3 * 3600.0  # seconds until a scheduled backup that failed is tried again
BeforeUpdates = Literal["on", "off", "try"]
TimeOfDay = Annotated[str, Meta(pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")]


class BackupPlan(Model, frozen=True, kw_only=True):
    """`repository`: restic's address, without a login. `is_local`: made by Discode in its own home, so that it does not
    outlive the disk. `at`: time of day, local, of the daily backup; empty: none. `drill_days`: after how many
    days a restore is proved anew; 0: by hand alone. `since`: Unix time of the setup.

    `before_updates`: whether an update or a rollback takes a snapshot first. `on`: without one it does not begin;
    `try`: it says so, and begins all the same.
    """

    backup_schema: int = SCHEMA
    app: Slug
    repository: str
    is_local: bool = False
    before_updates: BeforeUpdates = "on"
    retention: Retention = Retention()
    at: TimeOfDay = ""
    drill_days: int = 0
    since: float = 0.0

    def due_last(self, now: datetime) -> datetime | None:
        """When a daily backup was due last; None without a schedule. `now` is local, without a zone: the change to
        daylight saving time is the system's."""
        if not self.at:
            return None
        hour, minute = map(int, self.at.split(":"))
        today = now.replace(hour=hour, minute=minute, second=0, microsecond=0) + timedelta(minutes=self._jitter())
        return today if today <= now else today - timedelta(days=1)

    def is_due(self, now: float, done: float, tried: float) -> bool:
        """`done` and `tried`: when the last backup that succeeded, and the last one at all, ended; 0 when none did. A
        new schedule does not begin with a time that was over when it was made."""
        due = self.due_last(datetime.fromtimestamp(now))
        if due is None or max(done, self.since) >= due.timestamp():
            return False
        return tried < due.timestamp() or now - tried >= RETRY

    def is_drill_due(self, now: float, tried: float) -> bool:
        """`tried`: when the last drill ended, however; 0 when there was none."""
        return self.drill_days > 0 and now - max(tried, self.since) >= self.drill_days * DAY

    def _jitter(self) -> int:
        """Minutes; the same every day, another one for each installation."""
        digest = hashlib.sha256(f"{self.app} {self.repository} {self.since}".encode()).digest()
        return int.from_bytes(digest[:4], "big") % JITTER


def check_time(text: str) -> str:
    """Raises UsageError."""
    try:
        return datetime.strptime(text, "%H:%M").strftime("%H:%M")
    except ValueError:
        raise UsageError(f"{text!r} is not a time of day.", "Give hours and minutes, such as 03:30.") from None
