"""The seat behind a report, under a pseudonym. Reports from before have none, so they no longer halt a rollout."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0006", "0005"


def upgrade() -> None:
    op.add_column("reports", sa.Column("seat", sa.String(64)))
    op.create_index("ix_reports_seat", "reports", ["seat"])
