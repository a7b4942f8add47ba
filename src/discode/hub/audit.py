"""The audit log: an entry for every change, written in the same transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from .models import AuditEntry


def record(session: Session, at: float, actor: str, action: str, subject: str, detail: dict[str, Any]) -> None:
    """`actor` is a token's id or a command of the hub's operator. `detail` must not contain secrets."""
    session.add(AuditEntry(at=at, actor=actor, action=action, subject=subject[:200], detail=detail))
