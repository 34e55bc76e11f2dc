"""Speed of the analysis: optimal interpolation of 5,000 stations at up to a million points, on one core.

    python -m benchmarks.speed.analysis

Prints CPU seconds and peak memory for three sizes, what a further point costs, and the ratio to PyKrige's ordinary
kriging in a moving window of as many stations on the very same points, in its compiled and its plain backend. Each size
runs in a process of its own, so that its peak memory is its own.
"""

import itertools
import multiprocessing
import os
import resource
import time

import numpy as np
from pykrige.ok import OrdinaryKriging

from brise.conventions.grids import unit_vectors
from brise.formulas.interpolation import Covariance, neighbourhood

STATIONS, NEIGHBOURS = 5_000, 40
SIZES = (250_000, 500_000, 1_000_000)
PEER_SIZES = {"C": 1_000_000, "loop": 250_000}
COVARIANCE = Covariance((50.0, 30.0), (40.0, 1000.0), 20.0)
AREA = (35.0, 60.0, -10.0, 30.0)


def stations() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half spread evenly over a continent, half in a hundred cities."""
    rng = np.random.default_rng(0)
    south, north, west, east = AREA
    half = STATIONS // 2
    cities = np.stack([rng.uniform(south, north, 100), rng.uniform(west, east, 100)], axis=1)
    places = np.concatenate(
        [
            np.stack([rng.uniform(south, north, half), rng.uniform(west, east, half)], axis=1),
            cities[rng.integers(0, 100, STATIONS - half)] + rng.normal(0, 0.2, (STATIONS - half, 2)),
        ]
    )
    return places[:, 0], places[:, 1], rng.normal(0, 10, STATIONS)


def grid(count: int) -> tuple[np.ndarray, np.ndarray]:
    columns = round(np.sqrt(count * 1.6))
    rows = round(count / columns)
    south, north, west, east = AREA
    latitude, longitude = np.meshgrid(np.linspace(north, south, rows), np.linspace(west, east, columns), indexing="ij")
    return latitude.ravel(), longitude.ravel()


def ours(count: int) -> tuple[int, float, float]:
    """Points, CPU seconds for values and error variance, peak GB."""
    latitude, longitude, values = stations()
    places = unit_vectors(*grid(count))
    began = time.process_time()
    weights = neighbourhood(unit_vectors(latitude, longitude), places, COVARIANCE, 1.0, NEIGHBOURS)
    field = weights.apply(values)
    seconds = time.process_time() - began
    if not (np.isfinite(field).all() and np.isfinite(weights.variance).all()):
        raise SystemExit("the analysis left points unknown")
    return len(field), seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def peer(count: int, backend: str) -> tuple[int, float]:
    """Points and CPU seconds of PyKrige, variogram given, so that only the kriging counts."""
    latitude, longitude, values = stations()
    where = grid(count)
    parameters = {"sill": 100.0, "range": 1.0, "nugget": 20.0}
    kriging = OrdinaryKriging(longitude, latitude, values, "exponential", parameters, exact_values=False)
    began = time.process_time()
    kriging.execute("points", where[1], where[0], backend=backend, n_closest_points=NEIGHBOURS)
    return len(where[0]), time.process_time() - began


def main() -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # the spawned processes read it when they load their libraries
    context = multiprocessing.get_context("spawn")
    results = {}
    for size in SIZES:
        with context.Pool(1) as pool:
            results[size] = count, seconds, memory = pool.apply(ours, (size,))
        print(
            f"{STATIONS} stations -> {count:9,d} points: {seconds:6.2f} s CPU, {memory:.2f} GB peak, "
            f"{seconds / count * 1e6:.2f} us a point"
        )
    marginal = [(results[b][1] - results[a][1]) / (results[b][0] - results[a][0]) for a, b in itertools.pairwise(SIZES)]
    print(f"a further point costs {marginal[0] * 1e6:.2f}, then {marginal[1] * 1e6:.2f} us: linear, plus the blocks")
    for backend, size in PEER_SIZES.items():
        with context.Pool(1) as pool:
            count, seconds = pool.apply(peer, (size, backend))
        print(
            f"PyKrige, {backend} backend, {NEIGHBOURS} closest, {count:,d} points: {seconds:6.2f} s CPU, "
            f"{seconds / count * 1e6:.0f} us a point; x{seconds / results[size][1]:.1f} ours on the same job"
        )


if __name__ == "__main__":
    main()
