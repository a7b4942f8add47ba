"""Rollouts: ramps, holds, and reported outcomes of updates."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"


def upgrade() -> None:
    op.add_column("releases", sa.Column("rollout", sa.JSON()))
    op.create_table(
        "holds",
        sa.Column("app", sa.String(40), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("ended", sa.Float(53)),
        sa.Column("by", sa.String(100), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("app", "version", name="pk_holds"),
    )
    op.create_table(
        "reports",
        sa.Column("app", sa.String(40), nullable=False),
        sa.Column("installation", sa.String(32), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("serves", sa.String(64)),
        sa.Column("before", sa.String(64)),
        sa.Column("flow", sa.String(20), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("seconds", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("app", "installation", "version", name="pk_reports"),
    )
