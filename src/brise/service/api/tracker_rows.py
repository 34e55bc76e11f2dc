"""What a device sent, as rows of the store: every unit, range and time checked, every refusal named."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from brise.conventions.trackers import MEASURED
from brise.conventions.variables import VARIABLES
from brise.io.owners import Tracker
from brise.io.sources.rows import CLOCK_SKEW_S, EARLIEST, NAT, seconds, to_storage
from brise.io.tracker_samples import COLUMNS, SampleRow
from brise.service.api.errors import ParameterError

MAX_ROWS = 1_000
"""Of one push; a second of one device is one row."""

DEFAULT_PERIOD_S = 60
MAX_PERIOD_S = 86_400
MAX_REFUSALS = 100
"""Told one by one; the others are counted."""

_PLACE: dict[str, tuple[float, float]] = {
    "latitude": (-90, 90),
    "longitude": (-180, 180),
    "accuracy_m": (0, 1e6),
    "speed_m_s": (0, 400),
    "altitude_m": (-500, 20_000),
}
_AT = {name: position for position, name in enumerate(COLUMNS)}
_NOT_VALUES = frozenset({"time", "period_s"})
_EMPTY: list[Any] = [0 if name in ("flags", "suspect") else None for name in COLUMNS]

Limits = dict[str, tuple[int, float, float, float, float]]
"""Field -> position in COLUMNS, scale, offset, minimum, maximum."""


@dataclass(slots=True)
class Received:
    """What became of a push.

    Attributes:
        rows: To store.
        refused: The first refusals: position of the row in the push, field, reason.
        refusals: How many rows, or values of firmware, were refused.
        unknown: Fields that nobody knows; they are not kept.
    """

    rows: list[SampleRow] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    refusals: int = 0
    unknown: set[str] = field(default_factory=set)

    def refuse(self, row: int, name: str, reason: str) -> None:
        """Note one."""
        self.refusals += 1
        if len(self.refused) < MAX_REFUSALS:
            self.refused.append({"row": row, "field": name[:40], "reason": reason})


def _limits(units: tuple[tuple[str, str], ...]) -> Limits:
    given = dict(units)
    table: Limits = {name: (_AT[name], 1.0, 0.0, *span) for name, span in _PLACE.items()}
    for name in MEASURED:
        known = VARIABLES[name]
        linear = to_storage(name, given.pop(name, known.unit))
        if linear is None:
            raise ParameterError(f"units.{name}", dict(units)[name], f"a unit of {name}, such as {known.unit}")
        table[name] = (_AT[name], *linear, known.minimum, known.maximum)
    if given:
        raise ParameterError(f"units.{min(given)}", given[min(given)], f"one of {', '.join(MEASURED)}")
    return table


_kept_limits = lru_cache(maxsize=256)(_limits)


def limits_of(units: object) -> Limits:
    """What each field may hold, in the units that a push says it uses (else those of storage).

    Raises:
        ParameterError: A quantity is not one of ours, or a unit not one of it.
    """
    if units is None:
        return _kept_limits(())
    if not isinstance(units, dict) or not all(isinstance(one, str) and len(one) < 20 for one in units.values()):
        raise ParameterError("units", type(units).__name__, "an object: quantity -> unit")
    return _kept_limits(tuple(sorted(units.items())))


def read_push(body: object, tracker: Tracker, now: int) -> Received:
    """The rows of a push: `{"observations": [{"time": …, "pm25": …}], "units": {…}}`.

    Args:
        body: Decoded JSON.
        tracker: Whose; where it stands is the place of rows that name none.
        now: Seconds since 1970 UTC.

    Raises:
        ParameterError: It is no such push at all; single rows are refused in the result.
    """
    if not isinstance(body, dict) or not isinstance(body.get("observations"), list):
        raise ParameterError("observations", type(body).__name__, "an object with a list `observations`")
    listed, limits = body["observations"], limits_of(body.get("units"))
    if len(listed) > MAX_ROWS:
        raise ParameterError("observations", f"{len(listed)} rows", f"at most {MAX_ROWS}")
    strange = sorted(set(body) - {"observations", "units", "key"})
    if strange:
        raise ParameterError(strange[0], "", "observations and units")
    received = Received()
    for place, row in enumerate(listed):
        values = _row(place, row, limits, received, now)
        if values is not None:
            received.rows.append(_finished(values, tracker, now))
    return received


def _row(place: int, row: object, limits: Limits, received: Received, now: int) -> list[Any] | None:
    """One row in the order of COLUMNS, or None where it is refused."""
    if not isinstance(row, dict):
        received.refuse(place, "", "not_an_object")
        return None
    values = _EMPTY.copy()
    time, period = seconds(row.get("time")), row.get("period_s", DEFAULT_PERIOD_S)
    if time == NAT or not EARLIEST <= time <= now + CLOCK_SKEW_S:
        received.refuse(place, "time", "impossible_time")
        return None
    if not isinstance(period, int) or isinstance(period, bool) or not 0 < period <= MAX_PERIOD_S:
        received.refuse(place, "period_s", "impossible_period")
        return None
    values[1], values[2] = time, period
    found = False
    for name, value in row.items():
        if value is None or name in _NOT_VALUES:
            continue
        limit = limits.get(name)
        if limit is None:
            if len(received.unknown) < MAX_REFUSALS:
                received.unknown.add(name[:40])
            continue
        reason = put(values, limit, value)
        if reason:
            received.refuse(place, name, reason)
            return None
        found = True
    if not found or (values[_AT["latitude"]] is None) != (values[_AT["longitude"]] is None):
        received.refuse(place, "", "half_a_place" if found else "no_value")
        return None
    return values


def put(values: list[Any], limit: tuple[int, float, float, float, float], value: object) -> str:
    """Write a number into a row, in storage units; else say why not."""
    if not isinstance(value, float | int) or isinstance(value, bool):
        return "not_a_number"
    position, scale, offset, low, high = limit
    kept = value * scale + offset
    if not low <= kept <= high:
        return "out_of_range"
    values[position] = float(kept)
    return ""


def _finished(values: list[Any], tracker: Tracker, now: int) -> SampleRow:
    values[0], values[_AT["received_at"]] = tracker.key, now
    if values[_AT["latitude"]] is None:
        values[_AT["latitude"]], values[_AT["longitude"]] = tracker.latitude, tracker.longitude
    return tuple(values)


def read_firmware(
    measured: Mapping[str, tuple[float, str]], reported: Mapping[str, float], tracker: Tracker, at: tuple[int, int]
) -> Received:
    """One row of a device that cannot be asked to correct itself: what is right is kept, value by value.

    Args:
        measured: Our name -> value and unit.
        reported: What the device made of its measurements.
        tracker: Whose.
        at: End of the period, seconds since 1970 UTC, and its length in seconds.
    """
    received, values = Received(), _EMPTY.copy()
    values[1], values[2] = at
    for name, (value, unit) in measured.items():
        limit = _kept_limits(((name, unit),))[name]
        reason = put(values, limit, value) if math.isfinite(value) else "not_a_number"
        if reason:
            received.refuse(0, name, reason)
    if reported:
        values[_AT["reported"]] = json.dumps(dict(reported), separators=(",", ":"))
    if reported or any(values[_AT[name]] is not None for name in MEASURED):
        received.rows.append(_finished(values, tracker, at[0]))
    return received
