"""A tracker's samples as a table for its owner: raw and corrected values side by side, and every index.

Plume's two indices are of the moment and are computed of each sample as the device measured it, each pollutant apart:
so they can be held against what the device showed. All others are defined on hours: they are computed of the corrected
values' hourly means, and a sample carries the index of the last full hour before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.conventions.trackers import REPORTED, measured, suspects
from brise.formulas.exposure import HOUR_S, means
from brise.formulas.indices.registry import INDICES

Array = NDArray[np.float64]

INSTANT = ("plume_classic", "plume_2023")
"""Indices of the moment."""

MEMORY_S = 30 * HOUR_S
"""The longest trailing window of an index is a day; the hours before it are for its rule of coverage."""


def trusted(samples: pd.DataFrame) -> pd.DataFrame:
    """The samples with what is doubtful made unknown."""
    columns = {}
    for name in measured(samples):
        value = samples[name].to_numpy()
        doubtful = suspects(samples, name)
        columns[name] = np.where(doubtful, np.nan, value) if doubtful.any() else value
    return samples.assign(**columns)


def instant_indices(samples: pd.DataFrame, variables: list[str]) -> dict[str, Array]:
    """Column -> (N,) index of each sample, as measured; and of each pollutant apart.

    Args:
        samples: Of one tracker.
        variables: Quantities that the whole table has.
    """
    out: dict[str, Array] = {}
    for name in INSTANT:
        index = INDICES[name]
        used = [p for p in index.pollutants if p in variables]
        values = {p: samples[p].to_numpy() if p in samples else np.full(len(samples), np.nan) for p in used}
        if not used:
            continue
        result = index.compute(values)
        out[name] = result.value
        out |= {f"{name}_{pollutant}": result.sub[pollutant] for pollutant in used}
    return out


def hourly_indices(
    time: NDArray[np.integer[Any]], corrected: Mapping[str, Array], period_s: int, variables: list[str]
) -> dict[str, Array]:
    """Column -> (N,) index of the last full hour at each sample; in a category-only index its number, 1 the best.

    Args:
        time: (N,) seconds since 1970, increasing; with MEMORY_S of samples before those that matter.
        corrected: Quantity -> (N,).
        period_s: Seconds a sample stands for.
        variables: Quantities that the whole table has.
    """
    out: dict[str, Array] = {}
    nothing, moment = np.full(len(time), np.nan), np.asarray(time, np.int64)
    hours = {name: means(moment, corrected.get(name, nothing), period_s) for name in variables}
    for name, index in INDICES.items():
        used = {p: hours[p].value for p in index.pollutants if p in hours}
        if name in INSTANT or not used:
            continue
        result = index.compute(used)
        value = result.value if index.has_value else np.where(result.category >= 0, result.category + 1.0, np.nan)
        first = int(next(iter(hours.values())).end[0])
        last_full = moment // HOUR_S * HOUR_S
        at = (last_full - first) // HOUR_S
        out[name] = np.where(at >= 0, value[np.maximum(at, 0)], np.nan)
    return out


@dataclass(frozen=True, slots=True)
class Agreement:
    """How an index of ours agrees with what the device showed, over rows that have the value it is of.

    Attributes:
        rows: That can be compared.
        equal: With the same number.
        within_1: At most one apart, what two ways of rounding can make.
    """

    rows: int
    equal: int
    within_1: int

    def __add__(self, other: "Agreement") -> "Agreement":
        """Of two tables, one after the other."""
        return Agreement(self.rows + other.rows, self.equal + other.equal, self.within_1 + other.within_1)


def plume_agreement(samples: pd.DataFrame, indices: Mapping[str, Array]) -> dict[str, Agreement]:
    """Pollutant -> agreement of `plume_classic` with the device's own Plume AQI; "all" for the largest of them."""
    out = {}
    for column in map(str, samples.columns):
        pollutant = "all" if column == f"{REPORTED}plume" else column.removeprefix(f"{REPORTED}plume_")
        ours = indices.get("plume_classic" if pollutant == "all" else f"plume_classic_{pollutant}")
        if not column.startswith(f"{REPORTED}plume") or ours is None:
            continue
        theirs = samples[column].to_numpy()
        both = ~np.isnan(theirs) & ~np.isnan(ours)
        apart = np.abs(theirs[both] - ours[both])
        out[pollutant] = Agreement(int(both.sum()), int((apart < 0.5).sum()), int((apart < 1.5).sum()))
    return out
