"""Reports of installations, and the vendor's view and control of rollouts."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field

from .. import rollouts, targets
from ..access import Reader, TheHub, Vendor, address_of, allowed
from .shapes import Installation, Sentence, Shape, Slug, errors

router = APIRouter(prefix="/api/v1", tags=["rollouts"])
Version = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$", examples=["1.2.0"])]


class NewReport(Shape):
    """`installation` is a random id for reports alone. `seconds`: how long each step took."""

    app: Slug
    installation: Installation
    flow: Literal["install", "update", "rollback"]
    version: Version
    before: Version | None = None
    serves: Version | None = None
    outcome: Literal["done", "failed", "settled-forward", "settled-back"]
    seconds: Annotated[
        dict[Annotated[str, Field(pattern="^[a-z-]{1,20}$")], Annotated[float, Field(ge=0, le=86400)]],
        Field(max_length=30, examples=[{"fetch": 3.2, "boot": 1.1}]),
    ] = {}  # noqa: RUF012


class Taken(BaseModel):
    taken: bool


class Wanted(Shape):
    held: bool
    reason: Sentence = Field(examples=["looks bad"])


class ReleaseSummary(BaseModel):
    """`held`: why it is held back, or None. `median_seconds`: of the whole flow."""

    version: str
    outcomes: dict[str, int] = Field(examples=[{"done": 41, "failed": 1}])
    median_seconds: float
    held: str | None


class Summary(BaseModel):
    app: str
    installations: int
    adoption: dict[str, int] = Field(examples=[{"1.1.0": 3, "1.2.0": 39}])
    releases: list[ReleaseSummary]


@router.post("/reports", status_code=202, responses=errors(401, 403, 404))
def report(request: Request, hub: TheHub, may_read: Reader, told: NewReport) -> Taken:
    """Report the outcome of an update. A licensed app's reports need a license, so that no stranger can halt a rollout;
    the license is not stored, so that no report leads to a customer."""
    hub.throttle.attempt(address_of(request))
    if targets.access_of(hub, told.app) != "public":
        may_read(told.app)
        request.state.actor = None
    if rollouts.take(hub, rollouts.Outcome(**told.model_dump())):
        request.app.state.metadata.changed()
    return Taken(taken=True)


@router.get("/apps/{app}/reports", responses=errors(401, 403))
def summary(
    hub: TheHub, vendor: Annotated[Vendor, Depends(allowed("report"))], app: Annotated[Slug, Path()]
) -> Summary:
    """Adoption by version, and failures by release, of the installations that report."""
    return Summary(**rollouts.summary(hub, app))


@router.put("/apps/{app}/rollouts/{version}", responses=errors(401, 403, 404))
def hold(
    request: Request,
    hub: TheHub,
    vendor: Annotated[Vendor, Depends(allowed("release"))],
    app: Annotated[Slug, Path()],
    version: Annotated[Version, Path()],
    wanted: Wanted,
) -> Wanted:
    """Hold a release back, or offer it again. Nothing here can force one on anybody."""
    if wanted.held:
        rollouts.hold(hub, vendor.actor, app, version, wanted.reason)
    else:
        rollouts.resume(hub, vendor.actor, app, version)
    request.app.state.metadata.changed()
    return wanted
