"""The audit log: a line for every change, written in the change's own transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from .models import AuditEntry


def record(session: Session, at: float, actor: str, action: str, subject: str, detail: dict[str, Any]) -> None:
    """`actor` is a token's id, or a command of the hub's operator. No secret may be in `detail`."""
    session.add(AuditEntry(at=at, actor=actor, action=action, subject=subject[:200], detail=detail))
