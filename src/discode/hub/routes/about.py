"""Public information: the hub's health and its public keys."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import text

from ..access import TheHub
from .shapes import errors

router = APIRouter(tags=["about"])


class Health(BaseModel):
    ok: bool = Field(examples=[True])


class About(BaseModel):
    """`online_key` is in TUF's format: the vendor's root delegates snapshot and timestamp to it."""

    url: str = Field(examples=["https://hub.example.com"])
    vendor: str = Field(examples=["acme"])
    registry: str = Field(examples=["registry.example.com"])
    online_key: dict[str, object] = Field(
        examples=[{"keyid": "9f…", "keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "57…"}}]
    )
    lease_key: str = Field(description="PEM", examples=["-----BEGIN PUBLIC KEY-----\n…"])


@router.get("/healthz", responses=errors())
def health(hub: TheHub) -> Health:
    """200 if the database answers."""
    with hub.database.read() as session:
        session.execute(text("SELECT 1"))
    return Health(ok=True)


@router.get("/api/v1/hub", responses=errors())
def about(hub: TheHub) -> About:
    key = hub.keys.online.public_key
    return About(
        url=hub.config.url,
        vendor=hub.config.vendor,
        registry=hub.config.registry,
        online_key={"keyid": key.keyid, **key.to_dict()},
        lease_key=hub.keys.lease_public,
    )
