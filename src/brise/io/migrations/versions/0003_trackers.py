"""Personal trackers: owners, their keys, devices, samples, and what is shared."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MEASURED = (
    *("pm1", "pm25", "pm10", "no2", "no", "o3", "so2", "co", "nh3", "voc", "co2"),
    *("temperature", "relative_humidity", "pressure"),
)
_PLACE = ("latitude", "longitude", "accuracy_m", "speed_m_s", "altitude_m")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "tracker_owners",
        sa.Column("key", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "tracker_tokens",
        sa.Column("prefix", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("owner", sa.Integer, nullable=False, index=True),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "trackers",
        sa.Column("key", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("owner", sa.Integer, nullable=False, index=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("serial", sa.Text, unique=True),
        sa.Column("latitude", sa.Float(53)),
        sa.Column("longitude", sa.Float(53)),
        sa.Column("key_prefix", sa.Text, nullable=False, unique=True),
        sa.Column("key_digest", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "tracker_samples",
        sa.Column("device", sa.Integer, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("period_s", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Float(53)) for name in (*_PLACE, *_MEASURED)),
        sa.Column("reported", sa.JSON),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("flags", "suspect", "received_at")),
        sa.PrimaryKeyConstraint("device", "time"),
        sqlite_with_rowid=False,
    )
    _create_choices()


def _create_choices() -> None:
    op.create_table(
        "tracker_sharing",
        sa.Column("device", sa.Integer, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("end", sa.BigInteger),
        sa.PrimaryKeyConstraint("device", "start"),
    )
    op.create_table(
        "tracker_labels",
        sa.Column("device", sa.Integer, nullable=False),
        sa.Column("field", sa.Text, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("end", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("device", "field", "start"),
    )
    op.create_table(
        "tracker_places",
        sa.Column("owner", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        *(sa.Column(name, sa.Float(53), nullable=False) for name in ("latitude", "longitude", "radius_m")),
        sa.Column("indoor", sa.SmallInteger),
        sa.PrimaryKeyConstraint("owner", "name"),
    )
    op.create_table(
        "tracker_imports",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("device", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.BigInteger),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("report", sa.JSON),
    )
    op.create_index("tracker_imports_device", "tracker_imports", ["device"])


def downgrade() -> None:
    """Undo."""
    for name in (
        *("tracker_imports", "tracker_places", "tracker_labels", "tracker_sharing"),
        *("tracker_samples", "trackers", "tracker_tokens", "tracker_owners"),
    ):
        op.drop_table(name)
