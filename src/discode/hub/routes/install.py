"""The installer, and the self-contained builds that it fetches."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse, Response

from .. import installer
from ..access import TheHub
from ..caching import SOON, File
from .shapes import errors

router = APIRouter(tags=["installer"])


@router.get("/install.sh", response_class=Response, responses=errors(404))
def install(hub: TheHub) -> Response:
    """A shell script with the vendor's root and the lowest version of metadata to accept."""
    headers = {"Cache-Control": SOON}
    return Response(installer.script(hub), media_type="text/x-shellscript", headers=headers)


@router.get("/download/{name}", response_class=FileResponse, responses=errors(404))
def download(
    hub: TheHub, name: Annotated[str, Path(max_length=60, examples=["discode-linux-x86_64.tar.gz"])]
) -> FileResponse:
    return File(
        installer.build_path(hub, name), media_type="application/gzip", headers={"Cache-Control": SOON}
    )  # fmt: skip
