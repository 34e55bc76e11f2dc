"""The fire front held to what it must reproduce: circles, ellipses at any angle, FlamMap's minimum travel time run.

    python -m benchmarks.skill.fire_front [SHARED_DATA]

Prints Markdown tables; the tests hold the same limits.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from benchmarks.skill.fire_behaviour import MPH, crowns_of, line, rows_of

from brise.formulas.fire.ellipse import eccentricity
from brise.formulas.fire.front import Clock, Ignition, Spread, along, front
from brise.formulas.fire.front_lattice import lattice_arrival

CELL, MINUTES = 30.0, 400.0
SOUTH, WEST, ROWS = 3210.0, -2098.0, 94  # of run 19545
# the lower-left corners of the four cells of FlamMap's own ignition raster (MTTignition): those of cell (39, 31)
LIT = Ignition([38.5, 38.5, 39.49, 39.49], [30.5, 31.49, 31.49, 30.5], 0.0, closed=True)


def circle() -> None:
    n, rate, cell = 601, 0.3, 10.0
    flat = np.zeros((n, n))
    found = front([Spread(0.0, flat + rate, flat, flat)], [Ignition([300], [300], 0.0)], Clock(0.0, 9000.0), cell)
    y, x = np.mgrid[:n, :n] - 300.0
    far, angle = np.hypot(x, y) * cell, np.arctan2(y, x)
    ring = (far > 1000.0) & (far < 2650.0)
    radius = far[ring] / (found.arrival[ring] * rate)  # told by times, free of the cells' size
    sectors = np.floor((angle[ring] + np.pi) / (2 * np.pi) * 72).astype(int) % 72
    means = np.bincount(sectors, radius) / np.bincount(sectors)
    area = np.isfinite(found.arrival).sum() * cell**2 / (np.pi * (9000.0 * rate) ** 2) - 1
    print("\n### Still air, radius of 270 cells\n")
    print(f"area {area:+.3%}; radius over 72 directions {means.min() - 1:+.4%} to {means.max() - 1:+.4%}")


def ellipses(folder: Path) -> None:
    rows = rows_of(folder / "expected.csv")[:6]
    head, back = 843.990 / 3600, 47.037 / 3600
    e = (head - back) / (head + back)
    n, cell = 900, 12.0
    print("\n### ELMFIRE's ellipse, turned: errors of the area\n")
    line("head, degrees", *(f"{row['hour']} h" for row in rows), "times, worst")
    line(*["---"] * 8)
    for degrees in (0.0, 10.0, 22.5, 30.0, 45.0, 217.0):
        toward = np.radians(degrees)
        row, column = 450 + 190 * np.cos(toward), 450 - 190 * np.sin(toward)
        table = Spread(0.0, np.full((n, n), head), np.full((n, n), toward), np.full((n, n), e))
        found = front([table], [Ignition([row], [column], 0.0)], Clock(0.0, 6 * 3600.0), cell)
        areas = [(found.arrival <= float(each["hour"]) * 3600).sum() * cell**2 / 1e4 for each in rows]
        off = [f"{area / float(each['area_ha']) - 1:+.2%}" for area, each in zip(areas, rows, strict=True)]
        y, x = (row - np.mgrid[:n, :n][0]) * cell, (np.mgrid[:n, :n][1] - column) * cell
        far = np.hypot(x, y)
        asked = np.isfinite(found.arrival) & (far > 10 * cell)
        exact = (far - e * (x * np.sin(toward) + y * np.cos(toward))) / (head * (1 - e))
        line(degrees, *off, f"{np.abs(found.arrival[asked] / exact[asked] - 1).max():.3%}")


def outline(path: Path) -> np.ndarray:
    """(row, column) of the corners of the one polygon of one ring."""
    x, y = np.frombuffer(path.read_bytes()[156:], "<f8").reshape(-1, 2).T
    return np.stack([(SOUTH + ROWS * CELL - y) / CELL - 0.5, (x - WEST) / CELL - 0.5], axis=-1)


def behaviour(folder: Path) -> Spread:
    raw = np.frombuffer((folder / "19545.lcp").read_bytes()[7316:], "<i2").reshape(ROWS, 84, 8).astype(float)
    keys = ("elevation", "slope", "aspect", "code", "cover", "height", "base", "density")
    layers = dict(zip(keys, np.moveaxis(raw, -1, 0), strict=True))
    layers["tangent"] = np.tan(np.radians(layers["slope"]))
    wind = 36 * MPH * np.array([np.sin(np.radians(119)), np.cos(np.radians(119))])
    _, crowns = crowns_of(layers, wind, np.array([0.03, 0.04, 0.10, 0.53, 1.31]), 1.0)
    burns = crowns.rate > 0
    shape = np.where(burns, eccentricity(np.where(burns, crowns.length_to_width, 1.0)), 0.0)
    return Spread(0.0, np.where(burns, crowns.rate, 0.0), np.where(burns, crowns.direction, 0.0), shape)


def published(folder: Path) -> Spread:
    rate, direction, b, c = (
        np.loadtxt(folder / "Outputs" / f"testMTT_{name}.asc", skiprows=6)
        for name in ("SPREADRATE", "MAXSPREADDIR", "ELLIPSEDIM_B", "ELLIPSEDIM_C")
    )
    burns = rate > 0
    e = np.where(burns, np.clip(c / np.where(burns, b, 1.0), 0.0, 0.9999), 0.0)
    return Spread(0.0, np.where(burns, rate / 60.0, 0.0), np.where(burns, direction, 0.0), e)


def travel_time_run(folder: Path) -> None:
    expected = np.loadtxt(folder / "Outputs" / "testMTT_ArrivalTime.asc", skiprows=6)
    barrier = np.floor(along(outline(folder / "barrier2.shp")) + 0.5).astype(int)
    drawn = outline(folder / "test2.shp")
    starts = {"as drawn": Ignition(list(drawn[:, 0]), list(drawn[:, 1]), 0.0, closed=True), "as lit": LIT}
    clock = Clock(0.0, 60.0 * MINUTES)
    solvers = {"lattice": lambda table, start: lattice_arrival(table, [start], clock, CELL)}
    for parts in (1, 3, 5, 9):
        for touched in (False, True)[: 1 if parts == 1 else 2]:
            name = f"front, {parts} parts{', touched' if touched else ''}"
            solvers[name] = lambda table, start, p=parts, t=touched: front([table], [start], clock, CELL, p, t).arrival
    print("\n### FlamMap's travel times, run 19545\n")
    line(
        "ellipses",
        "ignition",
        "solver",
        "burned by both of either",
        "median time apart",
        "ours only",
        "theirs only",
        "s",
    )
    line(*["---"] * 8)
    for label, table in (("FlamMap's", published(folder)), ("ours", behaviour(folder))):
        table.rate[barrier[:, 0], barrier[:, 1]] = 0.0
        for start, ignition in starts.items():
            for name, solve in solvers.items():
                began = time.process_time()
                found = solve(table, ignition) / 60.0
                took = time.process_time() - began
                ours, theirs = np.isfinite(found), expected >= 0
                both = ours & theirs & (expected > 0)
                share = (ours & theirs).sum() / (ours | theirs).sum()
                off = np.median(np.abs(found[both] / expected[both] - 1))
                only = (int((ours & ~theirs).sum()), int((theirs & ~ours).sum()))
                line(label, start, name, f"{share:.1%}", f"{off:.1%}", *only, f"{took:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    fire = parser.parse_args().data / "fire"
    circle()
    ellipses(fire / "elmfire_ellipse")
    travel_time_run(fire / "flammap_mtt_19545")


if __name__ == "__main__":
    main()
