"""The tables. Times are Unix time in seconds."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, Index, LargeBinary, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Systematic names, so that a migration can refer to a constraint on every database.
_NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=_NAMING)
    type_annotation_map = {list[str]: JSON, dict[str, Any]: JSON, float: Float(53)}  # noqa: RUF012 - SQLAlchemy's own


class ApiToken(Base):
    """A vendor's token; `hash` is the SHA-256 of its secret part, which is random enough to need no salt."""

    __tablename__ = "api_tokens"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    hash: Mapped[str] = mapped_column(String(64))
    label: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[list[str]]
    created: Mapped[float]
    expires: Mapped[float | None]
    revoked: Mapped[float | None]


class AuditEntry(Base):
    """One change: who did what to what. Never contains a secret."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_at", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[float]
    actor: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(200))
    detail: Mapped[dict[str, Any]]


class MetadataFile(Base):
    """Signed metadata as received or as signed here. Old versions of snapshot and timestamp are deleted."""

    __tablename__ = "metadata_files"

    role: Mapped[str] = mapped_column(String(12), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[float]


class Blob(Base):
    """A file in storage that is published or about to be."""

    __tablename__ = "blobs"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    length: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[float]


class Target(Base):
    """What the signed targets name, or named before: readers in progress still ask for an index that has changed."""

    __tablename__ = "targets"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    app: Mapped[str] = mapped_column(String(40), index=True)
    at: Mapped[float]


class PublishedRelease(Base):
    """An entry of an app's signed index, for queries. `archive` is a target's name."""

    __tablename__ = "releases"

    app: Mapped[str] = mapped_column(String(40), primary_key=True)
    version: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(12))
    channels: Mapped[list[str]]
    yanked: Mapped[str | None] = mapped_column(String)
    archive: Mapped[str | None] = mapped_column(String(200))
    rollout: Mapped[dict[str, Any] | None]


class AccessoryImage(Base):
    """An image that releases of an app have beside them: whoever may have the app may pull it. `repository` with its
    registry's host, as the signed manifests have it."""

    __tablename__ = "accessory_images"

    repository: Mapped[str] = mapped_column(String(255), primary_key=True)
    app: Mapped[str] = mapped_column(String(40), primary_key=True)


class App(Base):
    """`access`: licensed (the default), or public: everybody may read its releases."""

    __tablename__ = "apps"

    slug: Mapped[str] = mapped_column(String(40), primary_key=True)
    access: Mapped[str] = mapped_column(String(10))


class License(Base):
    """`hash` as for an API token. No `channels` means all. `lease_days`: how long a lease is valid without the hub."""

    __tablename__ = "licenses"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    hash: Mapped[str] = mapped_column(String(64))
    app: Mapped[str] = mapped_column(String(40), index=True)
    customer: Mapped[str] = mapped_column(String(100))
    channels: Mapped[list[str]]
    seats: Mapped[int]
    lease_days: Mapped[int]
    created: Mapped[float]
    expires: Mapped[float | None]
    revoked: Mapped[float | None]
    reason: Mapped[str | None] = mapped_column(String(500))


class Activation(Base):
    """A seat in use. `installation` is a random id that the installation chose."""

    __tablename__ = "activations"

    license: Mapped[str] = mapped_column(ForeignKey("licenses.id"), primary_key=True)
    installation: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[float]
    seen: Mapped[float]


class Hold(Base):
    """A release that the hub holds back, or held back until `ended`; earlier reports do not halt it again."""

    __tablename__ = "holds"

    app: Mapped[str] = mapped_column(String(40), primary_key=True)
    version: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[float]
    ended: Mapped[float | None]
    by: Mapped[str] = mapped_column(String(100))
    reason: Mapped[str] = mapped_column(String(500))


class Report(Base):
    """The outcome of an update at an installation that agreed to report it. The newest for each version counts.

    `seat`: a pseudonym of the license's seat that it came with (see seats.py), without which it halts nothing.
    """

    __tablename__ = "reports"

    app: Mapped[str] = mapped_column(String(40), primary_key=True)
    installation: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[float]
    serves: Mapped[str | None] = mapped_column(String(64))
    before: Mapped[str | None] = mapped_column(String(64))
    flow: Mapped[str] = mapped_column(String(20))
    outcome: Mapped[str] = mapped_column(String(20))
    seconds: Mapped[dict[str, Any]]
    seat: Mapped[str | None] = mapped_column(String(64), index=True)
