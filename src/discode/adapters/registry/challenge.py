"""The registry's way to ask who one is: a token from the server that its 401 names, or Basic.

Source: <https://distribution.github.io/distribution/spec/auth/token/>. Credentials are those of `docker login`.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from ...core.address import may_ask_there
from ...core.challenge import bearer
from ...core.errors import Refused
from ..web import whole

if TYPE_CHECKING:
    import httpx

TOKEN = 1 << 20  # bytes of an answer with a token


def authorization(client: httpx.Client, challenge: str, host: str) -> str | None:
    """The header's value for another try; None when there is nothing to try with."""
    kind = challenge.partition(" ")[0]
    known = _login(host)
    if kind.lower() == "basic":
        return _basic(*known) if known else None
    if (asked := bearer(challenge)) is None:
        return None
    query: dict[str, str] = {name: asked[name] for name in ("service", "scope") if name in asked}
    realm = asked.get("realm", "")
    if (obstacle := may_ask_there(realm, host)) is not None:
        raise Refused(
            f"The registry {host} asks for its password {obstacle}. Nothing was published.",
            "Tell the registry's operator.",
            key="no-tls",
        )
    answer = whole(client, "GET", realm, TOKEN, params=query, auth=known)
    try:
        told = answer.json() if answer.status_code == 200 else {}
        token = told.get("token") or told.get("access_token")
    except (ValueError, AttributeError):
        return None
    return f"Bearer {token}" if token else None


def _login(host: str) -> tuple[str, str] | None:
    """From Docker's own files and credential helpers."""
    import docker.auth

    index = "docker.io" if host == "registry-1.docker.io" else host
    known: Any = docker.auth.load_config().resolve_authconfig(index)
    if not known:
        return None
    return str(known.get("username") or known.get("Username")), str(known.get("password") or known.get("Password"))


def _basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
