"""Fits the numbers of the classical rain nowcaster to radar events, and says what they cost an event left out.

    python -m benchmarks.skill.rain_constants [../shared/data/radar]

Ridge regression of log1p rain on the scales of `rain_extrapolation`, each event weighing alike; then the logistic law
of the chances. Two kinds of lessons: the middle of 128 x 128 windows to 60 minutes, with what their edge takes away,
and points of wide windows to 120 minutes. Prints the literals of `models/rain_constants.py`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from brise.formulas.advection_kernels import trace_points
from brise.formulas.motion_kernels import between
from brise.models.rain_chances import SIZES, TERMS, odds
from brise.models.rain_constants import LEVELS, Constants, mix
from brise.models.rain_extrapolation import assess, point_features
from brise.models.rain_forecast import THRESHOLDS

EVENTS = ("AU_20180616", "CH_20150515", "CH_20170131", "FI_20160928", "NL_20100826")
NODES = np.array([5.0, 20.0, 60.0, 120.0])
PENALTY = 1e-3
FRAMES, MISSING = 4, 65535


@dataclass(frozen=True)
class Lessons:
    """Of one event: features (N, 2, LEVELS + 2), odds (N, K, SIZES), leads (N,) minutes, truth (N,) log1p of mm/h."""

    features: np.ndarray
    odds: np.ndarray
    leads: np.ndarray
    truth: np.ndarray

    def __add__(self, other: "Lessons") -> "Lessons":
        return Lessons(
            np.concatenate([self.features, other.features]),
            np.concatenate([self.odds, other.odds]),
            np.concatenate([self.leads, other.leads]),
            np.concatenate([self.truth, other.truth]),
        )


def windows(rate: np.ndarray, side: int, steps: int, count: int) -> list[tuple[int, int, int]]:
    """Times and corners of windows with rain in the middle, without gaps (128) or mostly known, in random order."""
    frames, height, width = rate.shape
    candidates = [
        (t, i, j)
        for t in range(FRAMES - 1, frames - steps)
        for i in range(0, height - side + 1, 32)
        for j in range(0, width - side + 1, 32)
    ]
    np.random.default_rng(0).shuffle(candidates)
    found, most, half = [], 0.0 if side == 128 else 0.5, side // 2
    for t, i, j in candidates:
        x = rate[t - FRAMES + 1 : t + 1, i : i + side, j : j + side]
        gaps = x == MISSING
        middle = x[-1, half - 16 : half + 16, half - 16 : half + 16]
        if gaps.mean() > most or not ((middle >= 10) & (middle < MISSING)).any():
            continue
        if ((x >= 10) & ~gaps).mean() < 0.05:
            continue
        found.append((t, i, j))
        if len(found) == count:
            break
    return found


def lessons(rate: np.ndarray, step: float, side: int, steps: int, count: int) -> Lessons:
    """Windows of one event at every lead; their middle alone (128), or nine points around it."""
    side = min(side, *rate.shape[1:])
    spread = (-48, 0, 48) if side > 128 else (0,)
    middle = side // 2 - 1
    points = np.array([(middle + a, middle + b) for a in spread for b in spread])
    features, around, leads, truth = [], [], [], []
    ahead = np.arange(1.0, steps + 1)
    for t, i, j in windows(rate, side, steps, count):
        x = rate[t - FRAMES + 1 : t + 1, i : i + side, j : j + side].astype(np.float32) / 100
        x[x == np.float32(MISSING / 100)] = np.nan
        situation = assess(x)
        if situation.age:
            continue
        odds_of = [odds(x[-1], threshold) for threshold in THRESHOLDS]
        paths = trace_points(situation.motion.displacement, (points + 0.5).astype(np.float32), ahead)
        for lead, where in enumerate(paths):
            outside = ((where < 0) | (where > side - 1)).any(axis=1) & (side > 128)
            for at, row in enumerate(point_features(situation, where)):
                y = rate[t + 1 + lead, i + points[at, 0] :, j + points[at, 1] :][:2, :2]
                if outside[at] or (y == MISSING).any():
                    continue
                features.append(row)
                around.append([[_at(part, size, where[at]) for part, size in sizes(told)] for told in odds_of])
                leads.append((lead + 1) * step)
                truth.append(np.log1p(y.mean() / 100))
    found = Lessons(np.array(features), np.array(around), np.array(leads), np.array(truth))
    found.features[:, 1] /= step
    return found


def sizes(told: tuple[np.ndarray, ...]) -> list[tuple[np.ndarray, int]]:
    return list(zip(told, SIZES, strict=True))


def _at(part: np.ndarray, size: int, where: np.ndarray) -> float:
    row, column = (where + 0.5) / 2.0**size - 0.5
    return between(part, row, column)


def event_lessons(path: Path, scale: float = 1.0) -> Lessons:
    """Both kinds."""
    with np.load(path, allow_pickle=False) as file:
        rate, step = file["rate"], float(file["step"])
    return lessons(rate, step, 128, round(60 / step), int(300 * scale)) + lessons(
        rate, step, 320, round(120 / step), int(60 * scale)
    )


def fit(events: list[Lessons]) -> Constants:
    """Weights, then the law of the chances around what they say."""
    size = 2 * (LEVELS + 2)
    # Ridge on the differences between neighbouring scales: what is not told by the data fades to the broader scale.
    bands = np.eye(LEVELS + 2) - np.eye(LEVELS + 2, k=1)
    normal, right = np.zeros((size * len(NODES),) * 2), np.zeros(size * len(NODES))
    scaled = np.array([1.0, 5.0])[:, None]  # growth per five minutes weighs like the rain itself
    for event in events:
        weight = 1 / (event.truth.var() * len(event.truth))
        told = np.einsum("nfs,bs->nfb", event.features * scaled, bands).reshape(len(event.truth), -1)
        rows = (told[:, None, :] * mix(event.leads, NODES)[:, :, None]).reshape(len(told), -1)
        normal += weight * rows.T @ rows
        right += weight * rows.T @ event.truth
    normal += PENALTY * np.trace(normal) / len(normal) * np.eye(len(normal))
    solved = np.linalg.solve(normal, right).reshape(len(NODES), 2, LEVELS + 2)
    weights = np.einsum("mfb,bs->mfs", solved, bands) * scaled
    return Constants(NODES, weights, _law(events, weights))


def predict(constants: Constants, features: np.ndarray, leads: np.ndarray) -> np.ndarray:
    """(N,) log1p of mm/h."""
    return np.maximum((constants.at(leads)[0] * features).sum(axis=(1, 2)), 0.0)


def terms(value: np.ndarray, around: np.ndarray) -> np.ndarray:
    """(N, TERMS) of one threshold, from log1p values and the odds around (N, SIZES)."""
    return np.column_stack([np.ones_like(value), np.log(value + 0.02), around])


def _law(events: list[Lessons], weights: np.ndarray) -> np.ndarray:
    """(M, K, TERMS) by maximum likelihood, a little held towards zero."""
    plain = Constants(NODES, weights, np.zeros((len(NODES), len(THRESHOLDS), TERMS)))
    values = [predict(plain, event.features, event.leads) for event in events]
    shares = [mix(event.leads, NODES) for event in events]
    law = np.empty((len(NODES), len(THRESHOLDS), TERMS))
    for k, threshold in enumerate(THRESHOLDS):
        rows = [terms(value, event.odds[:, k]) for value, event in zip(values, events, strict=True)]
        wet = [event.truth >= np.log1p(threshold) for event in events]

        def loss(flat: np.ndarray, rows: list = rows, wet: list = wet) -> tuple[float, np.ndarray]:
            table = flat.reshape(len(NODES), TERMS)
            total, gradient = 1e-5 * (table**2).sum(), 2e-5 * table
            for row, share, truth in zip(rows, shares, wet, strict=True):
                score = (share @ table * row).sum(axis=1)
                total += (np.logaddexp(0.0, score) - truth * score).mean()
                error = (expit(score) - truth) / score.size
                gradient = gradient + share.T @ (error[:, None] * row)
            return total, gradient.ravel()

        found = minimize(loss, np.zeros(len(NODES) * TERMS), jac=True, method="L-BFGS-B", options={"maxiter": 300})
        law[:, k] = found.x.reshape(len(NODES), TERMS)
    return law


def chance(constants: Constants, event: Lessons, k: int) -> np.ndarray:
    """(N,) of at least THRESHOLDS[k]."""
    rows = terms(predict(constants, event.features, event.leads), event.odds[:, k])
    return expit((constants.at(event.leads)[1][:, k] * rows).sum(axis=1))


def deciles(said: np.ndarray, came: np.ndarray) -> str:
    """Percent said and percent that came, in each tenth with 100 cases or more."""
    tenth = np.minimum((said * 10).astype(int), 9)
    full = [at for at in range(10) if (tenth == at).sum() >= 100]
    return " ".join(f"{said[tenth == at].mean():.0%}-{came[tenth == at].mean():.0%}" for at in full)


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/radar")
    told = {name: event_lessons(folder / f"{name}.npz") for name in EVENTS}
    for name, lesson in told.items():
        constants = fit([other for event, other in told.items() if event != name])
        error = predict(constants, lesson.features, lesson.leads) - lesson.truth
        by_lead = [f"{(error[np.abs(lesson.leads - m) < 3] ** 2).mean():.4f}" for m in (5, 10, 20, 30, 40, 60, 90, 120)]
        print(f"{name}: left out, {len(error)} lessons, squared error at 5 … 120 min: {' '.join(by_lead)}")
        for k, threshold in enumerate(THRESHOLDS):
            said, came = chance(constants, lesson, k), lesson.truth >= np.log1p(threshold)
            skill = 1 - ((said - came) ** 2).mean() / max(came.var(), 1e-9)
            print(f"  at least {threshold} mm/h: Brier skill {skill:.3f}; said, came:", deciles(said, came))
    constants = fit(list(told.values()))
    print("weights", repr(constants.weights.round(4).tolist()), "\nlaw", repr(constants.law.round(4).tolist()))


if __name__ == "__main__":
    main()
