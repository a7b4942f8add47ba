"""What restic prints with `--json`: <https://restic.readthedocs.io/en/stable/075_scripting.html#json-output>."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from ...core.snapshot import Snapshot, is_ours, tag, tags_named
from ...ports.report import Report
from ..files.staging import FOLDER


class Reading:
    """The messages of a backup: tells the progress, keeps the end and the files that could not be read."""

    def __init__(self, report: Report):
        self._report = report
        self._done = -1
        self.summary: dict[str, Any] = {}
        self.unread: list[tuple[str, str]] = []  # path and reason

    def __call__(self, line: bytes) -> bool:
        message = read_object(line)
        kind = message.get("message_type")
        if kind == "summary":
            self.summary = message
            return True
        if kind == "error":
            self._keep(message)
        if kind != "status":
            return False
        done, total = int(message.get("bytes_done", 0)), int(message.get("total_bytes", 0))
        is_further, self._done = done > self._done, max(done, self._done)
        if is_further:
            self._report.progress(done, total)
        return is_further

    def _keep(self, message: dict[str, Any]) -> None:
        """Up to 0.17 the error is a value of Go's, with its fields; later a message."""
        error = message.get("error") or {}
        reason = str(error.get("message") or error.get("Err") or error) if isinstance(error, dict) else str(error)
        number = error.get("Err") if isinstance(error, dict) else None
        self.unread.append((str(message.get("item", "")), f"errno {number}" if isinstance(number, int) else reason))


def read_object(line: bytes) -> dict[str, Any]:
    """Empty for a line that is none."""
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def snapshots_in(out: bytes, app: str) -> list[Snapshot]:
    """Those of the app, oldest first. Its record's folder is the one that every snapshot of ours is of first."""
    told = json.loads(out or b"null") or []
    found = [_snapshot(one, app) for one in told if is_ours(tuple(one.get("tags") or ()), app)]
    return sorted((one for one in found if one.folder), key=lambda one: (one.taken, one.id))


def apps_in(out: bytes) -> list[str]:
    told = json.loads(out or b"null") or []
    return sorted({tag(tuple(one.get("tags") or ()), "app") for one in told} - {""})


def _snapshot(told: dict[str, Any], app: str) -> Snapshot:
    tags = tuple(told.get("tags") or ())
    size = tag(tags, "bytes")
    return Snapshot(
        id=str(told["id"])[:8], taken=_taken(tag(tags, "taken"), str(told["time"])),
        host=str(told.get("hostname", "")), app=app, version=tag(tags, "version"), cause=tag(tags, "cause"),
        folder=_staged(told.get("paths") or []),
        size=int(size) if size.isdecimal() else None, missing=tags_named(tags, "missing"),
    )  # fmt: skip


def _taken(told: str, begun: str) -> float:
    """`begun`: restic's own time, of a snapshot that does not say more."""
    try:
        return float(told)
    except ValueError:
        return _time(begun)


def _staged(paths: list[str]) -> str:
    return next((path for path in paths if path.rpartition("/")[2] == FOLDER), "")


def _time(text: str) -> float:
    """RFC 3339 with nanoseconds, of which Python reads six digits."""
    head, dot, rest = text.partition(".")
    digits = rest.rstrip("Z").split("+")[0].split("-")[0] if dot else ""
    zone = rest[len(digits) :] if dot else ""
    whole = f"{head}.{digits[:6]}{zone}" if dot else text
    return datetime.fromisoformat(whole.replace("Z", "+00:00")).timestamp()
