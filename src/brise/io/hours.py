"""Hourly means of a network, straight from the rows of the store."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Float, cast, select

from brise.conventions.errors import InputError
from brise.conventions.observations import Flag, StationHours
from brise.io import bulk
from brise.io.schema import observations, stations

HOUR_S = 3600

_PERIODS = 4096  # more than the seconds of an hour: time and period travel as one number

CIRCULAR = ("wind_from_direction",)
"""Variables averaged as unit vectors."""

_PLACE = ("station_id", "latitude", "longitude", "altitude_m")


def whole_hours(start: int, end: int) -> tuple[int, int]:
    """Where the first whole hour after `start` begins, and how many fit before `end`, epoch seconds.

    Raises:
        InputError: None fits.

    >>> whole_hours(1800, 11000)
    (3600, 2)
    """
    first = -(-start // HOUR_S) * HOUR_S
    count = end // HOUR_S - first // HOUR_S
    if count < 1:
        raise InputError(f"no whole hour lies between {start} and {end} (epoch seconds)")
    return first, count


def read(
    connection: Connection,
    numbers: dict[str, int],
    span: tuple[int, int],
    received_by: int | None,
    chosen: Sequence[ColumnElement[bool]],
    worst: Flag,
) -> StationHours:
    """Hourly means of the stations that measured anything.

    Args:
        connection: In a transaction.
        numbers: Variables wanted and their ids.
        span: From `whole_hours`.
        received_by: Only rows that we had by then, epoch seconds.
        chosen: Which stations.
        worst: Rows with a worse flag never count.

    Returns:
        T hours, S stations in order of station_id.
    """
    first, count = span
    query = select(stations.c.key, *(stations.c[name] for name in _PLACE)).where(*chosen)
    found = connection.execute(query.order_by(stations.c.station_id)).all()
    places = pd.DataFrame(map(tuple, found), columns=["key", *_PLACE])
    keys = places["key"].to_numpy(np.int64)
    values, measured = {}, np.zeros(len(keys), bool)
    for name, number in numbers.items():
        rows = _rows(connection, number, span, received_by, chosen, worst)
        values[name] = _means(rows, keys, count, circular=name in CIRCULAR)
        measured |= ~np.isnan(values[name]).all(axis=0)
    return StationHours(
        (first + HOUR_S * np.arange(1, count + 1)).astype("datetime64[s]"),
        places["station_id"].to_numpy(str),
        latitude=places["latitude"].to_numpy(np.float64),
        longitude=places["longitude"].to_numpy(np.float64),
        altitude_m=places["altitude_m"].to_numpy(np.float64),
        values=values,
    ).stations(measured)


def _rows(
    connection: Connection,
    number: int,
    span: tuple[int, int],
    received_by: int | None,
    chosen: Sequence[ColumnElement[bool]],
    worst: Flag,
) -> NDArray[np.float64]:
    """(rows, 3): station key; seconds since the span began times _PERIODS, plus the period; value."""
    o, first = observations.c, span[0]
    wanted = [
        o.station.in_(select(stations.c.key).where(*chosen)),
        o.variable == number,
        o.time > first,
        o.time <= first + span[1] * HOUR_S,
        o.period_s <= HOUR_S,
        o.quality_flag <= int(worst),
    ]
    if received_by is not None:
        wanted.append(o.received_at <= received_by)
    when = (o.time - first) * _PERIODS + o.period_s
    return bulk.fetch(connection, select(cast(o.station, Float(53)), cast(when, Float(53)), o.value).where(*wanted))


def _means(rows: NDArray[np.float64], keys: NDArray[np.int64], count: int, *, circular: bool) -> NDArray[np.float32]:
    """(T, S) means weighted by period; NaN where no row is."""
    order = np.argsort(keys)
    column = order[np.searchsorted(keys, rows[:, 0], sorter=order)] if len(rows) else np.empty(0, np.int64)
    seconds, period = np.divmod(rows[:, 1].astype(np.int64), _PERIODS)
    cell = (-(-seconds // HOUR_S) - 1) * len(keys) + column

    def total(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(cell, weights, count * len(keys)).reshape(count, len(keys)).astype(np.float64, copy=False)

    weight = total(period.astype(np.float64))
    known = weight > 0
    mean = np.full(weight.shape, np.nan, np.float32)
    if circular:
        angle = np.radians(rows[:, 2])
        direction = np.degrees(np.arctan2(total(period * np.sin(angle)), total(period * np.cos(angle)))) % 360.0
        mean[known] = direction[known]
    else:
        mean[known] = total(period * rows[:, 2])[known] / weight[known]
    return mean
