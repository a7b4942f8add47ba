"""A registry's 401 in the words of token authentication: whom to ask for a token, and with what.

Source: <https://distribution.github.io/distribution/spec/auth/token/>
"""

from __future__ import annotations

import re
from urllib.request import parse_http_list

_SCHEME = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s+(.*))?", re.S)  # RFC 9110 11.2: a token, then its fields


def challenges(header: str) -> list[tuple[str, dict[str, str]]]:
    """Schemes, in small letters, with their fields, in the order of the header. Several lines of a header are one with
    commas between (RFC 9110 5.3), so `Basic realm="a", Bearer realm="b",service="c"` are two; what is no field of
    anything is left out."""
    found: list[tuple[str, dict[str, str]]] = []
    for part in parse_http_list(header):
        name, equals, value = part.partition("=")
        if not equals or " " in name.strip():  # `Basic`, and `Basic realm="a"`: another challenge begins
            match = _SCHEME.fullmatch(part.strip())
            if match is None:
                continue
            found.append((match[1].lower(), {}))
            name, equals, value = (match[2] or "").partition("=")
        if equals and found:
            found[-1][1].setdefault(name.strip().lower(), _unquoted(value.strip()))
    return found


def bearer(header: str) -> dict[str, str] | None:
    """The fields of `Bearer realm="…",service="…",scope="…"`, with other schemes around it or none; None without it."""
    return next((fields for scheme, fields in challenges(header) if scheme == "bearer" and fields), None)


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] == '"'
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if quoted else value
