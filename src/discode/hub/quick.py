"""Responses from memory, before anything else: most requests are installations that check for something new.

They are not logged, as they would not be behind a CDN. Whatever is not in memory takes the usual path.
"""

from __future__ import annotations

import json

from starlette.types import ASGIApp, Receive, Scope, Send

from .caching import FOREVER, SOON, MetadataCache, not_modified
from .releases import no_such_metadata

PREFIX = "/metadata/"


class Quick:
    def __init__(self, app: ASGIApp, cache: MetadataCache):
        self._app, self._cache = app, cache
        refusal = no_such_metadata()
        self._missing = json.dumps(refusal.as_answer()).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        name = scope["path"][len(PREFIX) :]
        if (found := self._cache.known(name)) is not None:
            await _answer(scope, send, name, *found)
        elif self._cache.is_missing(name):
            await _send(send, 404, self._missing, [(b"cache-control", SOON.encode())])
        else:
            await self._app(scope, receive, send)


async def _answer(scope: Scope, send: Send, name: str, etag: str, body: bytes) -> None:
    given = next((value.decode("latin-1") for key, value in scope["headers"] if key == b"if-none-match"), None)
    control = SOON if name == "timestamp.json" else FOREVER
    headers = [(b"etag", etag.encode()), (b"cache-control", control.encode())]
    if not_modified(etag, given):
        await _send(send, 304, b"", headers)
    else:
        await _send(send, 200, body, headers)


async def _send(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    if status != 304:
        length = (b"content-length", str(len(body)).encode())
        headers = [*headers, (b"content-type", b"application/json"), length, (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
