"""Public information: the hub's health and its public keys."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from sqlalchemy import text

from ..access import TheHub
from ..hub import Hub
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
async def health(request: Request, hub: TheHub) -> Health:
    """200 if the database answers. It does not wait for other requests' threads."""
    await to_thread.run_sync(_ask, hub, limiter=request.app.state.health_threads)
    return Health(ok=True)


def _ask(hub: Hub) -> None:
    with hub.database.read() as session:
        session.execute(text("SELECT 1"))


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
