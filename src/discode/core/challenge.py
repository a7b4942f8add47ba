"""A registry's 401 in the words of token authentication: whom to ask for a token, and with what.

Source: <https://distribution.github.io/distribution/spec/auth/token/>
"""

from __future__ import annotations

from urllib.request import parse_http_list, parse_keqv_list


def bearer(header: str) -> dict[str, str] | None:
    """The fields of `WWW-Authenticate: Bearer realm="…",service="…",scope="…"`; None for any other scheme, and for what
    is no list of fields.
    """
    scheme, _, fields = header.partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        return dict(parse_keqv_list(parse_http_list(fields)))
    except (ValueError, IndexError):
        return None
