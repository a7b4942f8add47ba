"""What a vendor sends: the root, the files of releases, and the signed targets that publish them."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from .. import releases
from ..access import TheHub, Vendor, allowed
from ..errors import BadRequest, NotFound
from ..models import Blob
from .shapes import Shape, Slug, body, errors, takes

router = APIRouter(prefix="/api/v1", tags=["releases"])
Publisher = Annotated[Vendor, Depends(allowed("release"))]
Hash = Annotated[str, Path(pattern="^[0-9a-f]{64}$", examples=["5f" * 32], description="SHA-256 of the content.")]


def _body_of(media: str, what: str, example: Any = None) -> dict[str, Any]:
    schema = {"type": "object"} if media.endswith("json") else {"type": "string", "format": "binary"}
    content = {media: {"schema": schema, **({"example": example} if example else {})}}
    return {"requestBody": {"required": True, "description": what, "content": content}}


SIGNED = {"signatures": [{"keyid": "9f…", "sig": "c4…"}], "signed": {"_type": "targets", "version": 2}}


class Version(BaseModel):
    version: int = Field(examples=[2])


class Kept(BaseModel):
    sha256: str
    length: int


async def raw_body(request: Request) -> bytes:
    return await request.body()


Raw = Annotated[bytes, Depends(raw_body)]


@router.post(
    "/root", responses=errors(401, 403, 409), openapi_extra=_body_of("application/json", "TUF root metadata.", SIGNED)
)
def set_root(hub: TheHub, vendor: Publisher, request: Request, body: Raw) -> Version:
    """The vendor's first root, or the next one, which is also signed with the keys of the previous one."""
    version = releases.take(hub, vendor.actor, [body])
    request.app.state.metadata.changed()
    return Version(version=version)


Signed = Annotated[
    str, Field(max_length=8_000_000, description="Signed TUF metadata, as base64.", examples=["eyJzaWduYXR1cmVz…"])
]


class Chain(Shape):
    """`base`: the version that the targets follow, where they skip some."""

    roots: list[Signed] = Field(max_length=1000, description="Oldest first; those that the hub has may be left out.")
    targets: Signed | None = None
    base: int | None = Field(None, ge=0, le=2**31)


@router.post("/roots", responses=errors(401, 403, 409, 507), openapi_extra=takes(Chain))
def set_roots(
    hub: TheHub, vendor: Publisher, request: Request, given: Annotated[Chain, body(Chain)]
) -> Version:  # fmt: skip
    """The vendor's whole chain of roots, or the next ones, with the targets that go with them: all or nothing.

    This is how a vendor comes back whose hub was lost, and how any key is changed. The answer is the newest root's
    version."""
    roots = [_decoded(one) for one in given.roots]
    targets = None if given.targets is None else _decoded(given.targets)
    version = releases.take(hub, vendor.actor, roots, targets, given.base)
    request.app.state.metadata.changed()
    return Version(version=version)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise BadRequest("The metadata is not base64. Nothing was changed.", key="metadata-malformed") from None


class OtherThan(Shape):
    other_than: str = Field(pattern="^[0-9a-f]{64}$", description="The id of a key that the next root shall not name.")


@router.post("/online-key", responses=errors(401, 403), openapi_extra=takes(OtherThan))
def next_online_key(hub: TheHub, vendor: Publisher, wanted: Annotated[OtherThan, body(OtherThan)]) -> dict[str, object]:
    """An online key for the next root, in TUF's format. The hub signs with it as soon as a root names it."""
    key = hub.keys.online_other_than(wanted.other_than).public_key
    return {"keyid": key.keyid, **key.to_dict()}


@router.post(
    "/publish", responses=errors(401, 403, 409, 507),
    openapi_extra=_body_of("application/json", "TUF targets metadata, signed by the vendor.", SIGNED),
)  # fmt: skip
def publish(hub: TheHub, vendor: Publisher, request: Request, body: Raw) -> Version:
    """Publish, all or nothing. Upload files first, with `PUT /api/v1/blobs/…`. Repeating it changes nothing."""
    version = releases.publish(hub, vendor.actor, body)
    request.app.state.metadata.changed()
    return Version(version=version)


@router.get("/targets", response_class=Response, responses=errors(401, 403, 404))
def current(hub: TheHub, vendor: Publisher) -> Response:
    """The current signed targets, uncached, from which the next publish starts."""
    return Response(releases.current_targets(hub), media_type="application/json")


@router.put(
    "/blobs/{sha256}", status_code=201, responses=errors(401, 403, 413, 507),
    openapi_extra=_body_of("application/octet-stream", "The file."),
)  # fmt: skip
async def upload(hub: TheHub, vendor: Publisher, sha256: Hash, request: Request) -> Kept:
    """Upload a file. It is served once a publish names it, and deleted if none does within a day."""
    length = await hub.storage.receive(sha256, request.stream())
    await run_in_threadpool(_remember, hub, sha256, length)
    return Kept(sha256=sha256, length=length)


@router.get("/blobs/{sha256}", responses=errors(401, 403, 404))
def uploaded(hub: TheHub, vendor: Publisher, sha256: Hash) -> Kept:
    """Whether a file has already been uploaded."""
    with hub.database.read() as session:
        blob = session.get(Blob, sha256)
    if blob is None:
        raise NotFound("There is no such file.", "Upload it.", key="no-such-file")
    return Kept(sha256=blob.sha256, length=blob.length)


def _remember(hub: TheHub, sha256: str, length: int) -> None:
    with hub.database.write() as session:
        session.merge(Blob(sha256=sha256, length=length, at=hub.now()))


class Access(Shape):
    access: Literal["licensed", "public"]


@router.put("/apps/{app}", responses=errors(401, 403, 404), openapi_extra=takes(Access))
def set_access(hub: TheHub, vendor: Publisher, app: Slug, wanted: Annotated[Access, body(Access)]) -> Access:
    """Set who may read an app's releases: everybody, or license holders."""
    releases.set_access(hub, vendor.actor, app, wanted.access)
    return wanted
