"""Who is calling: a vendor by an API token, an installation by a licence key.

Everything that takes a secret goes through here and its rate limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer

from . import licences
from .credentials import API_TOKEN, matches, parse
from .errors import Forbidden, Unauthorized
from .hub import Hub
from .models import ApiToken, Licence

_bearer = HTTPBearer(auto_error=False, scheme_name="API token", description="A vendor's token, `dht_…`.")


_basic = HTTPBasic(
    auto_error=False, scheme_name="Licence", description="The installation's random id, and its licence key."
)  # fmt: skip
_INSTALLATION = re.compile("[0-9a-f]{32}")


NO_LICENCE = "license-needed"


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


@dataclass(frozen=True)
class Caller:
    """An installation with a licence key that has not been looked at yet."""

    request: Request
    installation: str
    key: str = field(repr=False)

    def licence_for(self, app: str | None) -> Licence:
        """Raises Forbidden when the key opens nothing here."""
        licence = licences.holder(hub_of(self.request), address_of(self.request), self.key, app)
        self.request.state.actor = f"licence {licence.id}"
        return licence


def customer(request: Request, given: Annotated[HTTPBasicCredentials | None, Depends(_basic)]) -> Caller:
    """Raises Forbidden without a licence key: one that is missing ends where one that is wrong does."""
    if given is None:
        raise Forbidden("This needs a licence.", "Give the vendor's licence key: --license-file FILE", key=NO_LICENCE)
    if not _INSTALLATION.fullmatch(given.username):
        raise Forbidden("The name beside the licence key is no installation's.", key="not-activated")
    return Caller(request, given.username, given.password)


Customer = Annotated[Caller, Depends(customer)]


def may_read(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    basic: Annotated[HTTPBasicCredentials | None, Depends(_basic)],
) -> Callable[[str], Licence | None]:
    """A function that says by which licence an app's releases may be read; None for the vendor's own tokens."""

    def reader(app: str) -> Licence | None:
        hub = hub_of(request)
        if bearer is not None:
            vendor = vendor_by_token(hub, address_of(request), bearer.credentials)
            request.state.actor = vendor.actor
            if "release" not in vendor.scopes:
                raise Forbidden("The API token has no scope release.", "Use another.", key="no-scope")
            return None
        caller = customer(request, basic)
        licence = caller.licence_for(app)
        licences.must_be_active(hub, licence, caller.installation)
        return licence

    return reader


Reader = Annotated[Callable[[str], Licence | None], Depends(may_read)]
