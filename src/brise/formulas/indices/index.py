"""What an air-quality index is here, and the few steps that every index shares.

An index takes hourly mean concentrations, averages each pollutant over the index's own trailing window, turns each
into a sub-index, and reports the largest. Unknown stays unknown: NaN, a value outside its variable's range, or fewer
hours than the capture rule asks for give no sub-index, and no sub-index gives no band.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brise.conventions.errors import InputError
from brise.conventions.variables import variable

Array = NDArray[np.float64]

TOLERANCE = 1e-3
"""Share of a rounding step by which a concentration may miss a step's edge and still count as on it.

35.4 is 35.400002 in single precision, a mean of it is 35.39999, 54 ppb of ozone converted to µg m-3 and back is
53.999996. A thousandth of a step lies above all of these and far below what any instrument resolves.
"""


@dataclass(frozen=True, slots=True)
class Band:
    """One category of an index: values in (lower, upper]; the first band also holds its own lower bound.

    Attributes:
        key: Text key of its name, "<index>.<band>".
        lower: The previous band's `upper`.
        upper: Largest index value in the band; inf in the last.
        colour: "#rrggbb".
        advice: Text key of the health advice.
    """

    key: str
    lower: float
    upper: float
    colour: str
    advice: str


@dataclass(frozen=True, slots=True)
class Result:
    """An index at every hour.

    Attributes:
        value: (..., T) index value; NaN unknown, and everywhere in a category-only index.
        category: (..., T) int8 position in the index's bands; -1 unknown.
        dominant: (..., T) int8 position in the index's pollutants of the one that sets the value; -1 unknown.
        sub: pollutant -> (..., T) sub-index (band number 1, 2 ... in a category-only index); NaN unknown.
    """

    value: Array
    category: NDArray[np.int8]
    dominant: NDArray[np.int8]
    sub: dict[str, Array]


@dataclass(frozen=True, slots=True)
class Index:
    """One index.

    Attributes:
        name: Its key in the registry.
        title: For people.
        rule_set: The document and date whose rules these are, and where we depart from it.
        region: Where it is the official or usual one.
        pollutants: Variables it can use, in the order of `Result.dominant`.
        averaging: pollutant -> averaging period and data-capture rule, in words.
        bands: From best to worst, contiguous.
        has_value: False where only the category is defined.
        compute: variable -> hourly means (..., T), µg m-3 (voc in ppb), to the result at every hour. Trailing windows.
    """

    name: str
    title: str
    rule_set: str
    region: str
    pollutants: tuple[str, ...]
    averaging: dict[str, str]
    bands: tuple[Band, ...]
    has_value: bool
    compute: Callable[[Mapping[str, ArrayLike]], Result]


def band_ladder(
    index: str, names: Sequence[str], uppers: Sequence[float], colours: Sequence[str], advice: Sequence[str] = ()
) -> tuple[Band, ...]:
    """Contiguous bands from 0 to infinity.

    Args:
        index: Prefix of the text keys.
        names: One a band.
        uppers: Largest value of each band but the last.
        colours: One a band.
        advice: Names of the advice texts, one a band; the bands' own where left out.
    """
    edges = (0.0, *map(float, uppers), np.inf)
    texts = advice or names
    return tuple(
        Band(f"{index}.{name}", low, high, colour, f"{index}.{text}.advice")
        for name, low, high, colour, text in zip(names, edges[:-1], edges[1:], colours, texts, strict=True)
    )


def usable(concentrations: Mapping[str, ArrayLike], pollutants: Sequence[str]) -> dict[str, Array]:
    """The pollutants an index can use, with what cannot be a measurement made unknown.

    Below minus the variable's `noise`, above its maximum or not finite → NaN; between minus `noise` and 0 → 0.

    Args:
        concentrations: variable -> (..., T), all of one shape.
        pollutants: Those of the index; others are ignored, absent ones are left out.

    Returns:
        pollutant -> (..., T) float64, in the order of `pollutants`. Where the index can use none of what it was given:
        its first pollutant, all unknown.

    Raises:
        InputError: Nothing was given, the shapes differ, or there is no time axis.
    """
    arrays = {name: np.asarray(value, np.float64) for name, value in concentrations.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    if not shapes:
        raise InputError("an index needs at least one pollutant, got none")
    shape = next(iter(shapes.values()))
    if set(shapes.values()) != {shape} or not shape:
        raise InputError(f"an index needs arrays of one shape (..., T), got {shapes}")
    out = {}
    for name in pollutants:
        if name in arrays:
            limits, x = variable(name), arrays[name]
            out[name] = np.where((x >= -limits.noise) & (x <= limits.maximum), np.maximum(x, 0.0), np.nan)
    return out or {pollutants[0]: np.full(shape, np.nan)}


def truncate(x: Array, decimals: int = 0) -> Array:
    """Cut to decimals, tolerant of floating-point noise.

    >>> truncate(np.array([35.4, 35.49, 35.399999]), 1).tolist()
    [35.4, 35.4, 35.4]
    """
    scale = 10.0**decimals
    return np.asarray(np.floor(x * scale + TOLERANCE) / scale)


def round_half_up(x: Array, decimals: int = 0) -> Array:
    """Round to decimals, halves up; a hundred-thousandth of a step below a half is floating-point noise.

    >>> round_half_up(np.array([0.5, 1.5, 2.4999999])).tolist()
    [1.0, 2.0, 3.0]
    """
    scale = 10.0**decimals
    return np.asarray(np.floor(x * scale + (0.5 + 1e-5)) / scale)


def worst(sub: dict[str, Array], pollutants: Sequence[str], bands: tuple[Band, ...]) -> Result:
    """The largest sub-index, its pollutant (the earlier of equals) and its band.

    Args:
        sub: pollutant -> (..., T) sub-index, NaN unknown.
        pollutants: All of the index, in its order.
        bands: Of the index.
    """
    shape = next(iter(sub.values())).shape
    value, dominant = np.full(shape, np.nan), np.full(shape, -1, np.int8)
    for name, x in sub.items():
        larger = ~np.isnan(x) & ~(x <= value)  # value is NaN until the first known
        np.copyto(value, x, where=larger)
        np.copyto(dominant, np.int8(pollutants.index(name)), where=larger)
    return Result(value, category(value, bands), dominant, sub)


def category(value: Array, bands: tuple[Band, ...]) -> NDArray[np.int8]:
    """(..., T) position of each value's band; -1 where the value is NaN."""
    out = np.where(np.isnan(value), np.int8(-1), np.int8(0))
    for band in bands[:-1]:
        out += value > band.upper + TOLERANCE
    return out
