"""Training of the boosted trees: examples of several networks' past, LightGBM, and what a later period says of them."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from brise.conventions.observations import StationHours
from brise.formulas.interpolation import Array
from brise.models.blend import at_rows
from brise.models.boosting import GROUPS, Single, station_design, unit
from brise.models.boosting_serving import FAMILY, file_name, open_sessions, trees_at_stations
from brise.models.calibration import Calibration, Excess, fit_calibration
from brise.models.climatology import HISTORY_HOURS, Climatology
from brise.models.features import Network, task_of
from brise.models.network import Fitted
from brise.models.trees_onnx import trees_to_onnx

log = logging.getLogger("brise.boosting")

READ_HOURS = 760
"""What the base and the features read back."""

_CHUNK_HOURS = 1500
_THINNED = 2  # trees that only judge are trained on every second row
_CHECK_HOURS = 7  # meets every hour of the day
_SHARES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
_NO_FACTORS = Calibration(np.ones(1), np.zeros(0), {})


@dataclass(frozen=True, slots=True)
class Recipe:
    """How many trees of what kind.

    Attributes:
        rounds: Trees, at most.
        leaves: Of a tree.
        rate: Share of each tree's word that counts.
        share_in_leaf: Of the examples, at least so many in a leaf.
        features: Share of the features that a tree may read.
    """

    rounds: int
    leaves: int
    rate: float
    share_in_leaf: float
    features: float


RECIPES: dict[tuple[int, ...], Recipe] = dict(
    zip(
        GROUPS,
        (
            Recipe(400, 63, 0.08, 0.002, 0.3),
            Recipe(400, 63, 0.08, 0.002, 0.3),
            Recipe(320, 63, 0.06, 0.006, 0.15),
            Recipe(250, 31, 0.05, 0.004, 0.2),
            Recipe(200, 31, 0.05, 0.008, 0.1),
            Recipe(120, 15, 0.05, 0.008, 0.1),
        ),
        strict=True,
    )
)
"""One for all pollutants and networks, chosen on validation periods: docs/science/boosting.md."""


@dataclass(frozen=True)
class Course:
    """A network's past to learn from.

    Attributes:
        hours: Its record up to the end of what may be learnt.
        later: The row where the validation period begins.
        before: The base, learnt of the rows before `later`.
        whole: The base, learnt of all.
        every: A forecast each so many hours.
    """

    hours: StationHours
    later: int
    before: Mapping[str, Fitted]
    whole: Mapping[str, Fitted]
    every: int = 1


@dataclass(frozen=True, slots=True)
class Examples:
    """Forecasts of stations with the truth beside them.

    Attributes:
        features: (R, F).
        target: (R,) truth minus base, in the network's unit.
        lead: (R,) hours.
    """

    features: Single
    target: Single
    lead: NDArray[np.int64]


def stretches(
    fitted: Mapping[str, Fitted], hours: StationHours, rows: NDArray[np.intp]
) -> Iterator[tuple[Network, NDArray[np.intp], NDArray[np.intp]]]:
    """A stretch of the record at a time: the network, rows in it, the same rows in `hours`."""
    for part in np.array_split(rows, max(1, int(rows[-1] - rows[0]) // _CHUNK_HOURS)):
        first = max(int(part[0]) - READ_HOURS, 0)
        span = slice(first, int(part[-1]) + 1)
        cut = replace(hours, time=hours.time[span], values={name: one[span] for name, one in hours.values.items()})
        yield Network(fitted, cut), part - first, part


def truth_of(hours: StationHours, name: str, rows: NDArray[np.intp], leads: tuple[int, ...]) -> Array:
    """(L, N, S) what was measured later."""
    return np.stack([at_rows(hours.values[name].astype(float), rows + lead) for lead in leads])


def examples(
    fitted: Mapping[str, Fitted],
    hours: StationHours,
    name: str,
    rows: NDArray[np.intp],
    groups: tuple[tuple[int, ...], ...],
    rng: np.random.Generator,
) -> list[Examples]:
    """One per group of leads: of each forecast at each station, one lead of the group, drawn.

    Args:
        fitted: The base, learnt of the same network.
        hours: Its record; nothing after its end is asked.
        name: Pollutant.
        rows: (N,) rows to forecast from, increasing.
        groups: Of leads.
        rng: Draws the leads.
    """
    leads = tuple(lead for group in groups for lead in group)
    kept: list[list[tuple[Single, Single, NDArray[np.int64]]]] = [[] for _ in groups]
    for network, inside, part in stretches(fitted, hours, rows):
        design = station_design(network, name, inside, leads)
        target = (truth_of(hours, name, part, leads) - design.base) / unit(network, name)
        first = 0
        for number, group in enumerate(groups):
            drawn = first + rng.integers(0, len(group), target.shape[1:])
            first += len(group)
            error = np.take_along_axis(target, drawn[None], axis=0)[0]
            n, s = np.nonzero(np.isfinite(error))
            place = drawn[n, s]
            kept[number].append((design.rows(place, n, s), error[n, s].astype(np.float32), np.array(leads)[place]))
    return [Examples(*(np.concatenate(part) for part in zip(*one, strict=True))) for one in kept]


def fit_trees(parts: Sequence[Examples], recipe: Recipe, rounds: int, seed: int) -> tuple[Any, float]:
    """Train on the examples of several networks together.

    Returns:
        A LightGBM booster that tells the target in units of the second, the targets' root mean square.
    """
    features = np.concatenate([part.features for part in parts])
    target = np.concatenate([part.target for part in parts])
    size = float(np.sqrt(np.mean(np.square(target, dtype=float))))
    options = {
        "objective": "regression",
        "learning_rate": recipe.rate,
        "num_leaves": recipe.leaves,
        "min_data_in_leaf": max(2, int(recipe.share_in_leaf * len(target))),
        "feature_fraction": recipe.features,
        "bagging_fraction": 0.6,
        "bagging_freq": 1,
        "lambda_l2": 10.0,
        "max_bin": 63,
        "num_threads": 1,
        "deterministic": True,
        "seed": seed,
        "verbose": -1,
    }
    return lightgbm.train(options, lightgbm.Dataset(features, target / size), rounds), size


def trust(trees: Any, size: float, late: Sequence[Examples], most: int) -> tuple[int, float, float]:
    """How many of the trees to keep and how far to shrink their word, as a later period wants it.

    Args:
        trees: From `fit_trees`, with `size`.
        size: See `trees`.
        late: Of each network, examples that the trees were not trained on; each network weighs the same.
        most: Trees.

    Returns:
        Trees, the factor in [0, 1], and the ratio of root mean square errors, base = 1, geometric mean of the networks.
    """
    told = [np.zeros(len(part.target)) for part in late]
    best, before = (0, 0.0, 1.0), 0
    for rounds in sorted({max(1, round(share * most)) for share in _SHARES}):
        for part, sums in zip(late, told, strict=True):
            sums += size * trees.predict(part.features, start_iteration=before, num_iteration=rounds - before)
        before = rounds
        factor, ratio = shrinkage(told, [part.target for part in late])
        if ratio < best[2]:
            best = (rounds, factor, ratio)
    return best


def shrinkage(told: Sequence[Array], target: Sequence[NDArray[np.floating]]) -> tuple[float, float]:
    """The factor in [0, 1] on what was told that fits the targets best, and the ratio of errors that is left.

    Args:
        told: Of each network, (R,) what trees said of forecasts that they were not trained on.
        target: The same, (R,) what was right.

    Example:
        >>> shrinkage([np.array([2.0, -2.0])], [np.array([1.0, -1.0])])
        (0.5, 0.0)
    """
    size = [float(np.mean(np.square(right, dtype=float))) for right in target]
    pairs = list(zip(told, target, size, strict=True))
    above = sum(float(np.mean(said * right)) / one for said, right, one in pairs)
    below = sum(float(np.mean(said * said)) / one for said, right, one in pairs)
    factor = float(np.clip(above / below, 0, 1)) if below > 0 else 0.0
    left = [float(np.mean((right - factor * said) ** 2)) / one for said, right, one in pairs]
    return factor, float(np.prod(left)) ** (0.5 / len(left))


def train(
    courses: Sequence[Course], name: str, excess: Excess, seed: int, recipes: Mapping[tuple[int, ...], Recipe] = RECIPES
) -> tuple[dict[str, bytes], dict[str, tuple[int, float, float]]]:
    """Train a pollutant's trees: how far to trust them, and their quantiles, on a later period; then on the whole past.

    Args:
        courses: Of the networks that measure it.
        name: Pollutant.
        excess: Takes in the validation period's forecasts, for `fit_calibration`.
        seed: Of all draws.
        recipes: By group of leads.

    Returns:
        File name -> graph, and file name -> what `trust` said.
    """
    rng = np.random.default_rng(seed)
    early, late = [], []
    for course in courses:
        before = course.hours.until(course.hours.time[course.later - 1])  # asks nothing after its end
        rows = _rows(course, course.later)[::_THINNED]
        early.append(examples(course.before, before, name, rows, GROUPS, rng))
        late.append(examples(course.before, course.hours, name, _checks(course), GROUPS, rng))
    graphs, trial, kept = {}, {}, {}
    for number, group in enumerate(GROUPS):
        trees, size = fit_trees([part[number] for part in early], recipes[group], recipes[group].rounds, seed)
        kept[group] = trust(trees, size, [part[number] for part in late], recipes[group].rounds)
        rounds, factor, ratio = kept[group]
        trial[file_name(name, group)] = trees_to_onnx(trees.dump_model(num_iteration=max(rounds, 1)), size * factor)
        log.info("%s %s h: %d trees, factor %.2f, ratio %.4f", name, group, rounds, factor, ratio)
    _check(courses, name, trial, excess)
    del early, late
    whole = [
        examples(course.whole, course.hours, name, _rows(course, len(course.hours.time)), GROUPS, rng)
        for course in courses
    ]
    for number, group in enumerate(GROUPS):
        rounds, factor, _ = kept[group]
        trees, size = fit_trees([part[number] for part in whole], recipes[group], max(rounds, 1), seed)
        graphs[file_name(name, group)] = trees_to_onnx(trees.dump_model(), size * factor)
        log.info("%s %s h: %d examples", name, group, sum(len(part[number].target) for part in whole))
    return graphs, {file_name(name, group): one for group, one in kept.items()}


def _rows(course: Course, until: int) -> NDArray[np.intp]:
    return np.arange(max(until - HISTORY_HOURS, READ_HOURS), until, course.every)


def _checks(course: Course) -> NDArray[np.intp]:
    return np.arange(course.later, len(course.hours.time), _CHECK_HOURS * course.every)


def _check(courses: Sequence[Course], name: str, trial: Mapping[str, bytes], excess: Excess) -> None:
    """Collect how far truths of the validation periods lie beyond the median, on the square-root scale."""
    sessions = open_sessions(trial, 1)
    for course in courses:
        climatology = course.before[name].climatology
        for network, inside, part in stretches(course.before, course.hours, _checks(course)):
            told = trees_at_stations(sessions, _NO_FACTORS, task_of(network, name, inside, excess.leads))
            truth = truth_of(course.hours, name, part, excess.leads).transpose(1, 0, 2)
            quantiles = np.stack([_root(climatology, side) for side in (told.q10, told.q50, told.q90)])
            quantiles[:, (quantiles[0] >= quantiles[1]) | (quantiles[1] >= quantiles[2])] = np.nan
            excess.add(name, quantiles, _root(climatology, truth), np.full(truth.shape[2], -1.0))


def _root(climatology: Climatology, values: Array) -> Array:
    """On the square-root scale, without its floor: a quantile may lie at the scale's own end."""
    return np.asarray(np.sqrt(np.maximum(values + climatology.offset, 0) / climatology.level))


def calibrated(excess: Excess) -> Calibration:
    """Factors of the quantiles; unmonitored places keep the base's."""
    fitted = fit_calibration(excess)
    for table in fitted.factors.values():
        table[:, 1:] = 1.0
    return fitted


def artifact(
    graphs: Mapping[str, bytes],
    trusted: Mapping[str, tuple[int, float, float]],
    calibration: Calibration,
    card: Mapping[str, Any],
    manifest: Mapping[str, Any],
) -> dict[str, bytes]:
    """The files of a trained model.

    Args:
        graphs: All pollutants' graphs.
        trusted: From `train`, all pollutants'.
        calibration: From `calibrated`.
        card: What it does not know: name, title, created, cities, training, pollutants, licence...
        manifest: Data files, code and seed.
    """
    told = {name: {"trees": n, "factor": round(f, 3), "ratio": round(r, 4)} for name, (n, f, r) in trusted.items()}
    ratios = [r for _, _, r in trusted.values()]
    pooled = float(np.exp(np.mean(np.log(ratios))))
    whole = {"family": FAMILY, **card, "metrics": {"validation_rmse_over_base": round(pooled, 4), "trees": told}}
    texts = {"card.json": whole, "calibration.json": calibration.to_json(), "manifest.json": dict(manifest)}
    return {**graphs, **{name: json.dumps(text, indent=1).encode() for name, text in texts.items()}}
