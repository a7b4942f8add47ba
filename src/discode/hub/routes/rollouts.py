"""Reports of installations, and the vendor's view and control of rollouts."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field

from .. import rollouts, targets
from ..access import Licensed, MayRead, Reader, TheHub, Vendor, address_of, allowed
from ..errors import Forbidden, Unauthorized
from ..hub import Hub
from .shapes import Installation, Sentence, Shape, Slug, body, errors, takes

router = APIRouter(prefix="/api/v1", tags=["rollouts"])
Version = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$", examples=["1.2.0"])]


class NewReport(Shape):
    """`installation` is a random id for reports alone. `seconds`: how long each step took."""

    app: Slug
    installation: Installation
    flow: Literal["install", "update", "rollback", "restore"]
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


class Counted(BaseModel):
    reported: int = Field(examples=[40])
    failed: int = Field(examples=[1])


class ReleaseSummary(BaseModel):
    """`held`: why it is held back, or None. `median_seconds`: of the whole flow. `counted`: the reports that came with
    a seat of a license; only these can halt a rollout."""

    version: str
    outcomes: dict[str, int] = Field(examples=[{"done": 41, "failed": 1}])
    median_seconds: float
    counted: Counted
    held: str | None


class Summary(BaseModel):
    app: str
    installations: int
    adoption: dict[str, int] = Field(examples=[{"1.1.0": 3, "1.2.0": 39}])
    releases: list[ReleaseSummary]


@router.post("/reports", status_code=202, responses=errors(401, 403, 404), openapi_extra=takes(NewReport))
def report(request: Request, hub: TheHub, may_read: Reader, told: Annotated[NewReport, body(NewReport)]) -> Taken:
    """Report the outcome of an update. Only a report that comes with a seat of a license can halt a rollout, each seat
    once; a licensed app's reports need one. Neither license nor seat is stored, only a pseudonym."""
    seat = _seat_of(request, hub, may_read, told.app)
    request.state.actor = None
    if rollouts.take(hub, rollouts.Outcome(**told.model_dump()), seat):
        request.app.state.metadata.changed()
    return Taken(taken=True)


def _seat_of(request: Request, hub: Hub, may_read: MayRead, app: str) -> rollouts.Seat | None:
    """Raises as `may_read` for a licensed app. A public one's reports may come without a license, or with one that has
    ended."""
    if targets.access_of(hub, app) != "public":
        return _as_seat(may_read(app))
    if "authorization" in request.headers:
        with suppress(Forbidden, Unauthorized):
            return _as_seat(may_read(app))
    hub.throttle.stranger(address_of(request))
    return None


def _as_seat(reader: Licensed | None) -> rollouts.Seat | None:
    return rollouts.Seat(reader.license.id, reader.installation) if reader else None


@router.get("/apps/{app}/reports", responses=errors(401, 403))
def summary(
    hub: TheHub, vendor: Annotated[Vendor, Depends(allowed("report"))], app: Annotated[Slug, Path()]
) -> Summary:
    """Adoption by version, and failures by release, of the installations that report."""
    return Summary(**rollouts.summary(hub, app))


@router.put("/apps/{app}/rollouts/{version}", responses=errors(401, 403, 404), openapi_extra=takes(Wanted))
def hold(
    request: Request,
    hub: TheHub,
    vendor: Annotated[Vendor, Depends(allowed("release"))],
    app: Annotated[Slug, Path()],
    version: Annotated[Version, Path()],
    wanted: Annotated[Wanted, body(Wanted)],
) -> Wanted:
    """Hold a release back, or offer it again. Nothing here can force one on anybody."""
    if wanted.held:
        rollouts.hold(hub, vendor.actor, app, version, wanted.reason)
    else:
        rollouts.resume(hub, vendor.actor, app, version)
    request.app.state.metadata.changed()
    return wanted
