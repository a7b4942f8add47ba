"""The hub as a web application. Errors become responses here."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import CapacityLimiter
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from .. import __version__
from ..core.errors import DiscodeError
from ..disk.refusal import is_full
from .caching import MetadataCache
from .chores import keep_doing_chores
from .errors import BadRequest, HubError, OutOfRoom, Unavailable
from .frame import Frame
from .hub import Hub
from .outside import Outside
from .quick import Quick
from .routes import about, activation, audit, ends, files, install, licenses, registry, releases, rollouts, tokens

ROUTERS = tuple(
    part.router
    for part in (about, install, files, activation, registry, releases, ends, rollouts, licenses, tokens, audit)
)


def make_app(hub: Hub) -> FastAPI:
    app = FastAPI(
        title="Discode hub", version=__version__, docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json",
        description="Releases, licenses and tokens for the image registry of a vendor. Every refusal is an "
        "`ErrorAnswer` with a stable key.", lifespan=_lifespan,
        redirect_slashes=False,
    )  # fmt: skip
    app.state.hub, app.state.metadata, app.state.outside = hub, MetadataCache(hub), Outside()
    app.state.health_threads = CapacityLimiter(2)
    app.state.unnamed_proxies = set()
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(HubError, _refused)
    app.add_exception_handler(DiscodeError, _refused_by_core)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(OSError, _disk)
    app.add_middleware(Frame, largest_upload=hub.config.largest_upload)
    app.add_middleware(Quick, cache=app.state.metadata)  # the last one is the outermost
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    chores = asyncio.create_task(keep_doing_chores(app.state.hub))
    yield
    chores.cancel()


def _refused(request: Request, error: Any) -> JSONResponse:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    if error.status == 401:
        # Docker clients mistake any challenge but Basic for an error of the token server.
        scheme = "Basic" if request.url.path == "/token" else "Bearer"
        headers["WWW-Authenticate"] = f'{scheme} realm="discode"'
    answer = error.as_answer()
    if request.url.path == "/token":  # for registry clients, which know only this form
        code = {401: "UNAUTHORIZED", 403: "DENIED", 429: "TOOMANYREQUESTS"}.get(error.status, "UNSUPPORTED")
        answer["errors"] = [{"code": code, "message": error.sentence, "detail": None}]
    return JSONResponse(answer, error.status, headers)


def _refused_by_core(request: Request, error: Any) -> JSONResponse:
    """A value that core rejects, so the request is wrong."""
    return _refused(request, BadRequest(error.sentence, error.next_step, key=error.name))


def _invalid(request: Request, error: Any) -> JSONResponse:
    """Leaves out the values of the request: one may be a secret in the wrong place."""
    problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5])
    return _refused(request, BadRequest(f"The request is invalid: {problems}.", "See /api/v1/openapi.json"))


def _no_route(request: Request, error: Any) -> JSONResponse:
    what = {404: "There is nothing at this address.", 405: "This address does not accept that method."}
    told = {"key": f"http-{error.status_code}", "sentence": what.get(error.status_code, str(error.detail))}
    answer = {"error": {**told, "next_step": "See /api/v1/openapi.json"}}
    return JSONResponse(answer, error.status_code, dict(error.headers or {}))


def _disk(request: Request, error: Any) -> JSONResponse:
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return _refused(request, Unavailable("The hub has too many open files.", "Try again in a moment.", key="busy"))
    if not is_full(error):
        raise error
    return _refused(request, OutOfRoom("The hub's disk is full. Nothing was changed.", "Free some space on the hub."))
