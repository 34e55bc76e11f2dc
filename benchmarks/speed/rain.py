"""Speed of the rain nowcast beside pySTEPS, in one run and on one core; what memory allows the advection.

    make peers && python -m benchmarks.speed.rain [../shared/data/radar]

Motion and eight steps, as `rain_extrapolation.extrapolate` does them, against pySTEPS' dense Lucas-Kanade and
semi-Lagrangian extrapolation on mm/h (the challenge's own benchmark): on 128 x 128 windows and on the whole Finnish
domain of 1100 x 1250, with the squared error of log1p of both on the same pixels. CPU seconds, the best of some runs.
The advection's share: bytes it must move (field 4, departure 8, result 4 a pixel) over its time, against the rate of a
triad (a = b + s c) and of a copy in the same process.
"""

import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.skill.rain_constants import EVENTS, event_lessons, fit

from brise.formulas.advection import advect, departure_points
from brise.formulas.advection_kernels import sample
from brise.formulas.compiled import compiled
from brise.formulas.motion import estimate_motion
from brise.models.rain_extrapolation import extrapolate

PEERS = Path(__file__).resolve().parents[2] / "build" / "peers"
MISSING, STEPS = 65535, 8
FIELD, WINDOWS = "FI_20160928", ("AU_20180616", "CH_20170131", "NL_20100826")


def best(call: Callable[[], Any], repeats: int) -> float:
    """CPU seconds of the fastest of some runs, after one that compiles."""
    call()
    seconds = []
    for _ in range(repeats):
        began = time.process_time()
        call()
        seconds.append(time.process_time() - began)
    return min(seconds)


def pysteps() -> Callable[[np.ndarray], np.ndarray]:
    """(T, Y, X) mm/h -> (8, Y, X) by pySTEPS, as the challenge's benchmark calls it."""
    sys.path.append(str(PEERS))
    warnings.simplefilter("ignore")
    from pysteps import extrapolation, motion

    flow, extend = motion.get_method("LK"), extrapolation.get_method("semilagrangian")

    def peer(rain: np.ndarray) -> np.ndarray:
        masked = np.ma.masked_invalid(rain)
        return np.asarray(extend(np.nan_to_num(rain[-1]), np.asarray(flow(masked)), STEPS))

    return peer


def rates(raw: np.ndarray) -> np.ndarray:
    return np.where(raw == MISSING, np.nan, raw.astype(np.float32) / 100).astype(np.float32)


def error(ours: np.ndarray, theirs: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """MSLE of both where all three are known."""
    known = np.isfinite(ours) & np.isfinite(theirs) & np.isfinite(truth)
    return tuple(
        float(np.mean((np.log1p(np.maximum(given[known], 0)) - np.log1p(truth[known])) ** 2))
        for given in (ours, theirs)
    )


def compare(title: str, cases: list[tuple[np.ndarray, np.ndarray, float, Any]], peer: Callable, repeats: int) -> None:
    """One line: cases are (rain, truth (8, Y, X), step, constants)."""
    errors, ours_s, peer_s = [], 0.0, 0.0
    for rain, truth, step, constants in cases:
        leads = step * np.arange(1, STEPS + 1)
        ours, theirs = extrapolate(rain, step, leads, constants), peer(rain)
        errors.append(error(ours, theirs, truth))
        ours_s += best(lambda r=rain, s=step, m=leads, c=constants: extrapolate(r, s, m, c), repeats)
        peer_s += best(lambda r=rain: peer(r), max(1, repeats // 3))
    mean = np.mean(errors, axis=0)
    count = len(cases)
    print(
        f"{title}: {ours_s / count * 1e3:8.1f} ms ours, {peer_s / count * 1e3:9.1f} ms pySTEPS: "
        f"x{peer_s / ours_s:.1f}; MSLE {mean[0]:.4f} against {mean[1]:.4f} on the same pixels",
        flush=True,
    )


def windows(folder: Path, constants: dict[str, Any], count: int) -> list[tuple[np.ndarray, np.ndarray, float, Any]]:
    """Random 128 x 128 windows with rain in the middle, with the fields that came."""
    rng, found = np.random.default_rng(0), []
    for event in WINDOWS:
        with np.load(folder / f"{event}.npz", allow_pickle=False) as file:
            raw, step = file["rate"], float(file["step"])
        kept = 0
        while kept < count:
            t = rng.integers(3, len(raw) - STEPS)
            i, j = rng.integers(0, raw.shape[1] - 127), rng.integers(0, raw.shape[2] - 127)
            box = raw[t - 3 : t + STEPS + 1, i : i + 128, j : j + 128]
            if (box[:4] == MISSING).any() or (box[:4] >= 10).mean() < 0.05 or not (box[3, 48:80, 48:80] >= 10).any():
                continue
            found.append((rates(box[:4]), rates(box[4:]), step, constants[event]))
            kept += 1
    return found


@compiled
def triad(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
    for index in range(len(a)):
        a[index] = b[index] + np.float32(3.0) * c[index]


def bandwidth(rain: np.ndarray) -> None:
    a, b, c = (np.ones(24_000_000, np.float32) for _ in range(3))
    triad_rate = 12 * len(a) / best(lambda: triad(a, b, c), 9) / 1e9
    copy_rate = 8 * len(a) / best(lambda: np.copyto(a, b), 9) / 1e9
    where = departure_points(estimate_motion(rain), np.arange(1.0, STEPS + 1))
    out = np.empty(rain.shape[1:], np.float32)
    seconds = [best(lambda w=w: sample(rain[-1], w[0], w[1], out), 15) for w in where]
    rate = 16 * out.size / np.mean(seconds) / 1e9
    print(
        f"advection: {np.mean(seconds) / out.size * 1e9:.2f} ns a pixel, {rate:.1f} GB/s; triad {triad_rate:.1f}, "
        f"copy {copy_rate:.1f} GB/s on the same core: {rate / triad_rate:.0%} and {rate / copy_rate:.0%} of them"
    )
    motion = estimate_motion(rain)
    steps = np.arange(1.0, STEPS + 1)
    parts = {
        "motion": lambda: estimate_motion(rain),
        "departure points": lambda: departure_points(motion, steps),
        "eight samplings": lambda: advect(rain[-1], where),
    }
    print("of which", ", ".join(f"{name} {best(call, 5) * 1e3:.0f} ms" for name, call in parts.items()))


def main() -> None:
    if os.environ.get("OMP_NUM_THREADS") != "1":  # read when libraries load, so start again with it
        one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks.speed.rain", *sys.argv[1:]], {**os.environ, **one})
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/radar")
    if not PEERS.is_dir():
        raise SystemExit(f"no pySTEPS in {PEERS}: run make peers")
    peer = pysteps()
    told = {event: event_lessons(folder / f"{event}.npz", 0.2) for event in EVENTS}
    left_out = {event: fit([told[other] for other in EVENTS if other != event]) for event in EVENTS}
    compare("128 x 128, 18 windows", windows(folder, left_out, 6), peer, 3)
    with np.load(folder / f"{FIELD}.npz", allow_pickle=False) as file:
        raw, step = file["rate"], float(file["step"])
    cases = [(rates(raw[t - 3 : t + 1]), rates(raw[t + 1 : t + 1 + STEPS]), step, left_out[FIELD]) for t in (8, 24)]
    compare("1100 x 1250, 2 times  ", cases, peer, 3)
    bandwidth(cases[0][0])


if __name__ == "__main__":
    main()
