"""A CA's ACME directory (RFC 8555, 7.1.1), asked once: the names of the CA in CAA records, and the time that it has."""

from __future__ import annotations

import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.authority import Answered
from ..core.clocks import ahead
from ..core.errors import UsageError
from . import web

if TYPE_CHECKING:
    import httpx

TIMEOUT = 5.0  # seconds without a byte
MOST = 1 << 20  # bytes of a directory


def ask(directory: str, bundle: str) -> Answered:
    """`bundle`: a file of CAs that are trusted for it beside the machine's; empty for none. Never raises."""
    import httpx

    try:
        answer = _got(directory, bundle=Path(bundle) if bundle else None)
        answer.raise_for_status()
        return Answered(_identifiers(answer), _ahead(answer))
    except UsageError as error:
        return Answered(reason=error.sentence)
    except (httpx.HTTPError, ValueError) as error:
        if web.is_by_clock(error):
            return Answered(ahead=_time_of(directory), reason=web.told(error), by_clock=True)
        return Answered(reason=web.told(error))


def _got(directory: str, **trust: Any) -> httpx.Response:
    with web.client(directory, timeout=TIMEOUT, **trust) as client:
        return web.whole(client, "GET", directory, MOST)


def _time_of(directory: str) -> float | None:
    """From an answer that is not to be trusted for anything but this: that the clocks differ is known already."""
    import httpx

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        return _ahead(_got(directory, verify=context))
    except httpx.HTTPError:
        return None


def _ahead(answer: httpx.Response) -> float | None:
    return ahead(answer.headers.get("Date", ""), answer.headers.get("Age", ""), time.time())


def _identifiers(answer: httpx.Response) -> tuple[str, ...]:
    """Raises ValueError for an answer that is no directory."""
    told = answer.json()
    if not isinstance(told, dict) or not isinstance(told.get("newOrder"), str):
        raise ValueError("its answer is no ACME directory")
    meta = told.get("meta")
    found = meta.get("caaIdentities") if isinstance(meta, dict) else None
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()
