"""The dead man's address: called so that somebody elsewhere notices when it is not."""

from __future__ import annotations

from urllib.parse import urlsplit

from ...core.errors import Unreachable
from .. import web
from .failures import explained, of_status

_MOST = 1 << 16  # bytes of an answer that nobody reads


def beat(url: str) -> None:
    """Raises Unreachable, which names the host alone: the path is a secret."""
    import httpx

    where = urlsplit(url).hostname or "?"
    try:
        with web.client(url, follow_redirects=True, timeout=20.0) as client:
            status = web.whole(client, "GET", url, _MOST).status_code
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _unreachable(where, explained(error)) from None
    if status >= 400:
        raise _unreachable(where, of_status(status))


def _unreachable(where: str, why: str) -> Unreachable:
    return Unreachable(
        f"The heartbeat at {where} could not be called: {why}.",
        "See that the address is right, and that this machine reaches it.",
        key="heartbeat",
    )
