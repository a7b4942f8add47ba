"""What surrounds every request: its id, its log line, a limit on its body, and a response whatever goes wrong.

A log line is JSON without query, headers or body, because those may contain secrets.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import sys
import time
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import BadRequest, HubError, TooLarge, TooSlow

LONGEST = {  # bytes of a body
    "/api/v1/publish": 16 << 20,  # enough for the signed targets of tens of thousands of releases
    "/api/v1/root": 1 << 20,
    "/api/v1/roots": 16 << 20,
}
SMALL = 16 << 10  # bytes of any other body: it is JSON, and some of it comes from strangers
UPLOADS = "/api/v1/blobs/"  # streamed to the disk, with their own limit
SLOWEST = 1024  # bytes a second
_log = logging.getLogger("discode.hub")
_SAFE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class BodyCut(Exception):
    """The caller disconnected while sending its body."""


class Answered(Exception):
    """All of the answer that a HEAD gets has been sent: nothing reads a file that nobody sees."""


class Frame:
    """`patience`: seconds for which a body may keep the hub waiting, and one more for each SLOWEST bytes of it."""

    def __init__(self, app: ASGIApp, largest_upload: int, patience: float = 15.0):
        self._app, self._largest_upload, self._patience = app, largest_upload, patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = _Call(scope, receive, send, self._bound(scope), self._patience)
        try:
            call.check_length()
            # HEAD is answered as GET, without a body (RFC 9110, 9.3.2).
            asked = {**scope, "method": "GET"} if call.is_head else scope
            await self._app(asked, call.receive, call.send)
        except Answered:
            pass
        except BodyCut:
            call.status = 499
        except HubError as error:
            await call.answer(error.status, error.as_answer())
        except Exception:  # noqa: BLE001 - whatever it is, the caller gets a response and the log a traceback
            _log.exception("request failed", extra={"fields": {"request": call.id}})
            sentence = {
                "key": "bug",
                "sentence": "This is a bug in the hub.",
                "next_step": f"Report request {call.id}.",
            }
            await call.answer(500, {"error": sentence})
        finally:
            call.log()

    def _bound(self, scope: Scope) -> int:
        if scope["path"].startswith(UPLOADS):
            return self._largest_upload
        return LONGEST.get(scope["path"], SMALL)


class _Call:
    def __init__(self, scope: Scope, receive: Receive, send: Send, bound: int, patience: float):
        self._scope, self._receive, self._send, self._bound = scope, receive, send, bound
        self._begun, self._length, self._started = time.perf_counter(), 0, False
        self._left, self._whole = patience, False
        self.status, self.id = 0, self._identity()
        self.is_head = scope["method"] == "HEAD"
        self._refusal: HubError | None = None
        self._dropping = False
        scope.setdefault("state", {})["request"] = self.id

    def check_length(self) -> None:
        """Raises TooLarge before a byte of the body is read."""
        text = self._header(b"content-length")
        if text and not text.isdigit():
            raise BadRequest("The request has a wrong Content-Length.", "Send the correct length of the body.")
        if text and int(text) > self._bound:
            raise self._too_large()

    async def receive(self) -> Message:
        message = await self._next()
        if message["type"] == "http.disconnect" and not self._started:
            raise BodyCut
        self._whole = not message.get("more_body", False)
        self._length += len(message.get("body", b""))
        if self._length > self._bound:
            self._refusal = self._too_large()
            raise self._refusal
        return message

    async def _next(self) -> Message:
        if self._started or self._whole:  # what is awaited now is the caller's leaving
            return await self._receive()
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._left + self._length / SLOWEST):
                return await self._receive()
        except TimeoutError:
            if self._started:
                return await self._receive()
            self._refusal = TooSlow("The body did not come in time. Nothing was changed.", "Send it faster.")
            raise self._refusal from None
        finally:
            self._left -= time.monotonic() - begun

    async def send(self, message: Message) -> None:
        if self._refusal is not None and not self._started:
            # FastAPI has turned it into a generic error; whatever it still sends is dropped.
            refusal, self._refusal, self._dropping = self._refusal, None, True
            await self._send_answer(refusal.status, refusal.as_answer())
        if not self._dropping:
            await self._send_on(message)

    async def _send_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started, self.status = True, message["status"]
            message["headers"] = [
                *message.get("headers", ()),
                (b"x-request-id", self.id.encode()),
                (b"x-content-type-options", b"nosniff"),
            ]
        elif self.is_head:
            await self._send({"type": "http.response.body", "body": b""})
            raise Answered
        await self._send(message)

    async def answer(self, status: int, body: dict[str, Any]) -> None:
        if self._started:
            raise BodyCut  # half of the response is sent, so the connection must break
        with suppress(Answered):
            await self._send_answer(status, body)

    async def _send_answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
        await self._send_on({"type": "http.response.start", "status": status, "headers": headers})
        await self._send_on({"type": "http.response.body", "body": data})

    def log(self) -> None:
        client = self._scope.get("client")
        fields = {
            "request": self.id, "method": self._scope["method"], "path": self._scope["path"], "status": self.status,
            "ms": round((time.perf_counter() - self._begun) * 1000, 2), "client": client[0] if client else None,
            "actor": self._scope["state"].get("actor"),
        }  # fmt: skip
        _log.info("request", extra={"fields": fields})

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The request is longer than {self._bound} bytes. Nothing was changed.", "Send less.")

    def _identity(self) -> str:
        given = self._header(b"x-request-id") or ""
        return given if _SAFE_ID.fullmatch(given) else secrets.token_hex(8)

    def _header(self, name: bytes) -> str | None:
        return next((value.decode("latin-1") for key, value in self._scope["headers"] if key == name), None)


class JsonLines(logging.Formatter):
    """A line is an object: time (UTC), level, event, and the fields of the event."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        told: MutableMapping[str, Any] = {
            "time": f"{stamp}.{int(record.msecs):03}Z", "level": record.levelname.lower(), "event": record.getMessage(),
        }  # fmt: skip
        told.update(getattr(record, "fields", {}))
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str)


def log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    _log.handlers, _log.propagate = [handler], False
    _log.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING)
