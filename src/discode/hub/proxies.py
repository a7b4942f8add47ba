"""Reverse proxies in front of the hub: whose word about the caller's address counts, and one that nobody named.

Behind a proxy that is not named, every caller has the proxy's address. Rate limits and logs then cannot tell them
apart, and nothing fails at first, so it is told as soon as it is seen.
"""

from __future__ import annotations

import ipaddress
import logging

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from ..core.errors import UsageError

FORWARDED = frozenset((b"x-forwarded-for", b"forwarded", b"via", b"x-real-ip"))
MOST_TOLD = 100  # addresses: a caller can send such a header, too
_log = logging.getLogger("discode.hub")


class Proxies:
    """`trusted`: addresses and networks, separated by commas, whose X-Forwarded-For counts; `*`: all. Raises
    UsageError. `unnamed` gets the addresses of those that are not named."""

    def __init__(self, app: ASGIApp, trusted: str = "", unnamed: set[str] | None = None):
        named = _checked(trusted)
        self._app = ProxyHeadersMiddleware(app, named)  # type: ignore[arg-type] # its own types of ASGI
        self._told = set() if unnamed is None else unnamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and any(name in FORWARDED for name, _ in scope["headers"]):
            self._look(scope)
        await self._app(scope, receive, send)  # type: ignore[arg-type]

    def _look(self, scope: Scope) -> None:
        client = scope.get("client")
        address = client[0] if client else "unknown"
        if address in self._app.trusted_hosts or address in self._told or len(self._told) == MOST_TOLD:
            return
        self._told.add(address)
        headers = sorted({name.decode() for name, _ in scope["headers"] if name in FORWARDED})
        fields = {
            "address": address, "headers": headers,
            "next": f"if {address} is your own proxy: discode hub serve --trusted-proxies {address}",
        }  # fmt: skip
        _log.warning(
            "requests come through a proxy that is not named, so their callers look like one", extra={"fields": fields}
        )


def is_near(address: str) -> bool:
    """On this machine or its network, where a vendor's own proxy usually is. Elsewhere it may be a customer's."""
    try:
        return ipaddress.ip_address(address).is_private
    except ValueError:
        return False


def _checked(trusted: str) -> list[str]:
    names = [name.strip() for name in trusted.split(",") if name.strip()]
    for name in names:
        try:
            _ = name == "*" or ipaddress.ip_network(name)
        except ValueError as error:
            raise UsageError(
                f"--trusted-proxies cannot have {name!r}: {error}.",
                "Give addresses or networks, separated by commas: --trusted-proxies 10.0.0.5,10.1.0.0/16",
                key="trusted-proxies",
            ) from None
    return ["*"] if "*" in names else names
