"""Fire simulations, and the hotspots that satellites see."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "fire_simulations",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("share", sa.Text, nullable=False, unique=True),
        sa.Column("listed", sa.SmallInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("client", "state", "stage")),
        sa.Column("progress", sa.Float(53), nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("attempts", sa.SmallInteger, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("lease_until", sa.Float(53)),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("started", sa.Float(53)),
        sa.Column("finished", sa.Float(53)),
        sa.Column("expires", sa.Float(53), nullable=False),
    )
    op.create_index("fire_simulations_state", "fire_simulations", ["state", "created"])
    op.create_table(
        "hotspots",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("source", "satellite")),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("latitude", sa.Float(53), nullable=False),
        sa.Column("longitude", sa.Float(53), nullable=False),
        sa.Column("instrument", sa.Text, nullable=False),
        sa.Column("confidence", sa.Text, nullable=False),
        *(sa.Column(name, sa.Float(53)) for name in ("brightness_k", "power_mw", "pixel_m")),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("source", "time", "satellite", "latitude", "longitude"),
    )


def downgrade() -> None:
    """Undo."""
    for name in ("hotspots", "fire_simulations"):
        op.drop_table(name)
