"""Signed metadata, files, and the releases of each app."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    op.create_table(
        "metadata_files",
        sa.Column("role", sa.String(12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("role", "version", name="pk_metadata_files"),
    )
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_blobs"),
    )
    op.create_table(
        "targets",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("app", sa.String(40), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("name", "sha256", name="pk_targets"),
    )
    op.create_index("ix_targets_app", "targets", ["app"])
    op.create_table(
        "releases",
        sa.Column("app", sa.String(40), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("key", sa.String(12), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("yanked", sa.String()),
        sa.Column("archive", sa.String(200)),
        sa.PrimaryKeyConstraint("app", "version", name="pk_releases"),
    )
