"""API tokens: creating, listing and revoking them, for the API and for the hub's own command line."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import select

from ..core.errors import UsageError
from .audit import record
from .credentials import API_TOKEN, Secret, make
from .errors import NotFound
from .hub import SCOPES, Hub
from .models import ApiToken


def create(hub: Hub, actor: str, label: str, scopes: Collection[str], days: int | None) -> Secret:
    """Raises UsageError for an unknown scope."""
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise UsageError(f"There is no scope {', '.join(unknown)}.", f"Scopes are: {', '.join(SCOPES)}.")
    secret, now = make(API_TOKEN), hub.now()
    expires = now + days * 86400 if days else None
    names = sorted(set(scopes))
    with hub.database.write() as session:
        session.add(
            ApiToken(id=secret.id, hash=secret.hash, label=label, scopes=names, created=now, expires=expires)
        )  # fmt: skip
        record(session, now, actor, "token.create", secret.id, {"label": label, "scopes": names, "days": days})
    return secret


def describe(hub: Hub) -> list[dict[str, Any]]:
    """Oldest first; times are Unix time in seconds. `state`: live, expired or revoked."""
    with hub.database.read() as session:
        return [_told(kept, hub.now()) for kept in session.scalars(select(ApiToken).order_by(ApiToken.created))]


def revoke(hub: Hub, actor: str, token: str) -> dict[str, Any]:
    """Changes nothing if it is already revoked. Raises NotFound."""
    with hub.database.write() as session:
        kept = session.get(ApiToken, token)
        if kept is None:
            raise NotFound(f"There is no token {token}.", "See: discode hub token list", key="no-such-token")
        if kept.revoked is None:
            kept.revoked = hub.now()
            record(session, kept.revoked, actor, "token.revoke", token, {})
        return _told(kept, hub.now())


def _told(kept: ApiToken, now: float) -> dict[str, Any]:
    expired = kept.expires is not None and kept.expires <= now
    state = "revoked" if kept.revoked is not None else "expired" if expired else "live"
    return {
        "id": kept.id, "label": kept.label, "scopes": kept.scopes, "created": kept.created, "expires": kept.expires,
        "revoked": kept.revoked, "state": state,
    }  # fmt: skip
