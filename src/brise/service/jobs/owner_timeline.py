"""A tracker's time, sample by sample: raw and corrected, an index, and what the wearer did."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.conventions.errors import InputError, NotFoundError
from brise.conventions.trackers import MEASURED, flag_names, measured, suspect_bit
from brise.conventions.variables import VARIABLES
from brise.formulas.indices.index import category
from brise.formulas.indices.registry import INDICES
from brise.io.owners import Owner, Tracker
from brise.io.tables import Tables
from brise.models.sensor_correction import Corrected, correct
from brise.products.personal_exposure import AIR, Told, stretches
from brise.products.tracker_table import INSTANT, MEMORY_S, hourly_indices, instant_indices, trusted

MOST_SAMPLES = 250_000
"""Read for one answer: a day at one a second with the hours that an index looks back on."""

LONGEST_S = 2 * 86_400 + 7_200
STEP_S = 60
"""Told at most once in so many seconds."""

DECIMALS = 3
PLACE_DECIMALS = 6
PEOPLE_UNITS = {"ug m-3": "µg/m³"}


def owner_timeline(
    tables: Tables, owner: Owner, tracker: Tracker, period: tuple[int, int], ask: tuple[str, Told]
) -> dict[str, Any]:
    """Samples of start < time ≤ end, at most two days.

    Args:
        tables: The store.
        owner: Whose.
        tracker: Theirs.
        period: Seconds since 1970 UTC.
        ask: Name of an index, and what the owner says of their time.

    Raises:
        NotFoundError: Nothing was measured then.
        InputError: The period is too long, or there are too many samples.
    """
    start, end = period
    if not 0 < end - start <= LONGEST_S:
        raise InputError(f"a timeline is of at most two days and more than none; got {end - start} s")
    samples = tables.samples.read(owner.key, tracker.key, start - MEMORY_S, end, MOST_SAMPLES + 1)
    if len(samples) > MOST_SAMPLES:
        raise InputError(f"more than {MOST_SAMPLES:,} samples; ask for a shorter period")
    time = samples["time"].astype("int64").to_numpy()
    inside = np.flatnonzero(time > start)
    if not len(inside):
        raise NotFoundError("nothing was measured within this period")
    name, told = ask
    clean = trusted(samples)
    own = tables.calibrations.found(owner.key, tracker.key)
    corrected = correct(clean, own, tracker.model.lower() or "unknown")
    best = clean.assign(**{one: corrected.values[one] for one in corrected.values.columns})
    value, code = _index(name, best, clean)
    minute = -(-time[inside] // STEP_S)
    rows = inside[np.r_[minute[1:] != minute[:-1], True]]
    whole = stretches(best.iloc[inside].reset_index(drop=True), told)
    return whole | {
        "tracker": tracker.id,
        "index": name,
        "period_s": max(int(samples["period_s"].iloc[-1]), STEP_S if len(rows) < len(inside) else 0),
        "columns": _columns(samples.iloc[rows]) | {"value": _plain(value[rows], 1), "category": code[rows].tolist()},
        "corrections": corrected.names,
        "variables": _variables(samples, corrected, rows),
    }


def _index(name: str, best: pd.DataFrame, clean: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """(N,) value, NaN where it has none or is unknown, and (N,) position of the band, -1 unknown."""
    index, names = INDICES[name], [one for one in AIR if one in best]
    nothing = np.full(len(best), np.nan)
    if name in INSTANT:
        value = instant_indices(clean, names).get(name, nothing)
        return value, category(value, index.bands)
    values = {one: best[one].to_numpy(float) for one in names}
    found = hourly_indices(
        best["time"].astype("int64").to_numpy(np.int64), values, int(best["period_s"].iloc[0]), names
    )
    value = found.get(name, nothing)
    if index.has_value:
        return value, category(value, index.bands)
    return nothing, np.asarray(np.nan_to_num(value, nan=0.0) - 1, np.int8)


def _columns(samples: pd.DataFrame) -> dict[str, list[Any]]:
    flags, suspect = samples["flags"].to_numpy(), samples["suspect"].to_numpy()
    return {
        "time": samples["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ").tolist(),
        "latitude": _plain(samples["latitude"].to_numpy(), PLACE_DECIMALS),
        "longitude": _plain(samples["longitude"].to_numpy(), PLACE_DECIMALS),
        "flags": [flag_names(int(one)) for one in flags],
        "suspect": ["|".join(v for v in MEASURED if int(one) & suspect_bit(v)) for one in suspect],
    }


def _variables(samples: pd.DataFrame, corrected: Corrected, rows: NDArray[np.intp]) -> dict[str, Any]:
    """Raw as the device said, what is doubtful included; corrected only where it is not."""
    out: dict[str, Any] = {}
    for name in (one for one in AIR if one in measured(samples)):
        unit = VARIABLES[name].unit
        raw = samples[name].to_numpy(float)[rows]
        if np.isnan(raw).all():
            continue
        out[name] = {"unit": PEOPLE_UNITS.get(unit, unit), "raw": _plain(raw, DECIMALS)}
        known = name in corrected.values
        for side, frame in (("corrected", corrected.values), ("uncertainty", corrected.uncertainty)):
            values = frame[name].to_numpy(float)[rows] if known else np.full(len(rows), np.nan)
            out[name][side] = _plain(values, DECIMALS)
    return out


def _plain(values: NDArray[np.float64], decimals: int) -> list[float | None]:
    return [None if np.isnan(one) else round(float(one), decimals) for one in values]
