"""The audit log, newest first."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy import select

from ..access import TheHub, Vendor, allowed
from ..models import AuditEntry
from .shapes import errors

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])


class Entry(BaseModel):
    """`at` is Unix time in seconds."""

    id: int
    at: float
    actor: str = Field(examples=["token q3k7m2xa"])
    action: str = Field(examples=["license.revoke"])
    subject: str
    detail: dict[str, Any]


@router.get("", responses=errors(401, 403))
def audit(
    hub: TheHub,
    vendor: Annotated[Vendor, Depends(allowed("admin"))],
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Return only entries with a lower id.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[Entry]:
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    with hub.database.read() as session:
        return [
            Entry(id=e.id, at=e.at, actor=e.actor, action=e.action, subject=e.subject, detail=e.detail)
            for e in session.scalars(query)
        ]
