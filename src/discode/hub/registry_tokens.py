"""Tokens for a stock CNCF registry: who may pull and push which repository. Deny by default.

The registry sends its clients here with `scope=repository:<name>:<actions>`; the answer is a JWT that lists what of it
is granted, maybe nothing. ES256 with the certificate in `x5c`: the registry has that in its `rootcertbundle`.
Source: <https://distribution.github.io/distribution/spec/auth/token/>, and the JWT page beside it.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..core.names import SLUG
from . import licenses
from .access import vendor_by_token
from .credentials import API_TOKEN, LICENSE_KEY
from .errors import Forbidden, Unauthorized
from .hub import Hub
from .models import AccessoryImage, App, License

SECONDS = 300  # lifetime of a token, which the registry checks once a request
TICKET_SECONDS = 3600  # time for a whole pull with all its layers
TICKET_TYPE = "pull-ticket+jwt"
EARLIER = 60  # seconds by which the registry's clock may be slow
MOST_SCOPES = 20
_NAME = re.compile(rf"({SLUG.pattern})/({SLUG.pattern})(?:/[a-z0-9][a-z0-9._-]{{0,100}}){{0,3}}")


@dataclass(frozen=True)
class Scope:
    """What a client asks for. `name` is a repository without the registry's host."""

    kind: str
    name: str
    actions: frozenset[str]


@dataclass(frozen=True)
class Rights:
    """What a caller may: the actions on repositories of one app, or of all apps (None)."""

    subject: str
    app: str | None
    actions: frozenset[str]


def parse_scopes(texts: Iterable[str]) -> list[Scope]:
    """One text may contain several, separated by spaces. Anything that is not a scope is ignored and grants nothing."""
    words = [word for text in texts for word in text.split(" ")][:MOST_SCOPES]
    parts = [(word.partition(":")[0], *word.partition(":")[2].rpartition(":")) for word in words]
    return [Scope(kind, name, frozenset(actions.split(","))) for kind, name, colon, actions in parts if colon]


def app_of(vendor: str, name: str) -> str | None:
    """`<vendor>/<app>` and whatever is below it belongs to the app; other names belong to no app."""
    match = _NAME.fullmatch(name)
    return match[2] if match and match[1] == vendor else None


def apps_beside(session: Session, repository: str) -> frozenset[str]:
    """Those whose releases have an image of that repository beside them, with its registry's host."""
    found = select(AccessoryImage.app).where(AccessoryImage.repository == repository)
    return frozenset(session.scalars(found))


def owners(hub: Hub, scopes: Iterable[Scope]) -> dict[str, frozenset[str]]:
    """The apps that each of the vendor's repositories belongs to: by its name, and by signed releases that have it as
    an accessory's."""
    named = {scope.name: app for scope in scopes if scope.kind == "repository"
             and (app := app_of(hub.config.vendor, scope.name))}  # fmt: skip
    with hub.database.read() as session:
        return {
            name: apps_beside(session, f"{hub.config.registry}/{name}") | {app} for name, app in named.items()
        }  # fmt: skip


def granted(
    scopes: Iterable[Scope], rights: Iterable[Rights], owners: Mapping[str, Collection[str]]
) -> list[dict[str, Any]]:
    """The intersection of what is requested and what is allowed, as an `access` claim."""
    access = []
    for scope in scopes:
        apps = owners.get(scope.name, ()) if scope.kind == "repository" else ()
        may = [one.actions for one in rights if apps and (one.app is None or one.app in apps)]
        if actions := sorted(scope.actions & frozenset().union(*may)):
            access.append({"type": "repository", "name": scope.name, "actions": actions})
    return access


def token(hub: Hub, subject: str, service: str, access: list[dict[str, Any]]) -> str:
    now = int(hub.now())
    claims = {
        "iss": hub.config.url, "sub": subject, "aud": service, "exp": now + SECONDS, "nbf": now - EARLIER, "iat": now,
        "jti": secrets.token_hex(8), "access": access,
    }  # fmt: skip
    certificate = base64.b64encode(hub.keys.certificate.public_bytes(Encoding.DER)).decode()
    return jwt.encode(claims, hub.keys.registry, "ES256", headers={"typ": "JWT", "x5c": [certificate]})


def rights_of(hub: Hub, address: str, password: str) -> Rights:
    """By an API token with the scope push, a license key, or a ticket for one pull. Raises Unauthorized, Forbidden."""
    if password.startswith(f"{API_TOKEN}_"):
        vendor = vendor_by_token(hub, address, password)
        actions = frozenset(("pull", "push")) if "push" in vendor.scopes else frozenset[str]()
        return Rights(vendor.actor, None, actions)
    if password.startswith(f"{LICENSE_KEY}_"):
        return _of_license(_holder(hub, address, password))
    return _of_license(_by_ticket(hub, address, password))


def public_rights(hub: Hub, owners: Mapping[str, Collection[str]]) -> list[Rights]:
    """Everybody may pull the images of public apps."""
    names = {app for apps in owners.values() for app in apps}
    with hub.database.read() as session:
        public = [kept.slug for name in names if (kept := session.get(App, name)) and kept.access == "public"]
        return [Rights("", slug, frozenset(("pull",))) for slug in public]


def ticket(hub: Hub, license: License, installation: str) -> tuple[str, float]:
    """A password for one pull, and its expiry: the license key itself is not sent to the container engine."""
    licenses.must_be_active(hub, license, installation)
    ends = int(hub.now()) + TICKET_SECONDS
    claims = {"iss": hub.config.url, "sub": installation, "license": license.id, "exp": ends}
    return jwt.encode(claims, hub.keys.lease, "EdDSA", headers={"typ": TICKET_TYPE}), float(ends)


def _of_license(license: License) -> Rights:
    return Rights(f"license {license.id}", license.app, frozenset(("pull",)))


def _holder(hub: Hub, address: str, key: str) -> License:
    try:
        return licenses.holder(hub, address, key)
    except Forbidden as error:
        if error.name == "license-unknown":  # to a registry's client, wrong credentials are 401
            raise Unauthorized(error.sentence, error.next_step, key=error.name) from None
        raise


def _by_ticket(hub: Hub, address: str, text: str) -> License:
    try:
        if len(text) > 4096 or jwt.get_unverified_header(text).get("typ") != TICKET_TYPE:
            raise jwt.InvalidTokenError
        told = jwt.decode(text, hub.keys.lease.public_key(), ["EdDSA"], options={"verify_exp": False})
        identity, installation, ends = str(told["license"]), str(told["sub"]), float(told["exp"])
    except (jwt.PyJWTError, KeyError, ValueError, TypeError):
        hub.throttle.failed(address)
        raise Unauthorized(
            "The password is neither a license key nor an API token of this hub.", key="bad-password"
        ) from None
    if ends <= hub.now():
        raise Unauthorized("The ticket for this pull has expired.", "Run the command again.", key="ticket-ended")
    license = licenses.live(hub, identity)
    hub.throttle.known(f"license {identity}", license.seats)
    licenses.must_be_active(hub, license, installation)
    return license
