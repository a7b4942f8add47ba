"""A transport of httpx whose exchanges end in time: httpx's own limits count from byte to byte, and a server that sends
one of a header every few seconds would never reach them.

The pace is that of `core.bounded`; it is kept where bytes come in, below TLS, proxies, headers and chunks.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

from ..core.bounded import Pace, TooSlow
from . import clock

SLICE = 16 << 10  # bytes that are sent at once: as long as they go out, a large upload is not too slow


class InTime(httpx.HTTPTransport):
    """A redirect is a part of the exchange that it came from: its head has no time of its own."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        self._backend = _Backend()
        # httpx passes none of httpcore's backends on. It is where the pool looks one up for each connection.
        self._pool._network_backend = self._backend

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        pace = request.extensions.setdefault("pace", Pace(time.monotonic()))
        self._backend.pace = pace
        with _translated(request):
            answer = super().handle_request(request)
        clock.note(request.url.netloc.decode(), answer.headers)
        if not answer.has_redirect_location:
            pace.body(time.monotonic())
        return answer


class _Backend(httpcore.NetworkBackend):
    """`pace` is that of the exchange under way: a client has one at a time."""

    def __init__(self) -> None:
        self.pace = Pace(time.monotonic())
        self._real = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        real = self._real.connect_tcp(host, port, self.at_most(timeout), local_address, socket_options)
        return _Stream(real, self)

    def at_most(self, timeout: float | None) -> float:
        left = self.pace.left(time.monotonic())
        return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, real: httpcore.NetworkStream, backend: _Backend):
        self._real, self._backend = real, backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        pace = self._backend.pace
        try:
            data = self._real.read(max_bytes, self._backend.at_most(timeout))
        except httpcore.ReadTimeout:
            pace.left(time.monotonic())  # else it is httpx's own limit
            raise
        pace.got(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for begin in range(0, len(buffer), SLICE):
            piece = buffer[begin : begin + SLICE]
            self._real.write(piece, self._backend.at_most(timeout))
            if len(piece) == SLICE:  # of an upload: a request without one is no reason to wait for longer
                self._backend.pace.sent(time.monotonic())

    def close(self) -> None:
        self._real.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        real = self._real.start_tls(ssl_context, server_hostname, self._backend.at_most(timeout))
        return _Stream(real, self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._real.get_extra_info(info)


@contextmanager
def _translated(request: httpx.Request) -> Iterator[None]:
    try:
        yield
    except TooSlow as error:
        raise httpx.ReadTimeout(f"the answer came too slowly: {error}", request=request) from error
