"""An HTTP server of a test's own: on a free port of 127.0.0.1 or of ::1, in a thread, until it is closed."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

POLL = 0.02  # seconds until `close` is noticed
# What a client of the standard library raises when a server is away, or dies in the middle of its answer.
NO_ANSWER = (OSError, http.client.HTTPException)


class Handler(BaseHTTPRequestHandler):
    """Says nothing, keeps connections, sends at once."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        return

    def reply(self, status: int, body: bytes = b"", headers: Iterable[tuple[str, str]] = ()) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news: proxies do that."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class Web:
    def __init__(self, handler: Callable[..., Any], tls: ssl.SSLContext | None = None, address: str = "127.0.0.1"):
        self._server = (_Server6 if ":" in address else _Server)((address, 0), handler)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = int(self._server.server_port)
        self.target = f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(POLL,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class SecureConnection(http.client.HTTPConnection):
    """By HTTPS to a port of 127.0.0.1, under the name `host`, which requests ask for, too."""

    sock: ssl.SSLSocket

    def __init__(self, port: int, host: str, context: ssl.SSLContext, timeout: float = 240):
        super().__init__("127.0.0.1", port, timeout=timeout)
        self.name, self._context = host, context

    def connect(self) -> None:
        super().connect()
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self.name)

    def putrequest(self, method: str, url: str, skip_host: bool = False, skip_accept_encoding: bool = False) -> None:
        super().putrequest(method, url, True, skip_accept_encoding)
        if not skip_host:
            self.putheader("Host", self.name)
