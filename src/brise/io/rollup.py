"""Settled hours of sources that report several times an hour: one row instead of many, and the same hourly mean."""

import math
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Select,
    case,
    cast,
    delete,
    exists,
    func,
    literal,
    null,
    select,
)

from brise.conventions.observations import Flag
from brise.io.hours import CIRCULAR, HOUR_S
from brise.io.schema import observations

_COLUMNS = [column.name for column in observations.c]


def roll_up(
    connection: Connection,
    insert: Any,
    stations: Collection[int],
    variables: dict[str, int],
    span: tuple[int, int],
    received_by: int,
) -> int:
    """Replace the usable rows of each hour by their hourly mean; where an hourly row is, it stays and they go.

    Rows flagged suspect or failed stay as they are, and so does an hour whose hourly row is flagged so, or some of
    whose rows we did not have yet.

    Args:
        connection: In a transaction that writes.
        insert: The dialect's INSERT.
        stations: Their keys.
        variables: Names and ids.
        span: From `whole_hours`.
        received_by: Only hours all of whose rows we had by then, epoch seconds.

    Returns:
        Rows that are no longer there.
    """
    if connection.dialect.name == "sqlite":
        _teach_angles(connection.connection.driver_connection)
    end = span[0] + span[1] * HOUR_S
    circular = [number for name, number in variables.items() if name in CIRCULAR]
    plain = [number for name, number in variables.items() if name not in CIRCULAR]
    for numbers, mean in ((plain, _mean()), (circular, _direction())):
        hourly = _hourly(_usable(stations, numbers, (span[0], end)), mean, received_by)
        connection.execute(insert(observations).from_select(_COLUMNS, hourly).on_conflict_do_nothing())
    return _forget(connection, _usable(stations, list(variables.values()), (span[0], end)))


def _teach_angles(driver: Any) -> None:
    """SQLite may have been built without these."""
    for name in ("sin", "cos", "radians", "degrees"):
        driver.create_function(name, 1, getattr(math, name))
    driver.create_function("atan2", 2, math.atan2)


def _forget(connection: Connection, usable: list[ColumnElement[bool]]) -> int:
    """Delete the rows whose hour has a usable hourly row."""
    o, kept = observations.c, observations.alias().c
    there = exists().where(
        kept.station == o.station,
        kept.variable == o.variable,
        kept.time == _hour(o.time),
        kept.period_s == HOUR_S,
        kept.quality_flag <= int(Flag.NOT_EVALUATED),
    )
    return connection.execute(delete(observations).where(*usable, there)).rowcount


def _usable(stations: Collection[int], variables: Sequence[int], between: tuple[int, int]) -> list[ColumnElement[bool]]:
    o = observations.c
    return [
        o.station.in_(stations),
        o.variable.in_(variables),
        o.time > between[0],
        o.time <= between[1],
        o.period_s < HOUR_S,
        o.quality_flag <= int(Flag.NOT_EVALUATED),
    ]


def _hourly(usable: list[ColumnElement[bool]], mean: ColumnElement[Any], received_by: int) -> Select[Any]:
    """One row for each station, variable and hour, in the order of the table's columns."""
    o = observations.c
    measured = func.sum(o.period_s)
    values: dict[str, ColumnElement[Any]] = {
        "station": o.station,
        "variable": o.variable,
        "time": _hour(o.time),
        "period_s": literal(HOUR_S),
        "value": mean,
        "uncertainty": cast(null(), Float(53)),
        "coverage": case((measured < HOUR_S, cast(measured, Float(53)) / float(HOUR_S)), else_=1.0),
        "quality_flag": func.max(o.quality_flag),
        "received_at": func.max(o.received_at),
    }
    return (
        select(*(values[name].label(name) for name in _COLUMNS))
        .where(*usable)
        .group_by(o.station, o.variable, values["time"])
        .having(func.max(o.received_at) <= received_by)
    )


def _hour(time: ColumnElement[int]) -> ColumnElement[int]:
    """END of the hour in which a period ended."""
    return time + (HOUR_S - 1) - (time + (HOUR_S - 1)) % HOUR_S


def _mean() -> ColumnElement[Any]:
    o = observations.c
    return func.sum(o.period_s * o.value) / cast(func.sum(o.period_s), Float(53))


def _direction() -> ColumnElement[Any]:
    """Degrees of the mean unit vector, 0 to 360."""
    o = observations.c
    angle = func.radians(o.value)
    degrees = func.degrees(func.atan2(func.sum(o.period_s * func.sin(angle)), func.sum(o.period_s * func.cos(angle))))
    return case((degrees < 0, degrees + 360.0), else_=degrees)
