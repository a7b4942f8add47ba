"""Snapshot and timestamp, signed with the hub's online key: after each publish, and every day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Timestamp

from ..core.release import HELD
from .errors import Conflict
from .hub import Hub
from .models import Hold, MetadataFile, PublishedRelease
from .trust import as_role

SNAPSHOT_DAYS, TIMESTAMP_DAYS = 30, 7
SIGN_AGAIN = 86400.0  # seconds after which the timestamp is signed again
KEPT_SNAPSHOTS = 20  # readers in progress still ask for the previous one
_LOCK = 7310581  # PostgreSQL advisory lock: one signer at a time


def one_at_a_time(session: Session) -> None:
    """Held until the end of the transaction. SQLite allows only one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))


def newest(session: Session, role: str) -> MetadataFile | None:
    query = select(MetadataFile).where(MetadataFile.role == role).order_by(MetadataFile.version.desc()).limit(1)
    return session.scalars(query).one_or_none()


def keep(session: Session, role: str, version: int, body: bytes, at: float) -> None:
    session.add(MetadataFile(role=role, version=version, body=body, at=at))
    session.flush()


def sign(session: Session, hub: Hub, *, unseen: bool = False) -> None:
    """Snapshot and timestamp for the targets as they are now. `unseen`: with versions that nobody can have seen or
    cached, for there may have been a hub before this one."""
    targets = newest(session, "targets")
    assert targets is not None
    at_least = int(hub.now() // 60) if unseen else 1  # nobody publishes once a minute since 1970
    snapshot = Snapshot(version=_next(session, "snapshot", at_least), expires=_in(hub, SNAPSHOT_DAYS))
    snapshot.meta["targets.json"] = MetaFile(version=targets.version)
    _sign(session, hub, "snapshot", snapshot)
    sign_timestamp(session, hub, at_least)
    _forget_old(session)


def sign_timestamp(session: Session, hub: Hub, at_least: int = 1) -> None:
    snapshot = newest(session, "snapshot")
    assert snapshot is not None
    timestamp = Timestamp(version=_next(session, "timestamp", at_least), expires=_in(hub, TIMESTAMP_DAYS))
    if held := _held(session):
        timestamp.unrecognized_fields[HELD] = held  # TUF metadata may have custom fields, which are signed too
    timestamp.snapshot_meta = MetaFile(version=snapshot.version)
    _sign(session, hub, "timestamp", timestamp)


def sign_when_due(hub: Hub) -> bool:
    """Every day, so that installations can tell that nothing newer is withheld."""
    with hub.database.write() as session:
        one_at_a_time(session)
        current = newest(session, "timestamp")
        if current is None or hub.now() - current.at < SIGN_AGAIN:
            return False
        sign(session, hub)
        return True


def _held(session: Session) -> dict[str, list[str]]:
    """Keys of releases that are held back, by app."""
    same = (Hold.app == PublishedRelease.app) & (Hold.version == PublishedRelease.version)
    query = select(Hold.app, PublishedRelease.key).join(PublishedRelease, same).where(Hold.ended.is_(None))
    found: dict[str, list[str]] = {}
    for app, key in session.execute(query.order_by(Hold.app, PublishedRelease.key)):
        found.setdefault(app, []).append(key)
    return found


def _sign(session: Session, hub: Hub, role: str, signed: Snapshot | Timestamp) -> None:
    root = newest(session, "root")
    assert root is not None
    signer = hub.keys.online_of(as_role(root.body, Root).roles[role].keyids)
    if signer is None:
        raise Conflict(
            "This hub does not have the online key that the vendor's root names, so it can sign nothing that customers "
            "would believe. Nothing was changed.",
            "The vendor names the key that is here: discode release init --hub URL --keys DIR",
            key="online-key",
        )
    metadata: Metadata[Any] = Metadata(signed)
    metadata.sign(signer)
    keep(session, role, signed.version, metadata.to_bytes(), hub.now())


def _next(session: Session, role: str, at_least: int) -> int:
    query = select(func.max(MetadataFile.version)).where(MetadataFile.role == role)
    return max((session.scalar(query) or 0) + 1, at_least)


def _in(hub: Hub, days: int) -> datetime:
    return datetime.fromtimestamp(int(hub.now()), UTC) + timedelta(days=days)


def _forget_old(session: Session) -> None:
    for role, kept in (("snapshot", KEPT_SNAPSHOTS), ("timestamp", 1), ("targets", KEPT_SNAPSHOTS)):
        last = newest(session, role)
        assert last is not None
        old = (MetadataFile.role == role, MetadataFile.version <= last.version - kept)
        session.execute(delete(MetadataFile).where(*old))
