"""The token of a proxy: by what comes back for it, one finds out whether a name leads to this proxy and no other. Pure.

It is asked for where a CA would ask (RFC 8555, 8.3), so that whoever is in front treats both alike. The answer does not
follow from the path for a server that shows what it was asked for.
"""

from __future__ import annotations

from hashlib import sha256

FOLDER = "/.well-known/acme-challenge/"  # a CA asks there, and the proxy answers


def answer_to(token: str) -> str:
    return f"discode-{sha256(token.encode()).hexdigest()[:32]}"
