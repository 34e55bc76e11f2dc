"""How good the published forecasts were at each station: pure functions of what was said and what was measured since.

What is judged is what people saw: the published value of the cell that a station stands in, with its interval and its
band, never a model's output that was not shown.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.conventions.grids import Grid
from brise.conventions.observations import StationHours
from brise.formulas.indices.registry import INDICES

LEADS: tuple[int, ...] = (1, 3, 6, 12, 18, 24, 36, 48, 72, 96)
GROUPS: tuple[tuple[int, int], ...] = ((1, 6), (7, 24), (25, 48), (49, 96))
"""Hours ahead, both included, that are scored together."""

FEWEST = 12
"""Pairs of forecast and measurement; of fewer nothing is said."""

JUDGE = "us_aqi"
"""Whose bands must be hit, pollutant by pollutant."""

COLUMNS = ("init_time", "lead_hours", "station_id", "variable", "value", "q10", "q90", "band")
KEYS = ("station_id", "variable", "first_lead", "last_lead")
FIGURES = {
    "n": "sum",
    "mean": "mean",
    "mae": "mean",
    "bias": "mean",
    "coverage": "mean",
    "band_n": "sum",
    "band_hit": "mean",
}
"""Each, and how it is made of those of single pairs."""

SCORES = (*KEYS, *FIGURES)

Values = NDArray[np.floating]


def bands(hours: Mapping[str, Values]) -> dict[str, NDArray[np.int8]]:
    """Position of each pollutant's own band at every hour, by the judge's averaging; -1 unknown.

    Args:
        hours: variable -> (..., T) hourly means, µg m-3.
    """
    judge = INDICES[JUDGE]
    known = {name: rows for name, rows in hours.items() if name in judge.pollutants}
    if not known:
        return {}
    uppers = [band.upper for band in judge.bands[:-1]]
    sub = judge.compute(known).sub
    return {
        name: np.where(np.isnan(sub[name]), -1, np.searchsorted(uppers, np.nan_to_num(sub[name]))).astype(np.int8)
        for name in known
    }


def said(concentration: Values, meta: Mapping[str, object], grid: Grid) -> pd.DataFrame:
    """What a run published for the places of its stations, at LEADS.

    Args:
        concentration: (cells, C, 3, H) of the run.
        meta: Of the run: init_time, hours, variables, stations.
        grid: Its cells.

    Returns:
        COLUMNS; a row for each known value.
    """
    rows: list[dict[str, object]] = list(meta["stations"])  # type: ignore[call-overload]
    names, hours = list(meta["variables"]), list(meta["hours"])  # type: ignore[call-overload]
    placed = [(str(row["station_id"]), grid.cell(row["latitude"], row["longitude"])) for row in rows]  # type: ignore[arg-type]
    inside = [(name, cell) for name, cell in placed if cell is not None]
    if not inside or not names:
        return pd.DataFrame(columns=list(COLUMNS))
    stations = np.array([name for name, _ in inside])
    block = np.asarray(concentration[[cell for _, cell in inside]], np.float64)  # (S, C, 3, H)
    leads = [lead for lead in LEADS if lead in hours]
    at = [hours.index(lead) for lead in leads]
    found = bands({name: block[:, place, 0] for place, name in enumerate(names)})
    frames = []
    for place, name in enumerate(names):
        shape = (len(stations), len(leads))
        sides = {side: block[:, place, number][:, at].ravel() for number, side in enumerate(("value", "q10", "q90"))}
        frame = pd.DataFrame(
            {
                "init_time": pd.Timestamp(str(meta["init_time"])).tz_convert("UTC").as_unit("s"),
                "lead_hours": np.broadcast_to(np.array(leads, np.int16), shape).ravel(),
                "station_id": np.repeat(stations, len(leads)),
                "variable": name,
                **{side: values.astype(np.float32) for side, values in sides.items()},
                "band": found[name][:, at].ravel() if name in found else np.int8(-1),
            }
        )
        frames.append(frame.dropna(subset=["value"]))
    return pd.concat(frames, ignore_index=True)[list(COLUMNS)]


def scores(forecasts: pd.DataFrame, truth: StationHours) -> pd.DataFrame:
    """How the forecasts did, by station, pollutant and hours ahead.

    Args:
        forecasts: COLUMNS, of any number of runs.
        truth: What was measured.

    Returns:
        SCORES: n pairs, mean measured, mean absolute error and bias (forecast less measured) in storage units, share of
        measurements inside the 80 % interval, and of band_n the share whose band was the one forecast; NaN where none.
    """
    if forecasts.empty:
        return pd.DataFrame(columns=list(SCORES))
    pairs = forecasts.assign(**_measured(forecasts, truth)).dropna(subset=["truth"])
    first = np.array([low for low, _ in GROUPS])
    group = np.searchsorted(first, pairs["lead_hours"].to_numpy(), side="right") - 1
    error = (pairs["value"] - pairs["truth"]).astype(float)
    interval = pairs["q10"].notna() & pairs["q90"].notna()
    inside = ((pairs["truth"] >= pairs["q10"]) & (pairs["truth"] <= pairs["q90"])).astype(float)
    banded = (pairs["band"] >= 0) & (pairs["truth_band"] >= 0)
    hit = (pairs["band"] == pairs["truth_band"]).astype(float)
    pairs = pairs.assign(
        first_lead=first[group],
        last_lead=np.array([high for _, high in GROUPS])[group],
        n=1,
        mean=pairs["truth"],
        mae=error.abs(),
        bias=error,
        coverage=inside.where(interval),
        band_n=banded.astype(int),
        band_hit=hit.where(banded),
    )
    return pairs.groupby(list(KEYS), as_index=False, observed=True).agg(FIGURES)[list(SCORES)]


def _measured(forecasts: pd.DataFrame, truth: StationHours) -> dict[str, Values]:
    """(N,) what was measured at each forecast's time, and its band; NaN and -1 where nothing was."""
    init = pd.DatetimeIndex(forecasts["init_time"]).tz_localize(None).to_numpy("datetime64[s]").astype(np.int64)
    start = int(truth.time[0].astype("datetime64[s]").astype(np.int64)) if len(truth.time) else 0
    row = (init + forecasts["lead_hours"].to_numpy(np.int64) * 3600 - start) // 3600
    column = pd.Index(truth.station_id).get_indexer(pd.Index(forecasts["station_id"]))
    inside = (row >= 0) & (row < len(truth.time)) & (column >= 0)
    values, band = np.full(len(forecasts), np.nan), np.full(len(forecasts), -1, np.int8)
    found = bands({name: matrix.T for name, matrix in truth.values.items()})
    names = forecasts["variable"].to_numpy()
    for name, matrix in truth.values.items():
        own = np.flatnonzero((names == name) & inside)
        values[own] = matrix[row[own], column[own]]
        if name in found:
            band[own] = found[name][column[own], row[own]]
    return {"truth": values, "truth_band": band}
