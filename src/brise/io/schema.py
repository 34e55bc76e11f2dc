"""The store's tables, and the one place that says how a row is laid out.

Times are epoch seconds UTC, so that SQLite and PostgreSQL hold and compare the same integers. Observations are kept in
the order of their key (station, variable, time, period): a station's history is one range, and "all stations, last
hours" is one short range per station, so one tree serves both and nothing else has to be kept up to date on the way in.
"""

from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)

from brise.conventions.errors import InputError

METADATA = MetaData()

SORTED_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that both databases sort by code point, so that pages come in the same order."""

stations = Table(
    "stations",
    METADATA,
    Column("key", Integer, primary_key=True),
    Column("station_id", SORTED_TEXT, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("latitude", Float(53), nullable=False),
    Column("longitude", Float(53), nullable=False),
    Column("altitude_m", Float(53)),
    Column("kind", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("licence", Text, nullable=False),
    Column("attribution", Text, nullable=False),
)

variables = Table(
    "variables",
    METADATA,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
)

observations = Table(
    "observations",
    METADATA,
    Column("station", Integer, nullable=False),
    Column("variable", SmallInteger, nullable=False),
    Column("time", BigInteger, nullable=False),  # END of the period
    Column("period_s", Integer, nullable=False),
    Column("value", Float(53), nullable=False),
    Column("uncertainty", Float(53)),
    Column("coverage", Float(53)),
    Column("quality_flag", SmallInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("station", "variable", "time", "period_s"),
    sqlite_with_rowid=False,
)

# Rows arrive in order of time, so PostgreSQL finds the newest blocks from a few bytes each.
Index("observations_time", observations.c.time, postgresql_using="brin").ddl_if(dialect="postgresql")

job_runs = Table(
    "job_runs",
    METADATA,
    Column("product", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("started", Float(53), nullable=False),
    Column("finished", Float(53)),
    Column("message", Text, nullable=False),
    Column("counts", JSON, nullable=False),
    PrimaryKeyConstraint("product", "time"),
)

source_status = Table(
    "source_status",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("last_attempt", BigInteger, nullable=False),
    Column("last_success", BigInteger),
    Column("last_data_time", BigInteger),
    Column("last_error", Text, nullable=False),
    Column("counts", JSON, nullable=False),
)

leases = Table(
    "leases",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("expires", Float(53), nullable=False),
)

fire_simulations = Table(
    "fire_simulations",
    METADATA,
    Column("id", Text, primary_key=True),  # cannot be guessed: whoever knows it may read, cancel and delete
    Column("share", Text, nullable=False, unique=True),  # whoever knows this one may read
    Column("listed", SmallInteger, nullable=False),  # 1 = its share is in the public list
    Column("client", Text, nullable=False),  # digest of who asked, for the limits a client
    Column("state", Text, nullable=False),  # queued, running, done, failed, cancelled
    Column("stage", Text, nullable=False),
    Column("progress", Float(53), nullable=False),
    Column("request", JSON, nullable=False),
    Column("message", Text, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("owner", Text, nullable=False),  # the worker that runs it, else ""
    Column("lease_until", Float(53)),
    Column("created", Float(53), nullable=False),
    Column("started", Float(53)),
    Column("finished", Float(53)),
    Column("expires", Float(53), nullable=False),
)
Index("fire_simulations_state", fire_simulations.c.state, fire_simulations.c.created)

hotspots = Table(
    "hotspots",
    METADATA,
    Column("source", Text, nullable=False),
    Column("satellite", Text, nullable=False),
    Column("time", BigInteger, nullable=False),  # when the satellite passed
    Column("latitude", Float(53), nullable=False),
    Column("longitude", Float(53), nullable=False),
    Column("instrument", Text, nullable=False),
    Column("confidence", Text, nullable=False),  # low, nominal, high, or "" = not said
    Column("brightness_k", Float(53)),
    Column("power_mw", Float(53)),
    Column("pixel_m", Float(53)),
    Column("received_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("source", "time", "satellite", "latitude", "longitude"),
)


def epoch(time: datetime) -> int:
    """Epoch seconds of a time, fractions dropped.

    Raises:
        InputError: The time has no zone, so that it could be any of several instants.

    >>> from datetime import UTC
    >>> epoch(datetime(2018, 2, 6, tzinfo=UTC))
    1517875200
    """
    if time.tzinfo is None:
        raise InputError(f"time {time} has no zone; give it in UTC")
    return int(time.timestamp() // 1)
