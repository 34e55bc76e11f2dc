"""The newest trusted measurements of a few stations."""

import logging
from collections.abc import Collection

import pandas as pd

from brise.conventions.errors import StoreError
from brise.conventions.observations import Flag
from brise.conventions.variables import POLLUTANTS
from brise.service.api.current import FRESH_SECONDS, Reading, Readings
from brise.service.api.dependencies import Store

LOG = logging.getLogger(__name__)

LONGEST_PERIOD_S = 3600
TRUSTED_FLAGS = (int(Flag.PASS), int(Flag.NOT_EVALUATED))


def fresh_readings(store: Store, stations: Collection[str], now: int) -> tuple[Readings, str]:
    """What these stations measured within the last two hours; and a note where the tables cannot be read.

    A database that is away degrades the answer to what the published run holds; it does not stop it.
    """
    if not stations:
        return {}, ""
    try:
        frame = store.tables().latest(names=POLLUTANTS, ids=stations)
    except StoreError as error:
        LOG.warning("current: without measurements: %s", error)
        return {}, "measurements cannot be read at the moment; every value is modelled"
    return readings_of(frame, now), ""


def readings_of(frame: pd.DataFrame, now: int) -> Readings:
    """The fresh, trusted rows of newest observations, by station and variable."""
    out: dict[str, dict[str, Reading]] = {}
    times = frame["time"].astype("int64")
    fresh = (times <= now) & (times >= now - FRESH_SECONDS)
    trusted = frame["quality_flag"].isin(TRUSTED_FLAGS) & (frame["period_s"] <= LONGEST_PERIOD_S)
    for row, time in zip(frame[fresh & trusted].to_dict("records"), times[fresh & trusted], strict=True):
        reading = Reading(row["value"], row["uncertainty"], int(time), int(row["period_s"]))
        out.setdefault(row["station_id"], {})[row["variable"]] = reading
    return out
