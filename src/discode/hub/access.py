"""Who is calling: a vendor by an API token, an installation by a license key.

Whatever accepts a secret goes through here, and so through the rate limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer

from . import licenses
from .credentials import API_TOKEN, matches, parse
from .errors import Forbidden, Unauthorized
from .hub import Hub
from .models import ApiToken, License

_bearer = HTTPBearer(auto_error=False, scheme_name="API token", description="A vendor's token, `dht_…`.")


_basic = HTTPBasic(
    auto_error=False, scheme_name="License", description="The installation's random id, and its license key."
)  # fmt: skip
_INSTALLATION = re.compile("[0-9a-f]{32}")


NO_LICENSE = "license-needed"


@dataclass(frozen=True)
class Vendor:
    """The holder of an API token. `actor` is its name in the audit log."""

    token: str
    scopes: frozenset[str]

    @property
    def actor(self) -> str:
        return f"token {self.token}"


def hub_of(request: Request) -> Hub:
    hub: Hub = request.app.state.hub
    return hub


async def the_hub(request: Request) -> Hub:
    """Without one of the threads that requests share, unlike a dependency that is no coroutine."""
    return hub_of(request)


TheHub = Annotated[Hub, Depends(the_hub)]


def address_of(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def vendor_by_token(hub: Hub, address: str, text: str) -> Vendor:
    """Raises Unauthorized, or TooMany."""
    given = parse(text)
    if given is not None and given.kind != API_TOKEN:
        given = None
    with hub.database.read() as session:
        kept = session.get(ApiToken, given.id if given else "")
    if not matches(given, kept.hash if kept else None):
        hub.throttle.failed(address)
        raise Unauthorized(
            "The hub does not know this API token.", "Check it. To list tokens: discode hub token list", key="bad-token"
        )
    assert kept is not None
    hub.throttle.known(f"token {kept.id}")
    if kept.revoked is not None or (kept.expires is not None and kept.expires <= hub.now()):
        raise Unauthorized(
            "The API token has expired or was revoked.",
            "Make a new one: discode hub token create --label NAME --scope release",
            key="token-ended",
        )
    return Vendor(kept.id, frozenset(kept.scopes))


def allowed(scope: str) -> Callable[..., Vendor]:
    """A dependency: the vendor, if their token has the scope."""

    def vendor(
        request: Request, hub: TheHub, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> Vendor:
        if given is None:
            raise Unauthorized("This needs an API token.", "Send it as: Authorization: Bearer dht_…", key="no-token")
        found = vendor_by_token(hub, address_of(request), given.credentials)
        request.state.actor = found.actor
        if scope not in found.scopes:
            raise Forbidden(
                f"The API token is not allowed to do this: it lacks the scope {scope}.",
                "Use a token with that scope.",
                key="no-scope",
            )
        return found

    return vendor


@dataclass(frozen=True)
class Caller:
    """An installation with the key of a live license; whether it has a seat is another question."""

    installation: str
    license: License

    def license_for(self, app: str) -> License:
        """Raises Forbidden if the license is for another app."""
        licenses.must_be_for(self.license, app)
        return self.license

    def license_for_one_of(self, app: str, also: Collection[str]) -> License:
        """As `license_for`, of what belongs to other apps, too."""
        return self.license if self.license.app in also else self.license_for(app)


def customer(request: Request, given: Annotated[HTTPBasicCredentials | None, Depends(_basic)]) -> Caller:
    """Raises Forbidden without the key of a live license."""
    if given is None:
        raise Forbidden("This needs a license.", "Give the vendor's license key: --license-file FILE", key=NO_LICENSE)
    if not _INSTALLATION.fullmatch(given.username):
        raise Forbidden("The user name given with the license key is not an installation's id.", key="not-activated")
    license = licenses.holder(hub_of(request), address_of(request), given.password)
    request.state.actor = f"license {license.id}"
    return Caller(given.username, license)


Customer = Annotated[Caller, Depends(customer)]


@dataclass(frozen=True)
class Licensed:
    """An installation that has a seat of a live license."""

    license: License
    installation: str


MayRead = Callable[[str], Licensed | None]


def may_read(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    basic: Annotated[HTTPBasicCredentials | None, Depends(_basic)],
) -> MayRead:
    """A function that returns the license that allows reading an app's releases; None for the vendor's own tokens."""

    def reader(app: str) -> Licensed | None:
        hub = hub_of(request)
        if bearer is not None:
            vendor = vendor_by_token(hub, address_of(request), bearer.credentials)
            request.state.actor = vendor.actor
            if "release" not in vendor.scopes:
                raise Forbidden("The API token lacks the scope release.", "Use another.", key="no-scope")
            return None
        caller = customer(request, basic)
        license = caller.license_for(app)
        licenses.must_be_active(hub, license, caller.installation)
        return Licensed(license, caller.installation)

    return reader


Reader = Annotated[MayRead, Depends(may_read)]
