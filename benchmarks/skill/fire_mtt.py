"""The product beside FlamMap's own minimum-travel-time run 19545, from landscape, weather, ignition and barrier.

    python -m benchmarks.skill.fire_mtt [SHARED_DATA]

Cells burned by both of those burned by either, and the median relative difference of arrival where both burned.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from brise.conventions.fire import FireWeather
from brise.io.sources.fire_ignition import read_ignitions
from brise.io.sources.fire_landscape import read_landscape
from brise.products.fire_ground import barred
from brise.products.fire_run import FireOptions
from brise.products.fire_spread import simulate

MPH = 0.44704


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    folder = parser.parse_args().data / "fire" / "flammap_mtt_19545"
    landscape = read_landscape(folder / "19545.lcp")
    starts = read_ignitions(str(folder / "test2.shp"), landscape.grid)
    landscape = barred(landscape, read_ignitions(str(folder / "barrier2.shp"), landscape.grid))
    start, nan = np.datetime64("2024-07-01T12:00:00", "s"), np.full(1, np.nan)
    weather = FireWeather(np.array([start]), np.array([36 * MPH]), np.array([299.0]), "20ft", nan, nan, nan, nan)
    want = np.loadtxt(folder / "Outputs" / "testMTT_ArrivalTime.asc", skiprows=6)
    seen = want >= 0
    print("| length to width | parts of a cell | cells | both of either | arrival, median difference | seconds |")
    print("|---|---|---|---|---|---|")
    for shape, touched in (("behave", False), ("flammap", False), ("flammap", True)):
        for parts in (1, 3, 5):
            moisture = (0.03, 0.04, 0.10, 0.53, 1.31)
            options = FireOptions(
                start, 400 / 60, length_to_width=shape, moisture=moisture, parts=parts, touched=touched
            )
            began = time.process_time()
            arrival = simulate(landscape, weather, starts, options).arrival
            took = time.process_time() - began
            burned = np.isfinite(arrival)
            both = burned & seen
            off = np.abs(arrival[both] / np.maximum(want[both], 0.1) - 1)
            name = f"{shape}, cells that fire touches" if touched else shape
            overlap = both.sum() / (burned | seen).sum()
            figures = f"{burned.sum()} of {seen.sum()} | {overlap:.1%} | {np.median(off):.1%} | {took:.2f}"
            print(f"| {name} | {parts} | {figures} |")


if __name__ == "__main__":
    main()
