"""Licences, for the vendor."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from .. import licences
from ..access import TheHub, Vendor, allowed
from .shapes import Days, Installation, Line, Sentence, Shape, Slug, errors

router = APIRouter(prefix="/api/v1/licenses", tags=["licences"])
Issuer = Annotated[Vendor, Depends(allowed("license"))]
LicenceId = Annotated[str, Path(pattern="^[a-z2-7]{8}$", examples=["q3k7m2xa"])]


class NewLicence(Shape):
    """No `days`: it does not end by itself. No `channels`: all. `lease_days`: how long apps can do without the hub."""

    app: Slug
    customer: Line = Field(examples=["Example Ltd"])
    channels: Annotated[tuple[Slug, ...], Field(max_length=20)] = ()
    days: Days | None = Field(default=None, examples=[365])
    seats: Annotated[int, Field(ge=1, le=100_000)] = 1
    lease_days: Annotated[int, Field(ge=1, le=400)] = 14


class MadeLicence(BaseModel):
    id: str = Field(examples=["q3k7m2xa"])
    key: str = Field(description="Shown this once.", examples=["dlk_q3k7m2xa_…"])


class Licence(BaseModel):
    """Times are Unix time in seconds."""

    id: str
    app: str
    customer: str
    channels: list[str]
    seats: int
    used: int
    lease_days: int
    created: float
    expires: float | None
    revoked: float | None
    reason: str | None
    state: Literal["live", "expired", "revoked"]


class Seat(BaseModel):
    installation: str
    at: float
    seen: float


class LicenceWithSeats(Licence):
    installations: list[Seat]


class Reason(Shape):
    reason: Sentence = Field(examples=["not paid"])


class Renewal(Shape):
    days: Days | None = Field(default=None, examples=[365])


@router.post("", status_code=201, responses=errors(401, 403, 404))
def issue(hub: TheHub, vendor: Issuer, wanted: NewLicence) -> MadeLicence:
    """Issue a licence. Its key is in this answer and nowhere else."""
    made = licences.issue(hub, vendor.actor, licences.Terms(**wanted.model_dump()))
    return MadeLicence(id=made.id, key=made.text)


@router.get("", responses=errors(401, 403))
def list_(hub: TheHub, vendor: Issuer, app: Annotated[Slug | None, Query()] = None) -> list[Licence]:
    return [Licence(**told) for told in licences.listed(hub, app)]


@router.get("/{licence}", responses=errors(401, 403, 404))
def show(hub: TheHub, vendor: Issuer, licence: LicenceId) -> LicenceWithSeats:
    return LicenceWithSeats(**licences.shown(hub, licence))


@router.post("/{licence}/revoke", responses=errors(401, 403, 404))
def revoke(hub: TheHub, vendor: Issuer, licence: LicenceId, why: Reason) -> LicenceWithSeats:
    """End a licence: no more updates, pulls and leases. What runs goes on running."""
    licences.revoke(hub, vendor.actor, licence, why.reason)
    return LicenceWithSeats(**licences.shown(hub, licence))


@router.post("/{licence}/renew", responses=errors(401, 403, 404, 409))
def renew(hub: TheHub, vendor: Issuer, licence: LicenceId, wanted: Renewal) -> LicenceWithSeats:
    """More days, from its end on; without `days`, no end."""
    licences.renew(hub, vendor.actor, licence, wanted.days)
    return LicenceWithSeats(**licences.shown(hub, licence))


@router.delete("/{licence}/installations/{installation}", responses=errors(401, 403, 404))
def free_seat(
    hub: TheHub, vendor: Issuer, licence: LicenceId, installation: Annotated[Installation, Path()]
) -> LicenceWithSeats:
    """Free the seat of a machine that is gone."""
    licences.free_seat(hub, vendor.actor, licence, installation)
    return LicenceWithSeats(**licences.shown(hub, licence))
