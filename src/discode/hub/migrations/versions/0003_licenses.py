"""Who may read an app; licences and their seats."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"


def upgrade() -> None:
    op.create_table(
        "apps",
        sa.Column("slug", sa.String(40), nullable=False),
        sa.Column("access", sa.String(10), nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_apps"),
    )
    op.create_table(
        "licences",
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
        sa.PrimaryKeyConstraint("id", name="pk_licences"),
    )
    op.create_index("ix_licences_app", "licences", ["app"])
    op.create_table(
        "activations",
        sa.Column("licence", sa.String(16), nullable=False),
        sa.Column("installation", sa.String(32), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("seen", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name="fk_activations_licence"),
        sa.PrimaryKeyConstraint("licence", "installation", name="pk_activations"),
    )
