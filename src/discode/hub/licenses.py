"""Licenses: issued and revoked by the vendor, activated by installations, one seat each.

A license is live, expired or revoked. A license that is not live allows no reading of releases, no image pulls and no
fresh leases; a running app keeps running.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..core.lease import ALGORITHM, TYPE, Lease, claims
from .audit import record
from .credentials import LICENSE_KEY, Secret, make, matches, parse
from .errors import Conflict, Forbidden, NotFound
from .hub import Hub
from .models import Activation, App, License
from .seats import withdraw

DAY = 86400.0
_UNTOUCHED = "Your app was not touched."


@dataclass(frozen=True)
class Terms:
    """`days` None: never expires. No `channels`: all. `seats` is a number of installations."""

    app: str
    customer: str
    channels: Sequence[str] = ()
    days: int | None = None
    seats: int = 1
    lease_days: int = 14


def issue(hub: Hub, actor: str, terms: Terms) -> Secret:
    """Raises NotFound for an app without releases, because a typo would cost a customer a day."""
    secret, now = make(LICENSE_KEY), hub.now()
    with hub.database.write() as session:
        if session.get(App, terms.app) is None:
            raise NotFound(f"No release of {terms.app} is published here.", "Publish first.", key="no-such-app")
        session.add(
            License(
                id=secret.id, hash=secret.hash, app=terms.app, customer=terms.customer, channels=list(terms.channels),
                seats=terms.seats, lease_days=terms.lease_days, created=now,
                expires=now + terms.days * DAY if terms.days else None,
            )
        )  # fmt: skip
        detail = {"app": terms.app, "customer": terms.customer, "seats": terms.seats, "days": terms.days}
        record(session, now, actor, "license.issue", secret.id, detail)
    return secret


def listed(hub: Hub, app: str | None = None) -> list[dict[str, Any]]:
    query = select(License).order_by(License.created)
    with hub.database.read() as session:
        taken = select(Activation.license, func.count()).group_by(Activation.license)
        used = {license: count for license, count in session.execute(taken)}  # noqa: C416 - rows are no pairs to mypy
        kept = session.scalars(query if app is None else query.where(License.app == app))
        return [_told(one, used.get(one.id, 0), hub.now()) for one in kept]


def shown(hub: Hub, identity: str) -> dict[str, Any]:
    """With its installations. Raises NotFound."""
    with hub.database.read() as session:
        kept, seats = _find(hub, session, identity), _seats(session, identity)
        installations = [{"installation": seat.installation, "at": seat.at, "seen": seat.seen} for seat in seats]
        return {**_told(kept, len(seats), hub.now()), "installations": installations}


def revoke(hub: Hub, actor: str, identity: str, reason: str) -> None:
    """Changes nothing if it is already revoked."""
    with hub.database.write() as session:
        kept = _find(hub, session, identity)
        if kept.revoked is None:
            kept.revoked, kept.reason = hub.now(), reason
            withdraw(session, hub.keys, identity, [seat.installation for seat in _seats(session, identity)])
            record(session, hub.now(), actor, "license.revoke", identity, {"reason": reason})


def renew(hub: Hub, actor: str, identity: str, days: int | None) -> None:
    """From its expiry, or from today if it has expired; None: never expires. A revoked license stays revoked."""
    with hub.database.write() as session:
        kept = _find(hub, session, identity)
        if kept.revoked is not None:
            raise Conflict(f"The license {identity} is revoked.", "Issue a new one.", key="license-revoked")
        base = max(kept.expires or 0.0, hub.now())
        kept.expires = base + days * DAY if days else None
        record(session, hub.now(), actor, "license.renew", identity, {"days": days})


def free_seat(hub: Hub, actor: str, identity: str, installation: str) -> None:
    """Changes nothing if it is already free."""
    with hub.database.write() as session:
        _find(hub, session, identity)
        if (seat := session.get(Activation, (identity, installation))) is not None:
            session.delete(seat)
            withdraw(session, hub.keys, identity, [installation])
            record(session, hub.now(), actor, "license.free-seat", identity, {"installation": installation})


def holder(hub: Hub, address: str, key: str) -> License:
    """The live license of a key. Raises Forbidden or TooMany."""
    given = parse(key)
    if given is not None and given.kind != LICENSE_KEY:
        given = None
    with hub.database.read() as session:
        kept = session.get(License, given.id if given else "")
    if not matches(given, kept.hash if kept else None):
        hub.throttle.failed(address)
        raise Forbidden(f"The hub does not know this license key. {_UNTOUCHED}", "Check it.", key="license-unknown")
    assert kept is not None
    hub.throttle.known(f"license {kept.id}", kept.seats)
    _must_be_live(kept, hub.now())
    return kept


def must_be_for(license: License, app: str) -> None:
    """Raises Forbidden."""
    if license.app != app:
        raise Forbidden(
            f"The license is for {license.app}, not for {app}.",
            "Use the license for that app.",
            key="license-other-app",
        )


def live(hub: Hub, identity: str) -> License:
    """By its id, if it is live. Raises Forbidden."""
    with hub.database.read() as session:
        kept = session.get(License, identity)
    if kept is None:
        raise Forbidden("The hub does not know this license.", "Check it.", key="license-unknown")
    _must_be_live(kept, hub.now())
    return kept


def must_be_active(hub: Hub, license: License, installation: str) -> None:
    """Raises Forbidden for an installation without a seat."""
    with hub.database.read() as session:
        if session.get(Activation, (license.id, installation)) is None:
            raise Forbidden(
                f"This installation has no seat on the license {license.id}. {_UNTOUCHED}",
                f"Take one: discode license activate {license.app} --hub {hub.config.url}",
                key="not-activated",
            )


def activate(hub: Hub, license: License, installation: str, *, move: bool) -> str:
    """Take a seat and return its lease; an installation that has a seat keeps it. `move` frees the seat that has been
    unused the longest.

    Raises Conflict when every seat is taken.
    """
    with hub.database.write() as session:
        kept = session.get(License, license.id, with_for_update=True)  # one at a time, because seats are counted
        assert kept is not None
        seat = session.get(Activation, (kept.id, installation))
        if seat is not None:
            seat.seen = hub.now()
        else:
            _make_room(session, hub, kept, move)
            session.add(Activation(license=kept.id, installation=installation, at=hub.now(), seen=hub.now()))
            _note(session, hub, kept, "license.activate", installation)
    return lease(hub, license, installation)


def renew_lease(hub: Hub, license: License, installation: str) -> str:
    must_be_active(hub, license, installation)
    with hub.database.write() as session:
        if (seat := session.get(Activation, (license.id, installation))) is not None:
            seat.seen = hub.now()
    return lease(hub, license, installation)


def lease(hub: Hub, license: License, installation: str) -> str:
    now = hub.now()
    ends = min(now + license.lease_days * DAY, license.expires or float("inf"))
    channels, expires = tuple(license.channels), license.expires
    made = Lease(license.app, installation, license.id, license.customer, channels, now, ends, expires)
    told = claims(made, hub.config.url, secrets.token_hex(8))
    return jwt.encode(told, hub.keys.lease, ALGORITHM, headers={"typ": TYPE})


def state_of(license: License, now: float) -> str:
    if license.revoked is not None:
        return "revoked"
    return "expired" if license.expires is not None and license.expires <= now else "live"


def _must_be_live(license: License, now: float) -> None:
    match state_of(license, now):
        case "revoked":
            raise Forbidden(
                f"The license {license.id} was revoked, so there are no more updates. {_UNTOUCHED}",
                "Ask the vendor.",
                key="license-revoked",
            )
        case "expired":
            raise Forbidden(
                f"The license {license.id} has expired, so there are no more updates. {_UNTOUCHED}",
                "Ask the vendor to renew it.",
                key="license-expired",
            )


def _make_room(session: Session, hub: Hub, license: License, move: bool) -> None:
    seats = _seats(session, license.id)
    if len(seats) < license.seats:
        return
    if not move:
        raise Conflict(
            f"All {license.seats} seats of the license {license.id} are in use. {_UNTOUCHED}",
            "Take the one that has been unused the longest: "
            f"discode license activate {license.app} --hub {hub.config.url} --move",
            key="no-seat",
        )
    unused = min(seats, key=lambda seat: seat.seen)
    session.delete(unused)
    withdraw(session, hub.keys, license.id, [unused.installation])
    _note(session, hub, license, "license.move", unused.installation)


def _note(session: Session, hub: Hub, license: License, action: str, installation: str) -> None:
    record(session, hub.now(), f"license {license.id}", action, license.id, {"installation": installation})


def _find(hub: Hub, session: Session, identity: str) -> License:
    kept = session.get(License, identity)
    if kept is None:
        see = f"See: discode license list --hub {hub.config.url}"
        raise NotFound(f"There is no license {identity}.", see, key="no-such-license")
    return kept


def _seats(session: Session, identity: str) -> list[Activation]:
    return list(session.scalars(select(Activation).where(Activation.license == identity).order_by(Activation.at)))


def _told(kept: License, used: int, now: float) -> dict[str, Any]:
    return {
        "id": kept.id, "app": kept.app, "customer": kept.customer, "channels": kept.channels, "seats": kept.seats,
        "used": used, "lease_days": kept.lease_days, "created": kept.created, "expires": kept.expires,
        "revoked": kept.revoked, "reason": kept.reason, "state": state_of(kept, now),
    }  # fmt: skip
