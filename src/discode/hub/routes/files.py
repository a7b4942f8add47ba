"""What installations read: TUF metadata and targets, with ETag and cache headers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Request
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from .. import targets
from ..access import Reader, TheHub
from ..caching import FOREVER, FOREVER_PRIVATE, SOON, File, MetadataCache, answer, not_modified
from .shapes import errors

router = APIRouter(tags=["files"])
IfNoneMatch = Annotated[str | None, Header(examples=['"5f5f…"'])]


@router.get(
    "/metadata/{name}", response_class=Response, responses={304: {"description": "Not modified"}, **errors(404)}
)
async def metadata(
    request: Request,
    name: Annotated[str, Path(max_length=40, examples=["timestamp.json", "1.root.json"])],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """`timestamp.json`, and `<version>.<role>.json`, which never change."""
    cache: MetadataCache = request.app.state.metadata
    found = cache.known(name)
    etag, body = found if found else await run_in_threadpool(cache.fetch, name)
    return answer(etag, body, SOON if name == "timestamp.json" else FOREVER, if_none_match)


@router.get(
    "/targets/{path:path}", response_class=FileResponse,
    responses={304: {"description": "Not modified"}, **errors(401, 403, 404)},
)  # fmt: skip
def target(
    hub: TheHub,
    may_read: Reader,
    path: Annotated[str, Path(max_length=300, examples=[f"myapp/{'5f' * 32}.index.json"])],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """A target by name and hash, `<folder>/<sha256>.<name>`. A licensed app's targets need a license."""
    found, access = targets.find(hub, path)
    if access != "public" and (reader := may_read(found.app)) is not None:
        targets.must_be_offered(hub, found, reader.license)
    etag, headers = f'"{found.sha256}"', {"Cache-Control": FOREVER if access == "public" else FOREVER_PRIVATE}
    if not_modified(etag, if_none_match):
        return Response(status_code=304, headers={"ETag": etag, **headers})
    media = "application/json" if found.name.endswith(".json") else "application/x-tar"
    return File(hub.storage.path(found.sha256), media_type=media, headers={"ETag": etag, **headers})
