"""A user's request through the proxy: plain HTTP on this machine, with the app's host name; on to HTTPS if sent there.

Whether the app is healthy is asked, not whether its certificate is trusted: that is not verified here.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from ...core.installation import Route
from ...core.listening import reached_at
from ...core.quantity import format_duration
from ...ports.runtime import Probe

PATIENCE = 5.0  # seconds for an answer that is not a health check


@dataclass(frozen=True)
class Entrance:
    """Where the proxy takes requests on this machine. `address` is what it is bound to."""

    address: str
    http_port: int
    https_port: int

    def connect(self, timeout: float, name: str = "") -> socket.socket:
        """A connection to the one port, or with the name of a server to the other. Raises OSError."""
        port = self.https_port if name else self.http_port
        plain = socket.create_connection((reached_at(self.address), port), timeout)
        if not name:
            return plain
        try:
            return unverified().wrap_socket(plain, server_hostname=name)
        except BaseException:
            plain.close()
            raise


def probe(entrance: Entrance, route: Route, path: str, timeout: float, host: str = "localhost") -> Probe:
    """GET `path` of the app that has the route; 2xx is ok. A route without hosts is asked for as `host`."""
    name, asked = route.some_host or host, route.path_prefix.rstrip("/") + path
    try:
        status, location = _get(entrance, name, asked, timeout)
        if not _leads_to_https(status, location, name):
            return _seen(status, path)
    except (OSError, HTTPException) as error:
        return Probe(False, _why(error, path, entrance.http_port, timeout))
    try:
        return _seen(_get(entrance, name, asked, timeout, secure=True)[0], path)
    except (OSError, HTTPException) as error:
        why = _why(error, path, entrance.https_port, timeout)
        return Probe(False, f"{status} at {path}, to HTTPS: {why}", status=status)


def sends_on(entrance: Entrance, route: Route) -> bool:
    """Whether a user who comes by plain HTTP is sent to HTTPS. What cannot be asked is not: False."""
    name = route.some_host
    try:
        return _leads_to_https(*_get(entrance, name, route.path_prefix, PATIENCE), name)
    except (OSError, HTTPException):
        return False


@cache
def unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _get(entrance: Entrance, name: str, path: str, timeout: float, *, secure: bool = False) -> tuple[int, str]:
    """The answer's status, and where it leads."""
    connection = HTTPConnection(name, timeout=timeout)
    connection.sock = entrance.connect(timeout, name if secure else "")
    try:
        headers = {"Host": name, "User-Agent": "discode", "Connection": "close"}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location") or ""
    finally:
        connection.close()


def _leads_to_https(status: int, location: str, name: str) -> bool:
    """To the same host: elsewhere is not for this machine to ask."""
    try:
        to = urlsplit(location)
        return 300 <= status < 400 and to.scheme == "https" and to.hostname == name
    except ValueError:
        return False


def _seen(status: int, path: str) -> Probe:
    return Probe(200 <= status < 300, f"{status} at {path}", status=status)


def _why(error: Exception, path: str, port: int, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {format_duration(timeout)} at {path}"
    if isinstance(error, ConnectionRefusedError):
        return f"connection refused at port {port}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS handshake at port {port}"
    return f"{str(error) or type(error).__name__} at {path}"
