"""The token server of the image registry, and what installations pull with."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from .. import licenses
from .. import registry_tokens as tokens
from ..access import Caller, Customer, TheHub, address_of
from ..delegation import Delegation, Delegations, pull_token
from ..errors import BadRequest, NotFound, Unauthorized
from ..hub import Hub
from ..outside import Outside
from .shapes import Shape, body, errors, takes

router = APIRouter(tags=["registry"])
_basic = HTTPBasic(auto_error=False, scheme_name="Registry login", description="Password: license key or API token.")


class TokenAnswer(BaseModel):
    """`token` and `access_token` are identical: clients read one or the other."""

    token: str = Field(examples=["eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiIs…"])
    access_token: str
    expires_in: int = Field(examples=[300])
    issued_at: str = Field(examples=["2026-01-01T00:00:00Z"])


class Wanted(Shape):
    """A repository as in a manifest, including the registry's host."""

    repository: Annotated[str, Field(max_length=300, examples=["registry.example.com/acme/myapp"])]


class PullCredentials(BaseModel):
    """For one pull; valid for `seconds` from now, until `ends` in Unix time. With another registry's `token` there is
    no user name or password.
    """

    username: str = ""
    password: str = ""
    token: str = ""
    ends: float
    seconds: float


@router.get("/token", responses=errors(401, 403))
def token(
    request: Request,
    hub: TheHub,
    given: Annotated[HTTPBasicCredentials | None, Depends(_basic)],
    service: Annotated[str, Query(max_length=300, examples=["registry.example.com"])] = "",
    scope: Annotated[list[str], Query(max_length=20, examples=[["repository:acme/myapp:pull"]])] = [],  # noqa: B006
) -> TokenAnswer:
    """Grant what is allowed of the scopes, which may be nothing. No scopes: `docker login`."""
    if not hub.config.registry or service != hub.config.registry:
        raise BadRequest("This hub issues no tokens for that service.", key="unknown-service")
    scopes = tokens.parse_scopes(scope)
    owners = tokens.owners(hub, scopes)
    rights, subject = tokens.public_rights(hub, owners), ""
    if given is not None:
        own = tokens.rights_of(hub, address_of(request), given.password)
        rights, subject = [*rights, own], own.subject
        request.state.actor = subject
    access = tokens.granted(scopes, rights, owners)
    if given is None and not access:
        raise Unauthorized("This needs a license key or an API token.", "docker login first.", key="no-credentials")
    made = tokens.token(hub, subject, service, access)
    issued = datetime.fromtimestamp(int(hub.now()), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return TokenAnswer(token=made, access_token=made, expires_in=tokens.SECONDS, issued_at=issued)


@router.post("/token", include_in_schema=False)
def no_oauth() -> JSONResponse:
    """Clients try the OAuth form first, and use GET after a 404."""
    raise NotFound("Request tokens with GET.", key="use-get")


@router.post("/api/v1/pull-credentials", responses=errors(403, 404, 409, 503), openapi_extra=takes(Wanted))
async def pull_credentials(
    request: Request, hub: TheHub, customer: Customer, wanted: Annotated[Wanted, body(Wanted)]
) -> PullCredentials:
    """For an installation's container engine: a ticket in place of the license key, for an hour; or a token of the
    registry that has the image, for as long as that registry allows.
    """
    found = await run_in_threadpool(_ticket_or_delegation, hub, customer, wanted.repository)
    if isinstance(found, PullCredentials):
        return found
    outside: Outside = request.app.state.outside
    server = wanted.repository.partition("/")[0]
    token = await outside.ask(server, partial(pull_token, wanted.repository, found))
    return PullCredentials(token=token.text, ends=hub.now() + token.seconds, seconds=token.seconds)


def _ticket_or_delegation(hub: Hub, customer: Caller, repository: str) -> PullCredentials | Delegation:
    host, _, name = repository.partition("/")
    app = tokens.app_of(hub.config.vendor, name) if host == hub.config.registry else None
    with hub.database.read() as session:
        beside = tokens.apps_beside(session, repository)
    if app is not None:
        license = customer.license_for_one_of(app, beside)
        made, ends = tokens.ticket(hub, license, customer.installation)
        return PullCredentials(
            username=customer.installation, password=made, ends=ends, seconds=max(ends - hub.now(), 0.0)
        )
    delegation = Delegations(hub.keys.folder).all().get(repository)
    if delegation is None:
        raise NotFound(
            "The image is not in this hub's registry.", "The hub has no credentials for it.", key="elsewhere"
        )
    license = customer.license_for_one_of(delegation.app, beside)
    licenses.must_be_active(hub, license, customer.installation)
    return delegation
