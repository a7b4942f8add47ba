"""Responses that a CDN can cache: ETag, Cache-Control, 304."""

from __future__ import annotations

import hashlib
import re
import time
from collections import OrderedDict
from typing import Any

from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from .errors import NotFound
from .hub import Hub
from .releases import metadata

SOON = "public, max-age=60"  # may change at any time
FOREVER = "public, max-age=31536000, immutable"  # has its version or hash in its name
FOREVER_PRIVATE = FOREVER.replace("public", "private")  # for private caches only
TIMESTAMP_AGE = 1.0  # seconds for which a process serves a timestamp without checking for a newer one
KEPT = 64  # files
_PART = re.compile(rb"bytes=(?:(\d{1,19})-(\d{0,19})|-\d{1,19})")


class MetadataCache:
    """Metadata in memory, so that most checks need no database."""

    def __init__(self, hub: Hub):
        self._hub = hub
        self._files: OrderedDict[str, tuple[float, str, bytes]] = OrderedDict()
        self._missing: OrderedDict[str, float] = OrderedDict()

    def known(self, name: str) -> tuple[str, bytes] | None:
        """The ETag and the bytes, if they are still fresh."""
        found = self._files.get(name)
        if found is None or (name == "timestamp.json" and time.monotonic() - found[0] > TIMESTAMP_AGE):
            return None
        return found[1], found[2]

    def fetch(self, name: str) -> tuple[str, bytes]:
        """Raises NotFound."""
        try:
            _, body = metadata(self._hub, name)
        except NotFound:
            self._missing[name] = time.monotonic()
            self._shorten(self._missing)
            raise
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        self._files[name] = (time.monotonic(), etag, body)
        self._shorten(self._files)
        return etag, body

    def is_missing(self, name: str) -> bool:
        """Remember that a file is missing: every installation asks for the next root."""
        at = self._missing.get(name)
        return at is not None and time.monotonic() - at <= TIMESTAMP_AGE

    def _shorten(self, kept: OrderedDict[str, Any]) -> None:
        while len(kept) > KEPT:
            kept.popitem(last=False)

    def changed(self) -> None:
        """Something was published through this process, and the next reader must see it."""
        self._files.pop("timestamp.json", None)
        self._missing.clear()

    def forget(self) -> None:
        """Forget everything, as at the start."""
        self._files.clear()
        self._missing.clear()


class File(FileResponse):
    """A file, or one part of it. A Range that is none, or asks for several parts, is ignored (RFC 9110, 14.2)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ranges = [value for name, value in scope["headers"] if name == b"range"]
        if not (len(ranges) == 1 and _is_one_part(ranges[0])):
            scope = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"range"]}
        await super().__call__(scope, receive, send)


def _is_one_part(text: bytes) -> bool:
    part = _PART.fullmatch(text)
    return part is not None and (not part[2] or int(part[1]) <= int(part[2]))


def not_modified(etag: str, if_none_match: str | None) -> bool:
    """RFC 9110, 13.1.2: the comparison is weak, the list may be `*`."""
    if if_none_match is None:
        return False
    given = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
    return etag in given or given == ["*"]


def answer(etag: str, body: bytes, control: str, if_none_match: str | None) -> Response:
    headers = {"ETag": etag, "Cache-Control": control}
    if not_modified(etag, if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
