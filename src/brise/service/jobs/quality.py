"""Quality control of what is stored: flags on rows, nothing deleted."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from brise.conventions.observations import RAW, Flag, StationHours
from brise.formulas.quality_control import assess
from brise.io.tables import Tables

CONTEXT = timedelta(hours=48)
"""What the tests look back on: longer than any of them needs."""

UNSETTLED = timedelta(hours=6)
"""A flag may still change while the hours after it arrive; then it stays."""

BLOCK = timedelta(days=30)
"""How much history is judged at once."""

JUDGED_KINDS = ("reference", "low_cost", "weather", "mobile", "simulated")
"""A model's values are neither judged nor neighbours to judge by."""

CHECKED = ("pm1", "pm25", "pm10", "no2", "no", "o3", "so2", "co", "temperature", "relative_humidity", "pressure")


def check_recent(tables: Tables, now: datetime) -> int:
    """Judge the newest hours with what is known now; of older ones what came too late to be judged with its hour.

    Returns:
        Rows whose flag changed.
    """
    settled = now - UNSETTLED
    frame = _flags(_raw_hours(tables, now - CONTEXT, now, now), now - CONTEXT, settled)
    late = frame["time"].to_numpy() <= _utc(settled)
    return tables.flag_hours(frame[~late]) + tables.flag_hours(frame[late], unjudged=True)


def check_history(tables: Tables, start: datetime, end: datetime) -> int:
    """Judge a long past, block by block; only what is suspect or failed is written.

    Returns:
        Rows whose flag changed.
    """
    changed = 0
    while start < end:
        stop = min(start + BLOCK, end)
        changed += tables.flag_hours(_flags(_raw_hours(tables, start - CONTEXT, stop, end), start, stop))
        start = stop
    return changed


def _raw_hours(tables: Tables, start: datetime, end: datetime, now: datetime) -> StationHours:
    """What is to be judged: no models, and no uncorrected values, whose decoders have judged them."""
    hours = tables.read_raw_hours(CHECKED, start, end, received_by=now, kinds=JUDGED_KINDS)
    return hours.stations(np.array([RAW not in name for name in hours.station_id.tolist()], bool))


def _utc(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "s")


def _flags(hours: StationHours, after: datetime, settled: datetime) -> pd.DataFrame:
    """`station_id, variable, time, quality_flag` of the hours that end after `after` and hold a value.

    Of hours that end at or before `settled`, only what is suspect or failed.
    """
    rows = hours.time > _utc(after)
    fresh = (hours.time[rows] > _utc(settled))[:, None]
    frames = []
    for name, values in hours.values.items():
        flags = assess(values, hours.latitude, hours.longitude, name)[rows]
        chosen = np.isfinite(values[rows]) & (flags != Flag.NOT_EVALUATED) & (fresh | (flags >= Flag.SUSPECT))
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
