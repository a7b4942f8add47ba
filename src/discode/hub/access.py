"""Who is calling: a vendor by an API token. Everything that takes a secret goes through here and its rate limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from .credentials import API_TOKEN, matches, parse
from .errors import Forbidden, Unauthorized
from .hub import Hub
from .models import ApiToken

_bearer = HTTPBearer(auto_error=False, scheme_name="API token", description="A vendor's token, `dht_…`.")


@dataclass(frozen=True)
class Vendor:
    """The holder of an API token. `actor` is what the audit log calls it."""

    token: str
    scopes: frozenset[str]

    @property
    def actor(self) -> str:
        return f"token {self.token}"


def hub_of(request: Request) -> Hub:
    hub: Hub = request.app.state.hub
    return hub


TheHub = Annotated[Hub, Depends(hub_of)]


def address_of(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def vendor_by_token(hub: Hub, address: str, text: str) -> Vendor:
    """Raises Unauthorized, or TooMany."""
    hub.throttle.attempt(address)
    given = parse(text)
    if given is not None and given.kind != API_TOKEN:
        given = None
    with hub.database.read() as session:
        kept = session.get(ApiToken, given.id if given else "")
    if not matches(given, kept.hash if kept else None):
        hub.throttle.failed(address)
        raise Unauthorized("The API token is not known here.", "Check it; see: discode hub token list", key="bad-token")
    assert kept is not None
    if kept.revoked is not None or (kept.expires is not None and kept.expires <= hub.now()):
        raise Unauthorized("The API token has ended.", "Make a new one: discode hub token create", key="token-ended")
    return Vendor(kept.id, frozenset(kept.scopes))


def allowed(scope: str) -> Callable[..., Vendor]:
    """A dependency: the vendor whose token has the scope."""

    def vendor(
        request: Request, hub: TheHub, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> Vendor:
        if given is None:
            raise Unauthorized("This needs an API token.", "Send it as: Authorization: Bearer dht_…", key="no-token")
        found = vendor_by_token(hub, address_of(request), given.credentials)
        request.state.actor = found.actor
        if scope not in found.scopes:
            raise Forbidden(
                f"The API token may not do this: it has no scope {scope}.", "Use a token that has it.", key="no-scope"
            )
        return found

    return vendor
