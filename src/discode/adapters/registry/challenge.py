"""The registry's way to ask who one is: a token from the server that its 401 names, or Basic.

Source: <https://distribution.github.io/distribution/spec/auth/token/>. Credentials are those of `docker login`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...core.address import may_ask_there
from ...core.challenge import challenges
from ...core.errors import Refused
from ..web import whole

if TYPE_CHECKING:
    import httpx

TOKEN = 1 << 20  # bytes of an answer with a token


@dataclass(frozen=True)
class Login:
    """Of `docker login`: a name and a password, or an identity token, which is good for nothing but other tokens."""

    name: str = ""
    password: str = field(default="", repr=False)
    identity: str = field(default="", repr=False)


def authorizations(client: httpx.Client, challenge: str, host: str) -> Iterator[str]:
    """Values of the header for other tries, the best first: a registry may name several ways. Raises Refused for one
    that would send the password where it must not go."""
    known = _login(host)
    for asked in (fields for scheme, fields in challenges(challenge) if scheme == "bearer" and fields):
        if (token := _token(client, asked, known, host)) is not None:
            yield f"Bearer {token}"
    if known is not None and known.password and any(scheme == "basic" for scheme, _ in challenges(challenge)):
        yield _basic(known.name, known.password)


def _token(client: httpx.Client, asked: dict[str, str], known: Login | None, host: str) -> str | None:
    query: dict[str, str] = {name: asked[name] for name in ("service", "scope") if name in asked}
    realm = asked.get("realm", "")
    if (obstacle := may_ask_there(realm, host)) is not None:
        raise Refused(
            f"The registry {host} asks for its password {obstacle}. Nothing was published.",
            "Tell the registry's operator.",
            key="no-tls",
        )
    if known is not None and known.identity:
        # <https://distribution.github.io/distribution/spec/auth/oauth/>. Its body must not follow a redirect.
        form = {**query, "grant_type": "refresh_token", "client_id": "discode", "refresh_token": known.identity}
        answer = whole(client, "POST", realm, TOKEN, data=form, follow_redirects=False)
    else:
        login = (known.name, known.password) if known is not None else None
        answer = whole(client, "GET", realm, TOKEN, params=query, auth=login)
    try:
        told = answer.json() if answer.status_code == 200 else {}
        token = told.get("token") or told.get("access_token")
    except (ValueError, AttributeError):
        return None
    return str(token) if token else None


def _login(host: str) -> Login | None:
    """From Docker's own files and credential helpers. Raises Refused when a helper fails."""
    import docker.auth
    import docker.errors

    index = "docker.io" if host == "registry-1.docker.io" else host
    try:
        found: Any = docker.auth.load_config().resolve_authconfig(index)
    except docker.errors.DockerException as error:
        raise Refused(
            f"Docker's credential helper for {host} failed: {error}. Nothing was published.",
            f"Log in again: docker login {host}",
            key="registry-credentials",
        ) from error
    if not found:
        return None
    told = {str(name).lower(): str(value or "") for name, value in found.items()}
    return Login(told.get("username", ""), told.get("password", ""), told.get("identitytoken", ""))


def _basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
