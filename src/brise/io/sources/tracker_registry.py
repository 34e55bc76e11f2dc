"""Every way of writing a tracker's table: one file each, one line here; the first that recognises a table reads it."""

from brise.io.sources import (
    tracker_aircasting,
    tracker_airgradient,
    tracker_atmotube,
    tracker_columns,
    tracker_flow,
    tracker_purpleair,
    tracker_sensor_community,
)
from brise.io.sources.tracker_dialect import Dialect

DIALECTS: dict[str, Dialect] = {
    "flow": tracker_flow.DIALECT,
    "aircasting": tracker_aircasting.DIALECT,
    "atmotube": tracker_atmotube.DIALECT,
    "purpleair": tracker_purpleair.DIALECT,
    "airgradient": tracker_airgradient.DIALECT,
    "sensor_community": tracker_sensor_community.DIALECT,
    "table": tracker_columns.DIALECT,
}
"""`table` takes whatever states its own units, so it stays last."""
