"""What an installation does with its license key: take a seat, release it, renew its lease."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from .. import licenses
from ..access import Customer, TheHub
from ..models import License
from .shapes import Shape, Slug, body, errors, takes

router = APIRouter(prefix="/api/v1", tags=["activation"])


class Wanted(Shape):
    """`move`: if no seat is free, take the one that has been unused the longest."""

    app: Slug
    move: bool = False


class LeaseAnswer(BaseModel):
    """`lease` is a JWT signed with Ed25519; `lease_key` the public key, PEM."""

    license: str = Field(examples=["q3k7m2xa"])
    customer: str = Field(examples=["Example Ltd"])
    lease: str = Field(examples=["eyJ0eXAiOiJsZWFzZStqd3Qi…"])
    lease_key: str = Field(examples=["-----BEGIN PUBLIC KEY-----\n…"])


class Freed(BaseModel):
    freed: bool


@router.post("/activation", responses=errors(403, 409), openapi_extra=takes(Wanted))
def activate(hub: TheHub, customer: Customer, wanted: Annotated[Wanted, body(Wanted)]) -> LeaseAnswer:
    """Take a seat for this installation. Repeating it changes nothing."""
    license = customer.license_for(wanted.app)
    return _answer(hub, license, licenses.activate(hub, license, customer.installation, move=wanted.move))


@router.post("/lease", responses=errors(403))
def lease(hub: TheHub, customer: Customer) -> LeaseAnswer:
    """A fresh lease for an installation that has a seat."""
    made = licenses.renew_lease(hub, customer.license, customer.installation)
    return _answer(hub, customer.license, made)


@router.delete("/activation", responses=errors(403))
def deactivate(hub: TheHub, customer: Customer) -> Freed:
    """Release the seat; it is free for another machine at once."""
    license = customer.license
    licenses.free_seat(hub, f"license {license.id}", license.id, customer.installation)
    return Freed(freed=True)


def _answer(hub: TheHub, license: License, made: str) -> LeaseAnswer:
    return LeaseAnswer(license=license.id, customer=license.customer, lease=made, lease_key=hub.keys.lease_public)
