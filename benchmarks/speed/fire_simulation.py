"""The fire product end to end: an ensemble of 300 x 300 cells on two threads, and one run's memory for three sizes.

    python -m benchmarks.speed.fire_simulation [MEMBERS]

Fractal ground and five fuels, six rows of weather, moisture of every slope from weather and sun, flames counted. CPU
time beside wall time, since others disturb: on two free cores the wall takes half of it.
"""

import sys
import time
import tracemalloc

import numpy as np
from scipy.ndimage import gaussian_filter

from brise.conventions.fire import FireGrid, FireStart, FireWeather, Landscape
from brise.products.fire_ensemble import ensemble
from brise.products.fire_run import FireOptions
from brise.products.fire_spread import simulate

START, ROWS = np.datetime64("2025-07-01T10:00:00", "s"), 6
FUELS = np.array([102, 122, 145, 165, 183], np.int16)


def landscape(n: int) -> Landscape:
    rng = np.random.default_rng(1)
    height = gaussian_filter(rng.standard_normal((n, n)), 15)
    height *= 60 / height.std()
    down, right = np.gradient(height, 30.0)
    patches = gaussian_filter(rng.standard_normal((n, n)), 6)
    fuel = FUELS[np.digitize(patches, np.quantile(patches, [0.2, 0.4, 0.6, 0.8]))]
    return Landscape(
        FireGrid("", 0.0, n * 30.0, 30.0, n, n),
        fuel,
        height.astype(np.float32),
        np.hypot(right, down).astype(np.float32),
        (np.degrees(np.arctan2(-right, down)) % 360).astype(np.float32),
    )


def weather(speed: float) -> FireWeather:
    hour, nan = np.arange(ROWS), np.full(ROWS, np.nan)
    times = START + hour * np.timedelta64(3600, "s")
    air = (np.full(ROWS, 300.0), np.full(ROWS, 0.25))
    return FireWeather(times, speed + 0.3 * hour, 230.0 + 8.0 * hour, "10m", *air, nan, nan)


def members(count: int, speed: float) -> None:
    land, middle = landscape(300), [FireStart((4500.0,), (4500.0,))]
    for asked in (2, count):
        options = FireOptions(START, float(ROWS), members=asked, parts=1, place=(40.0, 0.0))
        began, worked = time.perf_counter(), time.process_time()
        found = ensemble(land, weather(speed), middle, options)
    share = found.area_ha[:, -1].mean() / (300 * 300 * 0.09)
    print(
        f"{count} members, wind from {speed} m/s, {share:.0%} burned on average: {time.perf_counter() - began:.1f} s, "
        f"{time.process_time() - worked:.1f} s of CPU"
    )


def memory(n: int) -> None:
    land = landscape(n)
    options = FireOptions(START, float(ROWS), parts=1, rate_factor=40.0, place=(40.0, 0.0))
    tracemalloc.start()
    found = simulate(land, weather(12.0), [FireStart((n * 15.0,), (n * 15.0,))], options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"{n} x {n}, {np.isfinite(found.arrival).mean():.0%} burned: {peak / n**2:.0f} bytes a cell at the most")


if __name__ == "__main__":
    simulate(landscape(20), weather(5.0), [FireStart((300.0,), (300.0,))], FireOptions(START, 1.0))  # compile
    for side in (250, 500, 1000):
        memory(side)
    for speed in (6.0, 15.0):
        members(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, speed)
