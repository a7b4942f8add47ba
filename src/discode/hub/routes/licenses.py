"""Licenses, for the vendor."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from .. import licenses
from ..access import TheHub, Vendor, allowed
from .shapes import Days, Installation, Line, Sentence, Shape, Slug, body, errors, takes

router = APIRouter(prefix="/api/v1/licenses", tags=["licenses"])
Issuer = Annotated[Vendor, Depends(allowed("license"))]
LicenseId = Annotated[str, Path(pattern="^[a-z2-7]{8}$", examples=["q3k7m2xa"])]


class NewLicense(Shape):
    """No `days`: never expires. No `channels`: all. `lease_days`: how long a lease is valid without the hub."""

    app: Slug
    customer: Line = Field(examples=["Example Ltd"])
    channels: Annotated[tuple[Slug, ...], Field(max_length=20)] = ()
    days: Days | None = Field(default=None, examples=[365])
    seats: Annotated[int, Field(ge=1, le=100_000)] = 1
    lease_days: Annotated[int, Field(ge=1, le=400)] = 14


class MadeLicense(BaseModel):
    id: str = Field(examples=["q3k7m2xa"])
    key: str = Field(description="Shown only this once.", examples=["dlk_q3k7m2xa_…"])


class License(BaseModel):
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


class LicenseWithSeats(License):
    installations: list[Seat]


class Reason(Shape):
    reason: Sentence = Field(examples=["not paid"])


class Renewal(Shape):
    days: Days | None = Field(default=None, examples=[365])


@router.post("", status_code=201, responses=errors(401, 403, 404), openapi_extra=takes(NewLicense))
def issue(hub: TheHub, vendor: Issuer, wanted: Annotated[NewLicense, body(NewLicense)]) -> MadeLicense:
    """Issue a license. Only this response contains its key."""
    made = licenses.issue(hub, vendor.actor, licenses.Terms(**wanted.model_dump()))
    return MadeLicense(id=made.id, key=made.text)


@router.get("", responses=errors(401, 403))
def list_(hub: TheHub, vendor: Issuer, app: Annotated[Slug | None, Query()] = None) -> list[License]:
    return [License(**told) for told in licenses.listed(hub, app)]


@router.get("/{license}", responses=errors(401, 403, 404))
def show(hub: TheHub, vendor: Issuer, license: LicenseId) -> LicenseWithSeats:
    return LicenseWithSeats(**licenses.shown(hub, license))


@router.post("/{license}/revoke", responses=errors(401, 403, 404), openapi_extra=takes(Reason))
def revoke(hub: TheHub, vendor: Issuer, license: LicenseId, why: Annotated[Reason, body(Reason)]) -> LicenseWithSeats:
    """Revoke a license: no more updates, pulls or leases. Running apps keep running."""
    licenses.revoke(hub, vendor.actor, license, why.reason)
    return LicenseWithSeats(**licenses.shown(hub, license))


@router.post("/{license}/renew", responses=errors(401, 403, 404, 409), openapi_extra=takes(Renewal))
def renew(
    hub: TheHub, vendor: Issuer, license: LicenseId, wanted: Annotated[Renewal, body(Renewal)]
) -> LicenseWithSeats:
    """Extend it from its expiry; without `days` it never expires."""
    licenses.renew(hub, vendor.actor, license, wanted.days)
    return LicenseWithSeats(**licenses.shown(hub, license))


@router.delete("/{license}/installations/{installation}", responses=errors(401, 403, 404))
def free_seat(
    hub: TheHub, vendor: Issuer, license: LicenseId, installation: Annotated[Installation, Path()]
) -> LicenseWithSeats:
    """Free the seat of a machine that is gone."""
    licenses.free_seat(hub, vendor.actor, license, installation)
    return LicenseWithSeats(**licenses.shown(hub, license))
