"""A look at a CA before it is set: is it there, is it trusted, is it an ACME directory (RFC 8555, 7.1.1)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..core.errors import Refused
from . import web

ANSWER = 10.0  # seconds without a byte
MOST = 64 << 10  # bytes of a directory
ANYWAY = "Or set it anyway: discode proxy config set … --skip-checks"


def look(directory: str, bundle: str, *, has_binding: bool) -> None:
    """`bundle`: a file of certificates that are trusted besides the machine's own, or empty. Raises Refused."""
    found = _directory(directory, bundle)
    meta = found.get("meta")
    if isinstance(meta, dict) and meta.get("externalAccountRequired") and not has_binding:
        raise _refused(
            f"The CA at {directory} takes no account without an external account binding",
            "Give the id and the key that you have from the CA, too: discode proxy config set "
            f"acme_directory={directory} acme_eab_kid=ID acme_eab_key",
        )


def _directory(directory: str, bundle: str) -> dict[str, Any]:
    import httpx

    try:
        with web.client(directory, bundle=Path(bundle) if bundle else None, timeout=ANSWER) as client:
            answer = web.whole(client, "GET", directory, MOST)
    except httpx.HTTPError as error:
        raise _not_reached(directory, error) from error
    try:
        found = json.loads(answer.content)
        if answer.status_code == 200 and all(isinstance(found[name], str) for name in ("newNonce", "newOrder")):
            return dict(found)
    except (ValueError, KeyError, TypeError, IndexError):
        pass
    kind = answer.headers.get("content-type", "nothing").partition(";")[0]
    raise _refused(
        f"{directory} is not the directory of a CA: it answers {answer.status_code} with {kind}",
        f"Give the address of its ACME directory. {ANYWAY}",
    )


def _not_reached(directory: str, error: Exception) -> Refused:
    if next(web.doubts(error), None) is None:
        return _refused(
            f"The CA at {directory} cannot be reached from here: {web.told(error)}",
            f"Check the address and the network. {ANYWAY}",
        )
    return _refused(
        f"This machine does not trust the CA at {directory}: {web.told(error)}",
        "If it is a CA of your own, give its root certificate, too: discode proxy config set "
        f"acme_directory={directory} acme_ca_bundle=FILE. {ANYWAY}",
    )


def _refused(what: str, next_step: str) -> Refused:
    return Refused(f"{what}. Nothing was changed.", next_step, key="ca")
