"""Images of accessories, by the apps whose releases name them. Releases from before have none."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0007", "0006"


def upgrade() -> None:
    op.create_table(
        "accessory_images",
        sa.Column("repository", sa.String(255), nullable=False),
        sa.Column("app", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("repository", "app", name="pk_accessory_images"),
    )
