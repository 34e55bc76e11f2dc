"""Stations, observations, job runs, source status, leases."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "stations",
        sa.Column("key", sa.Integer, primary_key=True),
        sa.Column("station_id", sa.Text(collation="C") if postgresql else sa.Text, nullable=False, unique=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("source", "name")),
        sa.Column("latitude", sa.Float(53), nullable=False),
        sa.Column("longitude", sa.Float(53), nullable=False),
        sa.Column("altitude_m", sa.Float(53)),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("kind", "operator", "timezone", "licence", "attribution")
        ),
    )
    op.create_table(
        "variables",
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "observations",
        sa.Column("station", sa.Integer, nullable=False),
        sa.Column("variable", sa.SmallInteger, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("period_s", sa.Integer, nullable=False),
        sa.Column("value", sa.Float(53), nullable=False),
        sa.Column("uncertainty", sa.Float(53)),
        sa.Column("coverage", sa.Float(53)),
        sa.Column("quality_flag", sa.SmallInteger, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("station", "variable", "time", "period_s"),
        sqlite_with_rowid=False,
    )
    if postgresql:
        op.create_index("observations_time", "observations", ["time"], postgresql_using="brin")
    _create_bookkeeping()


def _create_bookkeeping() -> None:
    op.create_table(
        "job_runs",
        sa.Column("product", sa.Text, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("started", sa.Float(53), nullable=False),
        sa.Column("finished", sa.Float(53)),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("product", "time"),
    )
    op.create_table(
        "source_status",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("last_attempt", sa.BigInteger, nullable=False),
        sa.Column("last_success", sa.BigInteger),
        sa.Column("last_data_time", sa.BigInteger),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("expires", sa.Float(53), nullable=False),
    )


def downgrade() -> None:
    """Undo."""
    for name in ("leases", "source_status", "job_runs", "observations", "variables", "stations"):
        op.drop_table(name)
