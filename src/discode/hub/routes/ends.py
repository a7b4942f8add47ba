"""What ends, and when: for the vendor's commands, which warn of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from ...core.ends import DAY
from .. import ends
from ..access import TheHub, Vendor, allowed
from ..installer import builds
from ..proxies import is_near
from .shapes import errors

router = APIRouter(prefix="/api/v1/ends", tags=["about"])


class Ending(BaseModel):
    """`at` is Unix time in seconds, `life` the whole time in seconds, `days` what is left of it."""

    what: str = Field(examples=["root"])
    at: float
    life: float
    days: int
    effect: str = Field(examples=["customers get no more updates"])
    next_step: str


class Ends(BaseModel):
    ends: list[Ending]
    signs: bool = Field(description="Whether the hub has the online key that the vendor's root names.")
    installs: bool = Field(description="Whether customers can install Discode from here: a build is on the hub.")
    proxies: list[str] = Field(
        description="Addresses near the hub that pass requests on and are not among its trusted proxies.",
        examples=[["10.0.0.5"]],
    )


@router.get("", responses=errors(401, 403))
def all_ends(request: Request, hub: TheHub, vendor: Annotated[Vendor, Depends(allowed("release"))]) -> Ends:
    """Everything here that ends at a known time. Of the API tokens only the caller's own, unless it has `admin`."""
    found, now = ends.all_ends(hub, None if "admin" in vendor.scopes else vendor.token), hub.now()
    told = [
        Ending(what=e.what, at=e.at, life=e.life, days=int((e.at - now) // DAY), effect=e.effect, next_step=e.next_step)
        for e in found
    ]
    proxies = sorted(filter(is_near, request.app.state.unnamed_proxies))
    return Ends(ends=told, signs=ends.can_sign(hub), installs=bool(builds(hub)), proxies=proxies)
