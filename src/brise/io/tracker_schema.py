"""The tables of personal trackers: who owns what, what was measured, what is shared.

They are apart from the public observations, and everything hangs on an owner: rows are only ever found through one.
Keys and tokens are kept as digests. Numbers of owners and trackers are never given twice, so that what is late for one
that was erased cannot fall to another.
"""

from sqlalchemy import JSON, BigInteger, Column, Float, Index, Integer, PrimaryKeyConstraint, SmallInteger, Table, Text

from brise.conventions.trackers import MEASURED
from brise.io.schema import METADATA

owners = Table(
    "tracker_owners",
    METADATA,
    Column("key", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

tokens = Table(
    "tracker_tokens",
    METADATA,
    Column("prefix", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("owner", Integer, nullable=False, index=True),
    Column("created", BigInteger, nullable=False),
)

trackers = Table(
    "trackers",
    METADATA,
    Column("key", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("owner", Integer, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("serial", Text, unique=True),
    Column("latitude", Float(53)),  # of a device that stays where it is
    Column("longitude", Float(53)),
    Column("key_prefix", Text, nullable=False, unique=True),
    Column("key_digest", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

PLACE = ("latitude", "longitude", "accuracy_m", "speed_m_s", "altitude_m")
samples = Table(
    "tracker_samples",
    METADATA,
    Column("device", Integer, nullable=False),
    Column("time", BigInteger, nullable=False),  # END of the period
    Column("period_s", Integer, nullable=False),
    *(Column(name, Float(53)) for name in (*PLACE, *MEASURED)),
    Column("reported", JSON),  # what the device made of its measurements, by name
    Column("flags", BigInteger, nullable=False),
    Column("suspect", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("device", "time"),
    sqlite_with_rowid=False,
)
"""No value, no row; a row without measurements is a fix of the position alone."""

sharing = Table(
    "tracker_sharing",
    METADATA,
    Column("device", Integer, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger),  # not included; none = from now on
    PrimaryKeyConstraint("device", "start"),
)

labels = Table(
    "tracker_labels",
    METADATA,
    Column("device", Integer, nullable=False),
    Column("field", Text, nullable=False),  # mode, surroundings
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("device", "field", "start"),
)

places = Table(
    "tracker_places",
    METADATA,
    Column("owner", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("latitude", Float(53), nullable=False),
    Column("longitude", Float(53), nullable=False),
    Column("radius_m", Float(53), nullable=False),
    Column("indoor", SmallInteger),
    PrimaryKeyConstraint("owner", "name"),
)

imports = Table(
    "tracker_imports",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("device", Integer, nullable=False),
    Column("state", Text, nullable=False),  # running, done, failed
    Column("created", BigInteger, nullable=False),
    Column("finished", BigInteger),
    Column("message", Text, nullable=False),
    Column("report", JSON),
)
Index("tracker_imports_device", imports.c.device)

calibrations = Table(
    "tracker_calibrations",
    METADATA,
    Column("device", Integer, primary_key=True, autoincrement=False),
    Column("fitted", BigInteger, nullable=False),  # when it was last tried
    Column("found", JSON, nullable=False),  # calibrations as formulas/calibration.py writes them
    Column("refused", JSON, nullable=False),  # variable -> why there is none
)
"""What a device was found to read beside references; learned of its samples, so it goes with them."""

OF_DEVICE = (samples, sharing, labels, imports, calibrations)
"""What goes with a tracker; `device` says which."""

OF_OWNER = (tokens, places)
"""What goes with an owner beside the trackers; `owner` says whose."""
