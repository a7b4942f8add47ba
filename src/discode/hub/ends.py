"""Everything of this hub that ends at a known time: what the vendor signed, what it signs itself, its tokens."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session
from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from ..core.ends import DAY, VENDOR_DAYS, End
from .hub import Hub
from .keys import CERTIFICATE_DAYS
from .models import ApiToken
from .signing import SNAPSHOT_DAYS, TIMESTAMP_DAYS, newest
from .trust import as_role

_NO_UPDATES = "customers get no more updates"


def vendors_ends(hub: Hub) -> list[End]:
    """Of what only the vendor can renew."""
    step = f"the vendor runs: discode release renew --hub {hub.config.url} --keys DIR"
    life = VENDOR_DAYS * DAY
    with hub.database.read() as session:
        root, targets = newest(session, "root"), newest(session, "targets")
    found = [("root", as_role(root.body, Root).expires)] if root else []
    found += [("releases' signature", as_role(targets.body, Targets).expires)] if targets else []
    return [End(what, at.timestamp(), life, _NO_UPDATES, step) for what, at in found]


def can_sign(hub: Hub) -> bool:
    """Whether the online key that the vendor's root names is here; also before there is a root."""
    with hub.database.read() as session:
        root = newest(session, "root")
    return root is None or hub.keys.online_of(as_role(root.body, Root).roles["timestamp"].keyids) is not None


def own_ends(hub: Hub, token: str | None = None) -> list[End]:
    """Of what this hub renews by itself, or its operator does. `token`: of the API tokens only this one."""
    with hub.database.read() as session:
        ends = [*_signed_here(session, hub), *_tokens(session, hub, token)]
    if hub.config.registry:
        ends.append(_certificate(hub))
    return ends


def all_ends(hub: Hub, token: str | None = None) -> list[End]:
    return [*vendors_ends(hub), *own_ends(hub, token)]


def _signed_here(session: Session, hub: Hub) -> Iterator[End]:
    step = f"the hub signs it every day while it runs; see its log, or start it: discode hub serve {hub.folder}"
    snapshot, timestamp = newest(session, "snapshot"), newest(session, "timestamp")
    if snapshot is None or timestamp is None:
        return
    for role, expires, days in (
        ("snapshot", as_role(snapshot.body, Snapshot).expires, SNAPSHOT_DAYS),
        ("timestamp", as_role(timestamp.body, Timestamp).expires, TIMESTAMP_DAYS),
    ):
        yield End(f"{role}'s signature", expires.timestamp(), days * DAY, _NO_UPDATES, step)


def _tokens(session: Session, hub: Hub, only: str | None) -> Iterator[End]:
    """Those that still open something."""
    live = select(ApiToken).where(ApiToken.revoked.is_(None), ApiToken.expires > hub.now())
    for token in session.scalars(live.order_by(ApiToken.created)):
        if token.expires is None or only not in (None, token.id):
            continue
        scopes = " ".join(f"--scope {scope}" for scope in token.scopes)
        step = f"make its successor: discode hub token create --label NAME {scopes} {hub.folder}"
        life = token.expires - token.created
        yield End(f"API token {token.id} ({token.label})", token.expires, life, "what uses it is refused", step)


def _certificate(hub: Hub) -> End:
    step = f"renew it, then restart the image registry: discode hub registry renew-certificate {hub.folder}"
    at = hub.keys.certificate.not_valid_after_utc.timestamp()
    effect = "the image registry refuses every pull and push"
    return End("certificate for the image registry", at, CERTIFICATE_DAYS * DAY, effect, step)
