"""What trackers were found to read beside references."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "tracker_calibrations",
        sa.Column("device", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("fitted", sa.BigInteger, nullable=False),
        sa.Column("found", sa.JSON, nullable=False),
        sa.Column("refused", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("tracker_calibrations")
