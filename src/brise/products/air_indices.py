"""Indices with their interval: what they would be were every concentration at its 10 %, or at its 90 % quantile."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from brise.formulas.indices.registry import INDICES

SIDES = ("value", "category", "dominant", "q10", "q90")
"""Of an index, in the order in which runs keep them; runs of before had the first three."""

Fields = Mapping[str, NDArray[np.floating]]


def index_sides(name: str, value: Fields, low: Fields, high: Fields) -> NDArray[np.float32]:
    """An index and its interval, by hour.

    All pollutants and all hours that it averages over are taken at the same quantile at once. Indices grow with
    concentrations, so this bounds them from both sides and is wider than the index's own 80 % interval would be.
    NowCast weighs hours by how much they differ and may break that order: the interval always holds the value. Where
    a concentration has no interval its value stands for it.

    Args:
        name: Of the index.
        value: variable -> (..., T) hourly means; NaN unknown.
        low: The same at their 10 % quantile.
        high: The same at their 90 % quantile.

    Returns:
        (..., 5, T): SIDES; of an index without numbers q10 and q90 are positions of bands. Unknown is NaN.

    >>> hours = {side: {"no2": np.full(2, c)} for side, c in (("value", 40.0), ("low", 20.0), ("high", 90.0))}
    >>> index_sides("us_aqi", **hours)[:, -1].tolist()
    [20.0, 0.0, 2.0, 9.0, 44.0]
    """
    index = INDICES[name]
    results = [index.compute(fields) for fields in (value, _filled(low, value), _filled(high, value))]
    codes = [np.where(one < 0, np.nan, one) for one in (results[0].category, results[0].dominant)]
    steps = [one.value if index.has_value else np.where(one.category < 0, np.nan, one.category) for one in results]
    unknown = np.isnan(steps[0])
    ends = [
        np.where(unknown, np.nan, end(steps[0], one)) for end, one in zip((np.fmin, np.fmax), steps[1:], strict=True)
    ]
    return np.stack([results[0].value, *codes, *ends], axis=-2).astype(np.float32)


def _filled(side: Fields, value: Fields) -> dict[str, NDArray[np.floating]]:
    return {name: np.where(np.isnan(side[name]), rows, side[name]) for name, rows in value.items()}
