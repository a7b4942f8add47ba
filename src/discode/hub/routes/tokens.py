"""API tokens of the vendor's people and machines."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from .. import tokens
from ..access import TheHub, Vendor, allowed
from .shapes import Days, Line, Shape, body, errors, takes

router = APIRouter(prefix="/api/v1/tokens", tags=["tokens"])
Admin = Annotated[Vendor, Depends(allowed("admin"))]
Scope = Literal["release", "license", "push", "report", "admin"]
TokenId = Annotated[str, Path(pattern="^[a-z2-7]{8}$", examples=["q3k7m2xa"])]


class NewToken(Shape):
    """`days` until it expires; without it, it never does."""

    label: Line = Field(examples=["CI of myapp"])
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=5, examples=[["release", "push"]])]
    days: Days | None = Field(default=None, examples=[90])


class Token(BaseModel):
    """Times are Unix time in seconds."""

    id: str = Field(examples=["q3k7m2xa"])
    label: str
    scopes: list[str]
    created: float
    expires: float | None
    revoked: float | None
    state: Literal["live", "expired", "revoked"]


class MadeToken(BaseModel):
    id: str = Field(examples=["q3k7m2xa"])
    token: str = Field(description="Shown only this once.", examples=["dht_q3k7m2xa_…"])


@router.post("", status_code=201, responses=errors(401, 403), openapi_extra=takes(NewToken))
def create(hub: TheHub, vendor: Admin, wanted: Annotated[NewToken, body(NewToken)]) -> MadeToken:
    """Create a token. Only this response contains it."""
    secret = tokens.create(hub, vendor.actor, wanted.label, wanted.scopes, wanted.days)
    return MadeToken(id=secret.id, token=secret.text)


@router.get("", responses=errors(401, 403))
def list_(hub: TheHub, vendor: Admin) -> list[Token]:
    return [Token(**told) for told in tokens.describe(hub)]


@router.delete("/{token}", responses=errors(401, 403, 404))
def revoke(hub: TheHub, vendor: Admin, token: TokenId) -> Token:
    """Revoke a token. Repeating it changes nothing."""
    return Token(**tokens.revoke(hub, vendor.actor, token))
