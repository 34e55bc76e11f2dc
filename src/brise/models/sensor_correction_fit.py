"""Learns a counter's correction from pairs with a reference: a robust ridge that leans on the Barkjohn correction.

reference = Barkjohn(raw, humidity) + f(raw, humidity, temperature) . b  [+ offset + slope of a sensor seen before]

b and the sensors' effects are one ridge regression: the effects are random ones, shrunk to zero, so that a sensor with
few pairs is corrected as all are. Huber weights bound what a fire beside the sensor can do to the fit. What is fitted
stays within the raw values that were seen: beyond them the difference to Barkjohn stays what it was at the end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brise.conventions.errors import InputError
from brise.formulas.calibration import BLENDED, barkjohn, barkjohn_linear, robust_ridge

Array = NDArray[np.float64]

USUAL_HUMIDITY = 0.5
"""Where the humidity is not known."""

BENDS = (30.0, 250.0)
"""µg m-3 raw, where a law's slope may change: counters see fewer of the particles as these crowd, or more."""

PLAIN: tuple[str, ...] = ("raw", "humidity", "temperature")
CROSSED: tuple[str, ...] = (*PLAIN, "raw x humidity", "raw x temperature")
SETS: tuple[tuple[str, ...], ...] = (
    ("raw",),
    ("raw", "humidity"),
    PLAIN,
    ("raw", "humidity", "raw x humidity"),
    CROSSED,
    (*CROSSED, "raw over 30"),
    ("raw", "humidity", "raw x humidity", "raw over 250"),
    (*CROSSED, "raw over 250"),
)
"""Terms that a fit may use together."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Hours or days that sensors spent beside a reference, N of them.

    Attributes:
        raw: (N,) of the counter, µg m-3.
        humidity: (N,) 1; NaN = unknown.
        temperature: (N,) K; NaN = unknown.
        reference: (N,) µg m-3.
        sensor: (N,) which sensor.
    """

    raw: Array
    humidity: Array
    temperature: Array
    reference: Array
    sensor: NDArray[np.str_]

    def __getitem__(self, rows: Any) -> "Pairs":
        return Pairs(
            self.raw[rows], self.humidity[rows], self.temperature[rows], self.reference[rows], self.sensor[rows]
        )

    def __len__(self) -> int:
        return len(self.raw)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to fit.

    Attributes:
        terms: Of `design`.
        penalty: Pseudo-observations that hold each coefficient, of standardised terms, at its prior.
        clip: Huber's threshold in robust standard deviations; infinite = least squares.
        effects: Pseudo-observations that hold a sensor's own offset and slope at zero; None = no effects.
        relative: Whether an error counts in proportion to the value.
        smoke: Whether Barkjohn's correction of smoke holds for this make beyond what was seen.
    """

    terms: tuple[str, ...] = CROSSED
    penalty: float = 1.0
    clip: float = 1.5
    effects: float | None = None
    relative: bool = False
    smoke: bool = False


@dataclass(frozen=True, slots=True)
class Law:
    """A fitted correction.

    Attributes:
        terms: Of `design`.
        constant: µg m-3.
        coefficients: One a term.
        most: Largest raw value it was fitted on, µg m-3.
        weather: Least and greatest temperature that it was fitted on, K.
        effects: Sensor -> its offset, µg m-3, and slope on the corrected value's departure from `middle`.
        middle: µg m-3.
        smoke: Whether it fades to Barkjohn's correction of smoke beyond `most`.
    """

    terms: tuple[str, ...]
    constant: float
    coefficients: tuple[float, ...]
    most: float
    weather: tuple[float, float]
    smoke: bool = False
    effects: dict[str, tuple[float, float]] = field(default_factory=dict)
    middle: float = 0.0

    def apply(self, raw: Array, humidity: Array, temperature: Array, sensor: NDArray[np.str_] | None = None) -> Array:
        """(N,) µg m-3, not below 0; NaN where the raw value is unknown."""
        rh, t = _weather(humidity, np.clip(temperature, *self.weather))
        value = self._rising(raw, rh, t)
        if sensor is not None and self.effects:
            own = np.array([self.effects.get(name, (0.0, 0.0)) for name in sensor.tolist()]).reshape(-1, 2)
            value = value + own[:, 0] + own[:, 1] * (value - self.middle)
        if self.smoke:
            far = np.clip((raw - self.most) / max(BLENDED - self.most, 1.0), 0.0, 1.0)
            value = (1.0 - far) * value + far * barkjohn(raw, rh)
        return np.asarray(np.maximum(value, 0.0))

    def _rising(self, raw: Array, humidity: Array, temperature: Array) -> Array:
        """The fitted terms; where a slope on the raw value came out negative, it is zero."""
        told = dict(zip(self.terms, self.coefficients, strict=True))
        none = np.zeros_like(raw)
        value = barkjohn_linear(none, humidity) + self.constant
        value = value + told.get("humidity", 0.0) * humidity + told.get("temperature", 0.0) * temperature
        slope = barkjohn_linear(none + 1.0, humidity) - barkjohn_linear(none, humidity) + told.get("raw", 0.0)
        slope = slope + told.get("raw x humidity", 0.0) * (humidity - USUAL_HUMIDITY)
        slope = slope + told.get("raw x temperature", 0.0) * temperature
        for start, end in zip((0.0, *BENDS), (*BENDS, np.inf), strict=True):
            slope = slope + told.get(f"raw over {start:g}", 0.0)
            value = value + np.maximum(slope, 0.0) * np.clip(raw - start, 0.0, end - start)
        return value

    def at(self, pairs: Pairs) -> Array:
        """(N,) of pairs, with the effects of sensors that were seen."""
        return self.apply(pairs.raw, pairs.humidity, pairs.temperature, pairs.sensor)


def _weather(humidity: Array, temperature: Array) -> tuple[Array, Array]:
    rh = np.clip(np.where(np.isnan(humidity), USUAL_HUMIDITY, humidity), 0.0, 1.0)
    return rh, (np.where(np.isnan(temperature), 293.15, temperature) - 293.15) / 10


def design(names: Sequence[str], raw: Array, humidity: Array, temperature: Array) -> Array:
    """(N, F) terms: raw µg m-3, humidity 1, temperature in units of 10 K from 293.15 K.

    Raises:
        InputError: No such term.
    """
    terms = {
        "raw": raw,
        "humidity": humidity,
        "temperature": temperature,
        "raw x humidity": raw * (humidity - USUAL_HUMIDITY),
        "raw x temperature": raw * temperature,
        **{f"raw over {bend:g}": np.maximum(raw - bend, 0.0) for bend in BENDS},
    }
    strangers = sorted(set(names) - set(terms))
    if strangers:
        raise InputError(f"unknown term {strangers[0]!r}; known are {', '.join(terms)}")
    return np.stack([terms[name] for name in names], axis=-1)


def fit(pairs: Pairs, recipe: Recipe) -> Law:
    """Fit a law to pairs.

    Raises:
        InputError: Fewer pairs than twice the terms.
    """
    if len(pairs) < 2 * len(recipe.terms) + 2:
        raise InputError(f"a law of {len(recipe.terms)} terms cannot be fitted to {len(pairs)} pairs")
    rh, t = _weather(pairs.humidity, pairs.temperature)
    x = design(recipe.terms, pairs.raw, rh, t)
    base = barkjohn_linear(pairs.raw, rh)
    weights = 1 / np.maximum(base, 5.0) ** 2 if recipe.relative else np.ones(len(pairs))
    weights = weights / weights.mean()
    centre, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
    shared = (x - centre) / scale
    held = np.full(len(recipe.terms), recipe.penalty)
    b = robust_ridge(shared, pairs.reference - base, held, weights, recipe.clip)
    slopes = b[1:] / scale
    known = pairs.temperature[~np.isnan(pairs.temperature)]
    weather = (float(known.min()), float(known.max())) if len(known) else (293.15, 293.15)
    most, constant = float(pairs.raw.max()), float(b[0] - slopes @ centre)
    law = Law(recipe.terms, constant, tuple(slopes.tolist()), most, weather, recipe.smoke)
    return law if recipe.effects is None else _with_effects(law, pairs, recipe, weights)


def _with_effects(law: Law, pairs: Pairs, recipe: Recipe, weights: Array) -> Law:
    value = law.apply(pairs.raw, pairs.humidity, pairs.temperature)
    middle, width = float(np.mean(value)), float(np.std(value)) or 1.0
    rest = pairs.reference - value
    effects = {}
    for name in np.unique(pairs.sensor).tolist():
        own = pairs.sensor == name
        z = (value[own] - middle)[:, None] / width
        held = np.full(2, recipe.effects or 0.0)
        b = robust_ridge(np.hstack([np.ones_like(z), z]), rest[own], held, weights[own], recipe.clip, constant=False)
        effects[name] = (float(b[0]), float(b[1] / width))
    return replace(law, effects=effects, middle=middle)


def folds(groups: NDArray[Any]) -> Iterator[NDArray[np.bool_]]:
    """The rows of each group in turn."""
    for group in np.unique(groups):
        yield groups == group


def unseen(pairs: Pairs, groups: NDArray[Any], recipe: Recipe) -> Array:
    """(N,) what a law says of each group that was fitted without it."""
    out = np.full(len(pairs), np.nan)
    for rows in folds(groups):
        out[rows] = fit(pairs[~rows], recipe).at(pairs[rows])
    return out


def choose(pairs: Pairs, groups: NDArray[Any], recipes: Sequence[Recipe]) -> tuple[Recipe, Array]:
    """The recipe of least squared error on groups left out, and (N,) what it says of them."""
    found = [unseen(pairs, groups, recipe) for recipe in recipes]
    best = int(np.argmin([np.mean((one - pairs.reference) ** 2) for one in found]))
    return recipes[best], found[best]


@dataclass(frozen=True, slots=True)
class Spread:
    """How far the truth lies from a corrected value: quantiles of its error over a scale that grows with the value.

    Attributes:
        floor: µg m-3, the scale at zero.
        share: By how much it grows with the value.
        low: 10 % quantile of error / scale.
        high: 90 %.
    """

    floor: float
    share: float
    low: float
    high: float

    def scale(self, value: Array) -> Array:
        """(N,) µg m-3."""
        return self.floor + self.share * value

    def interval(self, value: Array, wider: ArrayLike = 1.0) -> tuple[Array, Array]:
        """(N,) 10 % and (N,) 90 % quantile, not below 0; `wider` by this factor."""
        width = self.scale(value) * np.asarray(wider, float)
        return np.maximum(value + self.low * width, 0.0), np.maximum(value + self.high * width, 0.0)

    def deviation(self, value: Array) -> Array:
        """(N,) standard deviation of a normal error with that 80 % interval."""
        return self.scale(value) * (self.high - self.low) / 2.5631


def spread_of(value: Array, reference: Array, groups: int = 0) -> Spread:
    """Split conformal: from what a law said of pairs it was not fitted on (Lei et al. 2018, with the scale fitted).

    Args:
        value: (N,) said, each group by a law of the others.
        reference: (N,) true.
        groups: How many; 0 = the groups do not differ. With m groups that differ, the error at a new one has variance
            in proportion to 1 + 1 / m, while these errors had 1 + 1 / (m - 1): they are shrunk by the root of the two.
    """
    error = reference - value
    size = np.abs(error)
    weights = 1 / np.maximum(value, 5.0)  # or the few large values alone would say how errors grow
    x = np.stack([weights, weights * value], axis=1)
    share = max(float(np.linalg.lstsq(x, weights * size, rcond=None)[0][1]), 0.0)
    floor = max(float(np.average(size - share * value, weights=weights**2)), 0.1 * float(np.median(size)), 1e-6)
    shrunk = np.sqrt((1 + 1 / groups) / (1 + 1 / (groups - 1))) if groups > 1 else 1.0
    low, high = shrunk * np.quantile(error / (floor + share * value), [0.1, 0.9])
    return Spread(floor, share, float(low), float(high))


@dataclass(frozen=True, slots=True)
class Learned:
    """A law, and how far it lies from the truth at sensors that it never saw."""

    law: Law
    spread: Spread


@dataclass(frozen=True, slots=True)
class Family:
    """The laws of one make: the more of the weather is known, the better.

    Attributes:
        name: In words, shown with every value.
        weather: Humidity and temperature known.
        humidity: Humidity alone.
        alone: Neither.
    """

    name: str
    weather: Learned
    humidity: Learned
    alone: Learned

    def best(self, humidity: Array, temperature: Array) -> Learned:
        """For samples of which nearly all know what the law asks."""
        if np.isfinite(humidity).mean() < MOSTLY:
            return self.alone
        return self.weather if np.isfinite(temperature).mean() >= MOSTLY else self.humidity


MOSTLY = 0.9
"""Share of samples that know the humidity, or the temperature; the rest is taken at 50 % and 20 degrees."""
