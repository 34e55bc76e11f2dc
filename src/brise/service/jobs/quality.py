"""Quality control of what is stored: flags on rows, nothing deleted."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from brise.conventions.observations import Flag, StationHours
from brise.formulas.quality_control import assess
from brise.io.tables import Tables

CONTEXT = timedelta(hours=48)
"""What the tests look back on: longer than any of them needs."""

UNSETTLED = timedelta(hours=6)
"""A flag may still change while the hours after it arrive; then it stays."""

BLOCK = timedelta(days=30)
"""How much history is judged at once."""

CHECKED = ("pm1", "pm25", "pm10", "no2", "no", "o3", "so2", "co", "temperature", "relative_humidity", "pressure")


def check_recent(tables: Tables, now: datetime) -> int:
    """Judge the newest hours with what is known now.

    Returns:
        Rows whose flag changed.
    """
    hours = tables.read_raw_hours(CHECKED, now - CONTEXT, now, received_by=now)
    return tables.flag_hours(_flags(hours, after=now - UNSETTLED, everything=True))


def check_history(tables: Tables, start: datetime, end: datetime) -> int:
    """Judge a long past, block by block; only what is suspect or failed is written.

    Returns:
        Rows whose flag changed.
    """
    changed = 0
    while start < end:
        stop = min(start + BLOCK, end)
        hours = tables.read_raw_hours(CHECKED, start - CONTEXT, stop, received_by=end)
        changed += tables.flag_hours(_flags(hours, after=start, everything=False))
        start = stop
    return changed


def _flags(hours: StationHours, after: datetime, everything: bool) -> pd.DataFrame:
    """`station_id, variable, time, quality_flag` of the hours that end after `after` and hold a value."""
    rows = hours.time > np.datetime64(after.replace(tzinfo=None), "s")
    frames = []
    for name, values in hours.values.items():
        flags = assess(values, hours.latitude, hours.longitude, name)[rows]
        chosen = np.isfinite(values[rows]) & (flags != Flag.NOT_EVALUATED)
        if not everything:
            chosen &= flags >= Flag.SUSPECT
        hour, station = np.nonzero(chosen)
        frames.append(
            pd.DataFrame(
                {
                    "station_id": hours.station_id[station],
                    "variable": name,
                    "time": hours.time[rows][hour],
                    "quality_flag": flags[hour, station],
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
