"""A connection to the hub, with the bounds that uvicorn leaves open: a stranger's is small, short and the first to go.

A connection is waiting for a request, of which nothing or a part of the head has come, or busy with one. uvicorn's
`h11_max_incomplete_event_size` bounds the head for its other parser alone, which is much slower. Its
`limit_concurrency` refuses whoever comes once silent connections have taken every place. And it waits for ever for a
first request, for the rest of a head and for a reader who does not read.
"""

from __future__ import annotations

import asyncio
import json
import logging
from http import HTTPStatus
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .errors import HeadTooLarge, HubError, NotHttp, TooSlow, Unavailable

HEAD = 32 * 1024  # bytes of a request's address and headers
LINES = 100  # headers
AHEAD = 8  # requests that may be sent before the answer to an earlier one
UNREAD = 64 << 20  # bytes of a body that are dropped after its request was answered: its sender reads when it is done
_log = logging.getLogger("discode.hub")


class Connection(HttpToolsProtocol):
    """`most`: how many there may be at once. `patience`: seconds from the first byte of a head to its last, and for the
    first head of a connection. `stalled`: seconds in which a reader must take some 48 KB."""

    most: ClassVar[int] = 1000
    patience: ClassVar[float] = 15.0
    stalled: ClassVar[float] = 60.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._refusal: HubError | None = None
        self._in_head, self._lines, self._head, self._dropped = False, 0, 0, 0
        self._in_body = self._has_ended = self._has_eof = False
        self.since = self.loop.time()
        if len(self.connections) > self.most and not self._make_room():
            self._refuse(Unavailable("The hub has too many connections.", "Try again in a moment.", key="busy"))
            return
        self._watch()

    @property
    def is_busy(self) -> bool:
        """With a request that has not been answered."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def waits_for_its_caller(self) -> bool:
        """To send the rest of a body, or to read the answer."""
        return self.is_busy and (self.flow.write_paused or (self.cycle.more_body and not self.cycle.body))

    def _make_room(self) -> bool:
        """Close the connection that waits the longest for its caller: one without a request before one with."""
        others: list[Any] = [one for one in self.connections if one is not self and not one.transport.is_closing()]
        idle = [one for one in others if not one.is_busy] or [one for one in others if one.waits_for_its_caller]
        if idle:
            min(idle, key=lambda one: one.since).transport.abort()
        return bool(idle)

    def data_received(self, data: bytes) -> None:
        in_head = self._in_head
        super().data_received(data)
        if self.transport.is_closing():
            return
        if in_head and self._in_head:  # the parser tells of a header when it has all of it
            self._head += len(data)
            if self._head > HEAD:
                self._refuse(_head_too_large())
                return
        self._watch()

    def on_message_begin(self) -> None:
        if self._has_ended:
            self._give_up(NotHttp("The answer before was the last one.", "Use a new connection."))
        super().on_message_begin()
        self._in_head, self._lines, self._head, self._dropped = True, 0, 0, 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > HEAD:
            self._give_up(_head_too_large())

    def on_header(self, name: bytes, value: bytes) -> None:
        """Also for what comes after a body in chunks."""
        super().on_header(name, value)
        self._lines += 1
        self._head += len(name) + len(value)
        if self._lines > LINES or self._head > HEAD:
            self._give_up(_head_too_large())

    def on_headers_complete(self) -> None:
        self._in_head, self._head = False, 0
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() != "1.0"):
            self._give_up(NotHttp("The request has no Host header, or several.", "Send one (RFC 9112, 3.2)."))
        if len(self.pipeline) >= AHEAD:
            self._give_up(NotHttp("Too many requests were sent ahead.", "Wait for the answers."))
        self.since = self.loop.time()
        self._in_body = True
        super().on_headers_complete()
        if self.cycle is not None and not self.cycle.keep_alive:
            self.cycle.transport = _Ending(self)  # type: ignore[assignment] # all that it uses of one

    def on_body(self, body: bytes) -> None:
        if self.cycle.response_complete:
            self._dropped += len(body)
            if self._dropped > UNREAD:
                self.transport.close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()

    def end(self) -> None:
        """After the last answer. While a body is still coming, closing would reset the connection, and its sender might
        never read the answer (RFC 9112, 9.6)."""
        if not self._in_body or self.transport.is_closing():
            self.transport.close()
        elif not self._has_ended:
            self._has_ended = True
            self.transport.write_eof()

    def on_response_complete(self) -> None:
        self.since = self.loop.time()
        super().on_response_complete()
        if self._has_eof and not self.is_busy:
            self.transport.close()

    def eof_received(self) -> bool:  # type: ignore[override]
        """A caller who has sent everything may still read."""
        self._has_eof = self.is_busy and not self._in_body
        return self._has_eof

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall = self.loop.call_later(self.stalled, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._timer, self._stall):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """uvicorn calls it when the parser fails; here a callback may have made it fail."""
        self._refuse(self._refusal or NotHttp("The request is not HTTP.", "Send it as HTTP/1.1."))

    def _unsupported_upgrade_warning(self) -> None:
        """To a request for another protocol the hub answers in this one, without a word in the log."""

    def _watch(self) -> None:
        if self.is_busy:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        elif self._timer is None:
            self._timer = self.loop.call_later(self.patience, self._out_of_patience)

    def _out_of_patience(self) -> None:
        if self._in_head:
            self._refuse(TooSlow("The request did not come in time.", "Send it faster."))
        else:
            self.transport.close()

    def _give_up(self, refusal: HubError) -> None:
        """In the parser's callbacks, where raising is the way to end."""
        self._refusal = refusal
        raise refusal

    def _refuse(self, refusal: HubError) -> None:
        """Answer, if no other answer is under way, and close."""
        client = self.client[0] if self.client else None
        _log.info("connection refused", extra={"fields": {"client": client, "key": refusal.name}})
        if self.is_busy:  # with a body that turned out to be none
            under_way = self.cycle.response_started or bool(self.pipeline)
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        else:
            under_way = self._has_ended
        if under_way:
            self.transport.abort()
            return
        body = json.dumps(refusal.as_answer()).encode()
        status = HTTPStatus(refusal.status)
        lines = (
            f"HTTP/1.1 {status.value} {status.phrase}", "content-type: application/json",
            f"content-length: {len(body)}", "connection: close", "", "",
        )  # fmt: skip
        self.transport.write("\r\n".join(lines).encode() + body)
        self.transport.close()


class _Ending:
    """A transport to which a last answer is written."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self.write, self.is_closing = connection.transport.write, connection.transport.is_closing

    def close(self) -> None:
        self._connection.end()


def _head_too_large() -> HeadTooLarge:
    return HeadTooLarge(
        f"The request's address and headers are longer than {HEAD} bytes, or {LINES} headers.", "Send less."
    )  # fmt: skip
