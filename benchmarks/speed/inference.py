"""Speed of the champion: 10,000 points x 49 leads x 4 pollutants from 500 stations.

    python -m benchmarks.speed.inference [--model NAME]

Prints wall seconds and peak memory of the whole prediction (base, features, graph, quantiles), those of the graph,
and what share of the machine's own matrix product rate the graph reaches on the products it must do.
"""

import argparse
import resource
import time

import numpy as np

from brise.conventions.grids import unit_vectors
from brise.conventions.observations import StationHours
from brise.models.features import TARGETS, Network
from brise.models.lessons import LEADS
from brise.models.network import Task, fit
from brise.models.samples import (
    AHEAD_FEATURES,
    CHANNELS,
    EDGE_FEATURES,
    HISTORY_HOURS,
    NEIGHBOURS,
    STATE_FEATURES,
    WHEN_FEATURES,
    scene,
)
from brise.models.sessions import open_session
from brise.service.jobs.champion import choose, open_artifacts, reference_of
from brise.service.settings import load_settings

STATIONS, POINTS, HOURS = 500, 10_000, 24 * 40
MAX_SECONDS, MAX_GB, MIN_SHARE = 5.0, 1.5, 0.6


def network() -> StationHours:
    """Stations over 1 by 1.5 degrees, with a daily cycle and weather that drifts."""
    rng = np.random.default_rng(0)
    hours = np.arange(HOURS)
    slow = np.convolve(rng.normal(size=HOURS + 47), np.ones(48) / 7, "valid")[:, None]
    day = np.sin(2 * np.pi * hours / 24)[:, None]
    level = 1 + 0.4 * rng.random(STATIONS)
    values = {
        name: np.maximum(level * (25 + 6 * slow + 7 * day) + rng.normal(size=(HOURS, STATIONS)) * 3, 1.0)
        for name in TARGETS
    }
    values |= {"temperature": 285 + 5 * day + 0 * level, "wind_speed": 3 + slow + 0 * level}
    return StationHours(
        np.datetime64("2024-01-01T00:00:00", "s") + hours * np.timedelta64(3600, "s"),
        np.array([f"s{n}" for n in range(STATIONS)]),
        50 + rng.random(STATIONS),
        10 + 1.5 * rng.random(STATIONS),
        np.full(STATIONS, np.nan),
        {name: matrix.astype(np.float32) for name, matrix in values.items()},
    )


def products(width: int, hidden: int, members: int, leads: int) -> float:
    """Floating-point operations of the graph's matrix products; it is asked at the stations, and carried from there."""
    lstm = STATIONS * HISTORY_HOURS * (CHANNELS + width) * 4 * width
    slow = STATIONS * (STATE_FEATURES * hidden + (width + hidden) * width)
    hop = NEIGHBOURS * EDGE_FEATURES * width + width**2
    between = onward = STATIONS * (width**2 + hop)
    place = STATIONS * (2 * width + 1) * hidden
    told = len(TARGETS) * AHEAD_FEATURES + WHEN_FEATURES
    decode = STATIONS * leads * (told * hidden + hidden**2 + hidden * 4 * len(TARGETS))
    return 2.0 * members * (lstm + slow + between + onward + place + decode)


def gemm_rate(hidden: int) -> float:
    """Floating-point operations a second of a product like the decoder's, all cores, float32."""
    rng = np.random.default_rng(0)
    left, right = (rng.normal(size=size).astype(np.float32) for size in ((200_000, hidden), (hidden, hidden)))
    best = np.inf
    for _ in range(7):
        began = time.perf_counter()
        left @ right
        best = min(best, time.perf_counter() - began)
    return 2.0 * len(left) * hidden**2 / best


def sizes(payload: bytes) -> tuple[int, int, int]:
    """Width, hidden size and number of members, from the graph's weights."""
    import onnx

    weights = {one.name: tuple(one.dims) for one in onnx.load_from_string(payload).graph.initializer}
    members = {name.split(".")[1] for name in weights if name.startswith("members.")}
    last = next(dims for name, dims in weights.items() if name.endswith("last.bias"))
    assert last == (16,)
    width = next(dims[0] for name, dims in weights.items() if name.endswith("join.bias"))
    hidden = next(dims[0] for name, dims in weights.items() if name.endswith("place.bias"))
    return width, hidden, len(members)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="champion")
    given = parser.parse_args([] if __name__ != "__main__" else None)
    store = open_artifacts(load_settings())
    model = choose(store, given.model, 2).model
    hours = network()
    fitted = fit(hours, None, tuple(lead for lead in LEADS if lead))
    rng = np.random.default_rng(1)
    places = unit_vectors(50 + rng.random(POINTS), 10 + 1.5 * rng.random(POINTS))
    leads, rows = tuple(range(49)), np.array([HOURS - 1])
    task = Task(fitted, "pm25", hours, rows, leads)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    began = time.perf_counter()
    for name in TARGETS:
        told = model.points(Task(fitted, name, hours, rows, leads), places)
        if not np.isfinite(told.value).all():
            raise SystemExit(f"{name}: unknown values")
    wall = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{STATIONS} stations -> {POINTS:,} points x 49 leads x {len(TARGETS)} pollutants, {model.name}")
    print(f"everything   {wall:5.2f} s wall (limit {MAX_SECONDS}), peak {peak:.2f} GB, {before:.2f} before")
    payload = store.read(reference_of(store, given.model))["model.onnx"]
    ours = scene(Network(task.fitted, hours), rows, leads)
    feeds = {name: getattr(ours, name) for name in ("series", "state", "own", "near", "edges", "ahead", "when")}
    feeds |= {"station_near": ours.near, "station_edges": ours.edges}
    session = open_session(payload, 2)
    seconds = np.inf
    for _ in range(3):
        began = time.perf_counter()
        session.run(feeds)
        seconds = min(seconds, time.perf_counter() - began)
    width, hidden, members = sizes(payload)
    work, rate = products(width, hidden, members, len(leads)), gemm_rate(hidden)
    share = work / rate / seconds
    print(f"graph alone  {seconds:5.2f} s; its products {work / 1e9:.0f} GFLOP, this machine {rate / 1e9:.0f} GFLOP/s")
    print(f"share of the machine's rate {share:.2f} (wanted {MIN_SHARE}); {members} members of width {width}/{hidden}")
    good = wall < MAX_SECONDS and peak < MAX_GB
    print(f"{'meets' if good else 'MISSES'} {MAX_SECONDS} s and {MAX_GB} GB")


if __name__ == "__main__":
    main()
