"""The tables of licenses and seats, spelled `license`.

They are created again and filled from the old ones: renaming would keep the old names of keys and indexes, which
SQLite cannot change.
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"


def upgrade() -> None:
    _create_licenses()
    op.execute(f"INSERT INTO licenses ({_LICENSE}) SELECT {_LICENSE} FROM licences")
    op.execute("CREATE TABLE activations_before AS SELECT licence AS license, installation, at, seen FROM activations")
    op.drop_table("activations")
    op.drop_table("licences")
    _create_activations()
    op.execute(f"INSERT INTO activations ({_SEAT}) SELECT {_SEAT} FROM activations_before")
    op.drop_table("activations_before")


_LICENSE = "id, hash, app, customer, channels, seats, lease_days, created, expires, revoked, reason"
_SEAT = "license, installation, at, seen"


def _create_licenses() -> None:
    op.create_table(
        "licenses",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("app", sa.String(40), nullable=False),
        sa.Column("customer", sa.String(100), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("lease_days", sa.Integer(), nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("expires", sa.Float(53)),
        sa.Column("revoked", sa.Float(53)),
        sa.Column("reason", sa.String(500)),
        sa.PrimaryKeyConstraint("id", name="pk_licenses"),
    )
    op.create_index("ix_licenses_app", "licenses", ["app"])


def _create_activations() -> None:
    op.create_table(
        "activations",
        sa.Column("license", sa.String(16), nullable=False),
        sa.Column("installation", sa.String(32), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("seen", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(["license"], ["licenses.id"], name="fk_activations_license"),
        sa.PrimaryKeyConstraint("license", "installation", name="pk_activations"),
    )
