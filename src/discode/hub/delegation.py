"""Images in another registry: the vendor's credentials stay on the hub, and a customer gets a token for one pull.

The hub logs in to that registry's token server like a container engine, asks for `pull` on the one repository, and
passes the token on. A registry that supports only Basic issues no such token and is refused.

keys/registries.json, readable only by its owner:
    {"registry.example.net/acme/myapp": {"app": "myapp", "username": "acme", "password": "…"}}

Source: <https://distribution.github.io/distribution/spec/auth/token/>
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from ..core.address import is_loopback, may_ask_there, of_registry
from ..core.bounded import TooMuch, gathered
from ..core.challenge import bearer
from ..core.names import check_slug
from ..core.reference import Reference
from ..disk.whole import write_whole
from .audit import record
from .errors import BadRequest, Conflict, NotFound, Unavailable
from .hub import Hub

FILE = "registries.json"
TIMEOUT = 10.0  # seconds for each request to a registry, from the first byte sent to the last received
SHORTEST = 60  # seconds: the specification's default lifetime, for a server that does not state one
MOST = 65536  # bytes of a token server's response
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"((?:[a-z0-9.-]{{1,253}}|\[[0-9a-f:]+\])(?::\d{{1,5}})?)/({_PART}(?:/{_PART})*)")


@dataclass(frozen=True)
class Delegation:
    """The app whose customers may pull it, and the account that the hub uses to get their tokens."""

    app: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Token:
    """Allows `pull` on one repository, for `seconds` from now."""

    text: str = field(repr=False)
    seconds: int


class Delegations:
    def __init__(self, keys: Path):
        self._path = keys / FILE

    def all(self) -> dict[str, Delegation]:
        """By repository, including its registry's host. Read each time, because it changes while hubs run."""
        try:
            told: dict[str, dict[str, str]] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        return {repository: Delegation(**one) for repository, one in told.items()}

    def add(self, repository: str, delegation: Delegation) -> None:
        """Replaces an earlier one. Raises BadRequest, Conflict or Unavailable if no token can be obtained, and stores
        nothing then.
        """
        check_slug(delegation.app)
        pull_token(repository, delegation)
        self._write({**self.all(), repository: delegation})

    def remove(self, repository: str) -> None:
        """Raises NotFound."""
        known = self.all()
        if repository not in known:
            raise NotFound(f"The hub has no credentials for {repository}.", "See: discode hub registry list")
        self._write({name: one for name, one in known.items() if name != repository})

    def _write(self, known: dict[str, Delegation]) -> None:
        text = json.dumps({name: asdict(one) for name, one in known.items()}, indent=1)
        write_whole(self._path, text.encode(), mode=0o600)


def add(hub: Hub, actor: str, repository: str, delegation: Delegation) -> None:
    """Raises as Delegations.add."""
    Delegations(hub.keys.folder).add(repository, delegation)
    told = {"app": delegation.app, "username": delegation.username}
    with hub.database.write() as session:
        record(session, hub.now(), actor, "registry.add", repository, told)


def remove(hub: Hub, actor: str, repository: str) -> None:
    """Raises NotFound."""
    Delegations(hub.keys.folder).remove(repository)
    with hub.database.write() as session:
        record(session, hub.now(), actor, "registry.remove", repository, {})


def pull_token(repository: str, delegation: Delegation, timeout: float = TIMEOUT) -> Token:
    """Raises BadRequest (invalid name), Conflict (no token for these credentials) or Unavailable (no answer)."""
    host, name = _parts(repository)
    address = of_registry(host)
    try:
        with httpx.Client(timeout=timeout) as client:
            asked = _whole(client, f"{address}/v2/")
            realm, query = _challenge(host, asked)
            told = _whole(
                client,
                realm,
                params={**query, "scope": f"repository:{name}:pull"},
                auth=(delegation.username, delegation.password),
            )
            token = _token(host, told)
            opened = _whole(
                client,
                f"{address}/v2/{name}/tags/list",
                params={"n": 1},
                headers={"Authorization": f"Bearer {token.text}"},
            )
    except httpx.HTTPError as error:
        raise Unavailable(
            f"The registry {host} does not answer: {type(error).__name__}.",
            "Try again later.",
            key="registry-unreachable",
        ) from error
    if opened.status_code in (401, 403):
        raise Conflict(
            f"The credentials for {host} do not give access to {name}.",
            "The vendor's account needs permission to pull it.",
            key="registry-credentials",
        )
    return token


def _whole(client: httpx.Client, url: str, **options: Any) -> httpx.Response:
    """Without the body of an answer that is too large. Raises httpx.HTTPError, also for one that comes too slowly."""
    headers, until = {**options.pop("headers", {}), "Accept-Encoding": "identity"}, _deadline(client)
    with client.stream("GET", url, headers=headers, **options) as answer:
        try:
            body = gathered(_before(until, answer.iter_raw()), time.monotonic, MOST)
        except TooMuch:
            body = b""  # whatever it is, it is no token
    return httpx.Response(answer.status_code, headers=dict(answer.headers), content=body)


def _deadline(client: httpx.Client) -> float:
    return time.monotonic() + (client.timeout.read or TIMEOUT)


def _before(until: float, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Raises httpx.ReadTimeout: a token server that trickles takes one of the few places for calls to the outside."""
    for piece in pieces:
        if time.monotonic() > until:
            raise httpx.ReadTimeout("the answer took too long")
        yield piece


def _parts(repository: str) -> tuple[str, str]:
    match = _REPOSITORY.fullmatch(repository)
    if match is None or not ("." in match[1] or ":" in match[1] or is_loopback(match[1])):
        raise BadRequest(
            f"{repository!r} is not a repository with its registry.",
            "For example: ghcr.io/acme/myapp",
            key="repository",
        )
    named = Reference(repository, None, None)
    return named.host, named.path


def _challenge(host: str, asked: httpx.Response) -> tuple[str, dict[str, str]]:
    """The token server's address and the parameters to send."""
    told = bearer(asked.headers.get("www-authenticate", "")) or {}
    realm = told.get("realm", "")
    if asked.status_code != 401 or not realm:
        raise Conflict(
            f"The registry {host} issues no tokens, so only the credentials themselves could be passed on.",
            "Move the image to a registry with token authentication, or to this hub's own.",
            key="no-delegation",
        )
    if (obstacle := may_ask_there(realm, host)) is not None:
        raise Conflict(f"The registry {host} asks for its password {obstacle}.", "Tell its operator.", key="no-tls")
    return realm, {"service": told["service"]} if "service" in told else {}


def _token(host: str, told: httpx.Response) -> Token:
    try:
        answer = told.json() if told.status_code == 200 and len(told.content) <= MOST else {}
        text = str(answer.get("token") or answer.get("access_token") or "")
        seconds = max(int(answer.get("expires_in") or SHORTEST), SHORTEST)
    except (ValueError, TypeError, AttributeError):
        text, seconds = "", 0
    if not text:
        raise Conflict(
            f"The registry {host} rejects the vendor's credentials ({told.status_code}).",
            "Give new ones: discode hub registry add REPOSITORY --app APP --username NAME",
            key="registry-credentials",
        )
    return Token(text, seconds)
