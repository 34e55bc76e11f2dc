"""Rain in the layout of ENS challenge 88: every method on three events, none of which it has seen.

    python -m benchmarks.skill.rain_challenge [../shared/data/radar] [weights]

Squared error of log1p by lead, ratios to pySTEPS (Lucas-Kanade and extrapolation, predictions in the files) and to
persistence, and the pooled ratio with a 90 % interval from a bootstrap over blocks of half an hour and 1 degree.
A method is a row of METHODS: `(event, x (N, 4, 128, 128) mm/h with NaN, step minutes) -> (N, 8) mm/h`.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from benchmarks.skill.rain_constants import EVENTS, Lessons, event_lessons, fit
from benchmarks.skill.rain_reliability import WEIGHTS, rain_artifact

from brise.models.rain_extrapolation import centre
from brise.models.rain_serving import open_nowcaster

SCORED = ("AU_20180616", "NL_20100826", "CH_20170131")
MISSING = 65535
FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/radar")

Method = Callable[[str, np.ndarray, float], np.ndarray]


@cache
def lessons_of(event: str) -> Lessons:
    return event_lessons(FOLDER / f"{event}.npz")


def classical(event: str, x: np.ndarray, step: float) -> np.ndarray:
    """Constants fitted on the other four events."""
    return centre(x, step, constants=fit([lessons_of(name) for name in others(event)]))


def smoothing(event: str, x: np.ndarray, step: float) -> np.ndarray:
    """Extrapolation whose scales are weighed by lead alone: the classical one without the growth it has learnt."""
    still = np.array([1.0, 0.0])[:, None]
    known = [replace(one, features=one.features * still) for one in map(lessons_of, others(event))]
    return centre(x, step, constants=fit(known))


def learned(event: str, x: np.ndarray, step: float) -> np.ndarray:
    """The shipped artifact's networks that never saw the event."""
    return open_nowcaster(rain_artifact(WEIGHTS), without=event).centre(x, step)


def others(event: str) -> list[str]:
    return [name for name in EVENTS if name != event]


METHODS: dict[str, Method] = {"smoothing": smoothing, "classical": classical, "learned": learned}


def samples(event: str) -> dict[str, np.ndarray]:
    """The file's arrays, `x` in mm/h with NaN and `block` numbers added."""
    with np.load(FOLDER / "benchmarks" / f"{event}.npz", allow_pickle=False) as file:
        found = dict(file)
    x = found["x"]
    found["x"] = np.where(x == MISSING, np.nan, x.astype(np.float32) / 100).astype(np.float32)
    half_hours = found["t0"].astype("datetime64[s]").astype(np.int64) // 1800
    places = np.floor(found["lat"]).astype(np.int64) * 1000 + np.floor(found["lon"]).astype(np.int64)
    found["block"] = np.unique(np.stack([half_hours, places]), axis=1, return_inverse=True)[1]
    return found


def squared(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(N, 8) squared differences of log1p."""
    return (np.log1p(np.nan_to_num(prediction)) - np.log1p(truth)) ** 2


def interval(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """5 % and 95 % of the pooled ratio when blocks are drawn again; parts are (error, reference, block) of an event."""
    rng = np.random.default_rng(0)
    ratios = []
    sums = [
        np.stack([np.bincount(block, e.mean(axis=1)), np.bincount(block, r.mean(axis=1))], axis=1)
        for e, r, block in parts
    ]
    for _ in range(2000):
        drawn = sum(rows[rng.integers(0, len(rows), len(rows))].sum(axis=0) for rows in sums)
        ratios.append(drawn[0] / drawn[1])
    return float(np.quantile(ratios, 0.05)), float(np.quantile(ratios, 0.95))


def report(methods: dict[str, Method]) -> dict[str, float]:
    """Prints the tables; the pooled ratio of each method to pySTEPS."""
    events = {event: samples(event) for event in SCORED}
    pooled = {}
    reference = {event: squared(found["bench_pysteps_lk"], found["y"]) for event, found in events.items()}
    for name, method in methods.items():
        parts = []
        print(f"\n{name}: MSLE by lead (ratio to pySTEPS)")
        for event, found in events.items():
            error = squared(method(event, found["x"], float(found["step_min"])), found["y"])
            stands = squared(np.repeat(found["bench_persistence"][:, None], 8, axis=1), found["y"])
            rows = zip(error.mean(axis=0), reference[event].mean(axis=0), strict=True)
            print(f"  {event:12s}", "  ".join(f"{e:.4f} ({e / r:.2f})" for e, r in rows))
            print(
                f"  {'':12s} mean {error.mean():.4f}, pySTEPS {reference[event].mean():.4f}, persistence "
                f"{stands.mean():.4f}: ratio {error.mean() / reference[event].mean():.3f} to pySTEPS, "
                f"{error.mean() / stands.mean():.3f} to persistence; {len(error)} samples"
            )
            parts.append((error, reference[event], found["block"]))
        total = [np.concatenate([part[at] for part in parts]) for at in (0, 1)]
        pooled[name] = float(total[0].mean() / total[1].mean())
        low, high = interval(parts)
        print(
            f"  pooled: {total[0].mean():.4f} / {total[1].mean():.4f} = {pooled[name]:.3f} [{low:.3f}, {high:.3f}], "
            f"{sum(len(np.unique(part[2])) for part in parts)} blocks"
        )
    return pooled


def main() -> None:
    report(METHODS)


if __name__ == "__main__":
    main()
