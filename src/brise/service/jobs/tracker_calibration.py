"""Calibrates trackers beside reference stations and the platform's map, once a day each, a few a turn."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from brise.conventions.errors import NotFoundError
from brise.conventions.observations import StationHours
from brise.io import cubes
from brise.io.analyses import read_analyses_at
from brise.io.tables import Tables
from brise.io.tracker_calibrations import Fitted
from brise.models.sensor_correction import CORRECTED
from brise.products.tracker_calibration import Hours, beside_stations, calibrate, outdoor_hours
from brise.products.tracker_table import trusted
from brise.service.jobs.analyse import PRODUCT
from brise.service.jobs.owner_exposure import told_by

log = logging.getLogger("brise.calibration")

EVERY = timedelta(days=1)
WINDOW = timedelta(days=60)
"""Hours looked at; what was learned of earlier ones stays."""

TURN_S = 5.0
"""Seconds of a turn, at most one tracker longer: the cycle has other things to do."""

AT_ONCE = 200
THIN_S = 60
"""One sample a minute is enough for a mean of an hour."""

MOST_SAMPLES = 100_000
TILE = 0.25
MOST_TILES = 8
"""Of so many degrees, the most visited first: no more of the network is read for one tracker."""

PAD = 0.03
"""Degrees around a tile: REACH_M at 48 degrees of latitude."""


@dataclass(frozen=True, slots=True)
class CalibrationJob:
    """What calibrates the trackers that are due.

    Attributes:
        products: Folder of all products.
    """

    products: Path

    def turn(self, tables: Tables, now: datetime) -> int:
        """Calibrate those due, for TURN_S.

        Returns:
            Trackers tried.

        Raises:
            StoreError: The store cannot serve now.
        """
        began, tried = time.monotonic(), 0
        for owner, device in tables.calibrations.due(int((now - EVERY).timestamp()), AT_ONCE):
            if tried and time.monotonic() - began > TURN_S:
                break
            try:
                calibrate_tracker(tables, self.products, (owner, device), now)
            except NotFoundError:
                continue  # erased meanwhile
            tried += 1
        return tried


def calibrate_tracker(tables: Tables, products: Path, mine: tuple[int, int], now: datetime) -> Fitted:
    """Fit one tracker to what it was near to, and keep that.

    Args:
        tables: The store.
        products: Folder of all products.
        mine: Numbers of the owner and of the tracker.
        now: The newest hour that counts.

    Raises:
        NotFoundError: The tracker has been erased.
        StoreError: The store cannot serve now.
    """
    owner, device = mine
    start, end = (int(moment.timestamp()) for moment in (now - WINDOW, now))
    make = next((one.model.lower() for one in tables.owners.trackers(owner) if one.key == device), "")
    samples = tables.samples.thinned(owner, device, (start, end), THIN_S, MOST_SAMPLES)
    before = tables.calibrations.of(owner, device)
    old = before.found if before else []
    if samples.empty:
        fitted = Fitted(int(now.timestamp()), old, {})
    else:
        hours = outdoor_hours(trusted(samples), told_by(tables, mine, "", end))
        stations = _stations(tables, hours, now)
        sides = {
            "a reference": lambda name: pd.concat([pd.Series(dtype=float), *(
                beside_stations(hours, one, name) for one in stations)]).groupby(level=0).first(),
            "the city's map": _map(products, hours),
        }  # fmt: skip
        fitted = Fitted(int(now.timestamp()), *calibrate(hours, sides, make or "unknown", old))
    tables.calibrations.keep(owner, device, fitted)
    log.info("calibrated a tracker: %d calibrations, %d quantities without", len(fitted.found), len(fitted.refused))
    return fitted


def _stations(tables: Tables, hours: Hours, now: datetime) -> list[StationHours]:
    """Reference stations around where the hours were, the most visited tiles first."""
    if hours.frame.empty:
        return []
    tiles = hours.frame[["latitude", "longitude"]].floordiv(TILE).value_counts().index[:MOST_TILES]
    names = [name for name in CORRECTED if name in hours.frame and name != "voc"]
    first = hours.frame["time"].iloc[0].to_pydatetime() - timedelta(hours=1)
    found = []
    for south, west in tiles:
        area = (south * TILE - PAD, west * TILE - 2 * PAD, (south + 1) * TILE + PAD, (west + 1) * TILE + 2 * PAD)
        found.append(tables.read_hours(names, first, now, kinds=("reference",), area=area))
    return found


def _map(products: Path, hours: Hours) -> Callable[[str], pd.Series]:
    """The map's hourly means where the tracker was, from domains that are not simulated."""
    series: dict[str, pd.Series] = {}
    frame = hours.frame
    cells = frame[["latitude", "longitude"]].round(2)
    for name, run in cubes.current(products, PRODUCT).items():
        if run.meta["simulated"] or frame.empty:
            continue
        inside = np.array([run.grid.cell(y, x) is not None for y, x in cells.itertuples(index=False)])
        points = list(dict.fromkeys(cells[inside].itertuples(index=False, name=None)))
        if not points:
            continue
        period = (frame["time"].iloc[0].to_pydatetime() - timedelta(hours=1), datetime.now(UTC))
        kept = read_analyses_at(products, PRODUCT, name, period, points)
        where = {point: place for place, point in enumerate(points)}
        column = [where.get(point, 0) for point in cells.itertuples(index=False, name=None)]
        at = pd.DatetimeIndex(kept["time"].to_numpy()).tz_localize("UTC").get_indexer(pd.DatetimeIndex(frame["time"]))
        known = inside & (at >= 0)
        for variable in (one for one in kept.data_vars if one in frame):
            values = np.where(known, kept[variable].to_numpy()[at, column], np.nan)
            told = pd.Series(values, index=pd.DatetimeIndex(frame["time"])).dropna()
            series[str(variable)] = told.combine_first(series.get(str(variable), told))
    return lambda name: series.get(name, pd.Series(dtype=float, index=pd.DatetimeIndex([], tz="UTC")))
