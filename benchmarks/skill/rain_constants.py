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

from brise.formulas.advection_kernels import trace_points
from brise.models.rain_constants import LEVELS, Constants, mix
from brise.models.rain_extrapolation import assess, point_features

EVENTS = ("AU_20180616", "CH_20150515", "CH_20170131", "FI_20160928", "NL_20100826")
NODES = np.array([5.0, 20.0, 60.0, 120.0])
PENALTY = 1e-3
LAW_RATES = np.array([0.1, 0.3, 1.0, 3.0, 5.0, 10.0])
FRAMES, MISSING = 4, 65535


@dataclass(frozen=True)
class Lessons:
    """Of one event: features (N, 2, LEVELS + 2), leads (N,) minutes, truth (N,) log1p of mm/h."""

    features: np.ndarray
    leads: np.ndarray
    truth: np.ndarray

    def __add__(self, other: "Lessons") -> "Lessons":
        return Lessons(
            np.concatenate([self.features, other.features]),
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
    features, leads, truth = [], [], []
    ahead = np.arange(1.0, steps + 1)
    for t, i, j in windows(rate, side, steps, count):
        x = rate[t - FRAMES + 1 : t + 1, i : i + side, j : j + side].astype(np.float32) / 100
        x[x == np.float32(MISSING / 100)] = np.nan
        situation = assess(x)
        if situation.age:
            continue
        paths = trace_points(situation.motion.displacement, (points + 0.5).astype(np.float32), ahead)
        for lead, where in enumerate(paths):
            outside = ((where < 0) | (where > side - 1)).any(axis=1) & (side > 128)
            for at, row in enumerate(point_features(situation, where)):
                y = rate[t + 1 + lead, i + points[at, 0] :, j + points[at, 1] :][:2, :2]
                if outside[at] or (y == MISSING).any():
                    continue
                features.append(row)
                leads.append((lead + 1) * step)
                truth.append(np.log1p(y.mean() / 100))
    found = Lessons(np.array(features), np.array(leads), np.array(truth))
    found.features[:, 1] /= step
    return found


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


def _law(events: list[Lessons], weights: np.ndarray) -> np.ndarray:
    """(M, 3) by maximum likelihood over the rates of LAW_RATES."""
    plain = Constants(NODES, weights, np.zeros((len(NODES), 3)))
    values = [np.log(predict(plain, event.features, event.leads) + 0.02) for event in events]
    levels = np.log(np.log1p(LAW_RATES) + 0.02)
    shares = [mix(event.leads, NODES) for event in events]
    wet = [event.truth[:, None] >= np.log1p(LAW_RATES) for event in events]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        law = flat.reshape(len(NODES), 3)
        total, gradient = 0.0, np.zeros_like(law)
        for value, share, truth in zip(values, shares, wet, strict=True):
            a, b, c = (share @ law).T[:, :, None]
            score = a + b * value[:, None] - c * levels
            total += (np.logaddexp(0.0, score) - truth * score).mean()
            error = (1 / (1 + np.exp(-score)) - truth) / score.size
            parts = (error.sum(axis=1), (error * value[:, None]).sum(axis=1), -(error * levels).sum(axis=1))
            gradient += np.stack([share.T @ part for part in parts], axis=1)
        return total, gradient.ravel()

    start = np.tile([0.0, 2.0, 2.0], (len(NODES), 1)).ravel()
    return minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x.reshape(-1, 3)


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/radar")
    told = {name: event_lessons(folder / f"{name}.npz") for name in EVENTS}
    for name, lesson in told.items():
        constants = fit([other for event, other in told.items() if event != name])
        error = predict(constants, lesson.features, lesson.leads) - lesson.truth
        by_lead = [f"{(error[np.abs(lesson.leads - m) < 3] ** 2).mean():.4f}" for m in (5, 10, 20, 30, 40, 60, 90, 120)]
        print(f"{name}: left out, {len(error)} lessons, squared error at 5 … 120 min: {' '.join(by_lead)}")
    constants = fit(list(told.values()))
    print("weights", repr(constants.weights.round(4).tolist()), "\nlaw", repr(constants.law.round(4).tolist()))


if __name__ == "__main__":
    main()
