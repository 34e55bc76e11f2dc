"""Two real fires in Belgium (2025): simulated against the mapped scar, uncalibrated and calibrated.

    python -m benchmarks.skill.fire_belgium [SHARED_DATA]

The scars carry no time, so a run is scored at the duration that fits best: Jaccard index of burned and observed cells,
and area ratio. Every moisture scenario is listed, as the moisture was not measured. Calibrated: multipliers are fitted
with the first half of the wind series, then the fire is run again under the second half alone and scored there.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from brise.io.fire_runs import place_of
from brise.io.sources.fire_ignition import read_ignitions
from brise.io.sources.fire_landscape import read_landscape
from brise.io.sources.fire_weather import read_weather
from brise.products.fire_calibration import agreement, best_time, calibrate, masks
from brise.products.fire_moisture import scenario
from brise.products.fire_run import FireOptions
from brise.products.fire_spread import simulate


def row(*cells: object) -> None:
    print(
        "| " + " | ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |", flush=True
    )


def scored(name, parts, mask, factors=None):
    result = simulate(*parts, factors=factors)
    minutes, index, ratio = best_time(result.arrival, mask)
    end = agreement(result.arrival, mask, parts[3].hours * 60.0)
    row(name, round(minutes), index, ratio, end[0], end[1])


def fire(folder: Path) -> None:
    landscape = read_landscape(folder)
    weather = read_weather(folder / "Weather.csv")
    starts = read_ignitions(str(folder / "Ignitions.csv"), landscape.grid)
    scar = read_ignitions(str(folder / "ground_truth" / "observed_scar.shp"), landscape.grid)
    hours = len(weather.time)
    options = FireOptions(weather.time[0], float(hours), place=place_of(landscape.grid))
    mask = masks(landscape.grid, options, scar)[0].mask
    parts = (landscape, weather, starts, options)
    print(f"\n### {folder.name}: scar {mask.sum() / 100:.2f} ha, {hours} rows of wind\n")
    row("run", "best minute", "Jaccard", "area ratio", "Jaccard at the end", "area ratio at the end")
    row(*["---"] * 6)
    scored("defaults (the season's)", parts, mask)
    for dead in "1234":
        for live in "1234":
            name = f"D{dead}L{live}"
            scored(name, (landscape, weather, starts, replace(options, moisture=scenario(name))), mask)
    half = hours // 2
    first = replace(options, hours=float(half))
    second = replace(options, start=weather.time[half], hours=float(hours - half))
    found = calibrate(landscape, weather, starts, first, scar)
    scored("first half, defaults", (landscape, weather, starts, first), mask)
    scored("first half, calibrated on it", (landscape, weather, starts, first), mask, found.mean)
    scored("second half, defaults", (landscape, weather, starts, second), mask)
    scored("second half, calibrated on the first", (landscape, weather, starts, second), mask, found.mean)
    print()
    for name, value in found.page()["factors"].items():
        print(f"- {name}: {value['mean']} ± {value['sd']}")
    print(
        f"- effective particles {found.effective:.0f}; Jaccard {found.before[0]:.3f} before, {found.after[0]:.3f} after"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    for folder in sorted((parser.parse_args().data / "fire" / "belgium_2025").glob("Case*")):
        fire(folder)


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
