"""Fire behaviour beside the outputs of BehavePlus, FlamMap and ELMFIRE, and beside forty observed burns.

    python -m benchmarks.skill.fire_behaviour [SHARED_DATA]

Prints Markdown tables. The published programs' figures are agreement, the burns are skill.
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np
from PIL import Image

from brise.formulas.fire.crown import Canopy, crown_fire, rothermel_bed, rothermel_run
from brise.formulas.fire.fuel_models import fuel_arrays, fuel_model, stack
from brise.formulas.fire.surface import heading_on_slope, surface_spread
from brise.formulas.fire.wind import wind_adjustment

MPH, CHAIN_H = 0.44704, 66 * 0.3048 / 3600
WIND_TO = {"wind-and-slope": 0.0, "slope-90-180": 270.0, "slope-135-180": 315.0}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def line(*cells: object) -> None:
    print("| " + " | ".join(f"{c:.5g}" if isinstance(c, float) else str(c) for c in cells) + " |")


def behaveplus(folder: Path) -> None:
    rows = rows_of(folder / "behaveplus5.csv")
    values = [[float(v) for v in row["values(as in source; columns in source comments)"].split()] for row in rows]
    moisture = np.array([[float(row[k]) / 100 for row in rows] for k in ("m1", "m10", "m100", "mherb", "mwoody")])
    speed = np.array([float(row["midflame_mph"]) * MPH for row in rows])
    angle = np.radians([next((d for end, d in WIND_TO.items() if row["table"].endswith(end)), 0.0) for row in rows])
    slope = np.array([float(row["slope_pct"]) / 100 for row in rows])
    wind, rise = np.array([speed * np.sin(angle), speed * np.cos(angle)]), np.array([slope * 0, slope])
    fuel = fuel_arrays([int(row["number"]) for row in rows])
    fire = surface_spread(fuel, moisture, wind, rise, "behave", "rothermel")
    want = np.array([v[0] for v in values])
    error = np.abs(fire.rate / CHAIN_H - want)
    turned = np.array(["cross" in row["table"] for row in rows])
    off = np.abs(np.degrees(fire.direction) - np.array([v[3] for v in values]))
    print("\n### BehavePlus 5 (40 models, 5 tables, its wind limit)\n")
    line("table", "within 0.06 ch/h or 1 %", "largest error, ch/h", "largest direction error, degrees")
    line(*["---"] * 4)
    for name in dict.fromkeys(row["table"] for row in rows):
        own = np.array([row["table"] == name for row in rows])
        met = error[own] <= np.maximum(0.06, 0.01 * want[own])
        direction = float(off[own].max()) if turned[own].any() else ""
        line(name.split("values-")[1], f"{met.sum()}/{own.sum()}", float(error[own].max()), direction)


def crowns_of(layers: dict[str, np.ndarray], wind: np.ndarray, moisture: np.ndarray, foliar: float):
    """Surface and crown fire on LANDFIRE layers (slope as a tangent, heights in dm, density in 0.01 kg m-3)."""
    facing = np.radians(np.maximum(layers["aspect"], 0) + 180)
    rise = layers["tangent"] * np.array([np.sin(facing), np.cos(facing)])
    open_wind = np.broadcast_to(wind.reshape(2, *(1,) * (rise.ndim - 1)), rise.shape)
    fuel = fuel_arrays(layers["code"].astype(int))
    midflame = open_wind * wind_adjustment(fuel.depth, layers["height"] / 10, layers["cover"] / 100)
    surface = surface_spread(fuel, moisture, midflame, rise, "flammap")
    canopy = Canopy(layers["base"] / 10, layers["height"] / 10, layers["density"] / 100, np.float64(foliar))
    return surface, crown_fire(surface, canopy, rothermel_run(rothermel_bed(moisture), open_wind, rise))


def worcester(folder: Path) -> None:
    names = {
        "code": "LC22_F40_230", "slope": "LC20_SlpP_220", "aspect": "LC20_Asp_220", "base": "LC22_CBH_230",
        "density": "LC22_CBD_230", "height": "LC22_CH_230", "cover": "LC22_CC_230", "rate": "ROS_ch_hr",
        "kind": "fire_type", "flame": "FL_ft",
    }  # fmt: skip
    grids = {key: np.asarray(Image.open(folder / f"{name}.tif")).astype(float) for key, name in names.items()}
    inside = grids["code"] < 300
    grids = {key: grid[inside] for key, grid in grids.items()}
    degrees = np.degrees(np.arctan(grids["slope"] / 100))
    print("\n### FlamMap, Worcester (no wind)\n")
    line("slope", "ROS MAE, surface cells, ch/h", "largest", "flame length MAE, ft", "crown state agrees", "seconds")
    line(*["---"] * 6)
    for label, slope in (("whole degrees", np.rint(degrees)), ("as given", degrees)):
        began = time.process_time()
        layers = {**grids, "tangent": np.tan(np.radians(slope))}
        fire, crowns = crowns_of(layers, np.zeros(2), np.array([0.06, 0.08, 0.10, 0.75, 0.60]), 1.2)
        took = time.process_time() - began
        only = grids["kind"] == 1
        error = np.abs(fire.rate / CHAIN_H - grids["rate"])[only]
        flame = np.abs(fire.flame_length / 0.3048 - grids["flame"])[only]
        agree = f"{(crowns.kind == grids['kind']).mean():.4%}"
        line(label, float(error.mean()), float(error.max()), float(flame.mean()), agree, f"{took:.2f}")


def travel_time_run(folder: Path) -> None:
    raw = np.frombuffer((folder / "19545.lcp").read_bytes()[7316:], "<i2").reshape(94, 84, 8).astype(float)
    keys = ("elevation", "slope", "aspect", "code", "cover", "height", "base", "density")
    layers = dict(zip(keys, np.moveaxis(raw, -1, 0), strict=True))
    layers["tangent"] = np.tan(np.radians(layers["slope"]))
    towards = np.radians(299 - 180)
    wind = 36 * MPH * np.array([np.sin(towards), np.cos(towards)])
    _, crowns = crowns_of(layers, wind, np.array([0.03, 0.04, 0.10, 0.53, 1.31]), 1.0)
    want = {
        name: np.loadtxt(folder / "Outputs" / f"testMTT_{name}.asc", skiprows=6)
        for name in ("SPREADRATE", "CROWNSTATE", "MAXSPREADDIR", "INTENSITY", "ELLIPSEDIM_A", "ELLIPSEDIM_B")
    }
    kind = want["CROWNSTATE"]
    facing = np.radians(np.maximum(layers["aspect"], 0) + 180)
    heading = heading_on_slope(crowns.direction, layers["tangent"] * np.array([np.sin(facing), np.cos(facing)]))
    print("\n### FlamMap, travel-time landscape (36 mph at 20 ft, canopy)\n")
    line("kind", "cells", "same kind", "ROS median error", "within 5 %", "intensity", "L/W", "direction, degrees")
    line(*["---"] * 8)
    for name, code in (("surface", 1), ("passive", 2), ("active", 3)):
        own = kind == code
        off = np.abs(crowns.rate[own] * 60 / want["SPREADRATE"][own] - 1)
        heat = np.abs(crowns.intensity[own] / 1e3 / want["INTENSITY"][own] - 1)
        shape = np.abs(crowns.length_to_width * want["ELLIPSEDIM_A"] / np.where(own, want["ELLIPSEDIM_B"], 1.0) - 1)[
            own
        ]
        turn = np.abs((np.degrees(heading - want["MAXSPREADDIR"])[own] + 180) % 360 - 180)
        same = f"{(crowns.kind[own] == code).mean():.3%}"
        figures = (
            f"{np.median(off):.3%}",
            f"{(off < 0.05).mean():.2%}",
            f"{np.median(heat):.3%}",
            f"{np.median(shape):.3%}",
        )
        line(name, int(own.sum()), same, *figures, float(np.median(turn)))


def elmfire(folder: Path) -> None:
    fuel = fuel_arrays(102)
    wind = [0.0, float(10 * MPH * wind_adjustment(fuel.depth))]
    fire = surface_spread(fuel, [0.03, 0.03, 0.03, 0.30, 0.60], wind, [0.0, 0.0], "elmfire")
    row = rows_of(folder / "expected.csv")[0]
    print("\n### ELMFIRE's ellipse (m/h)\n")
    line("", "ours", "expected", "error")
    line(*["---"] * 4)
    for name, ours, key in (
        ("head", fire.rate, "head_y_m_from_ignition"),
        ("back", -fire.backing, "back_y_m"),
        ("flank", fire.flanking, "flank_halfwidth_m"),
    ):
        expected = float(row[key])
        line(name, f"{float(ours) * 3600:.2f}", f"{expected:.2f}", f"{float(ours) * 3600 / expected - 1:+.3%}")


def vauda(folder: Path) -> None:
    rows = rows_of(folder / "firexp.csv")
    classes = ("1h", "10h", "100h", "Live_Herb", "Live_Woody")
    column = {key: np.array([float(row[key]) for row in rows]) for key in rows[0] if key}
    moisture = np.array([column[f"Moist_{c}"] / 100 for c in classes])
    wind = np.array([np.zeros(len(rows)), column["u"] / 3.6])
    rise = np.array([np.zeros(len(rows)), column["slope"] / 100])
    print("\n### Vauda heath, 40 burns: rate of spread, m/min\n")
    line("herbs", "wind limit", "bias", "RMSE", "MAE", "correlation", "mean observed")
    line(*["---"] * 7)
    for dynamic in (True, False):
        fuel = stack(
            [
                fuel_model(
                    "vauda",
                    tuple(float(row[f"Load_{c}"]) / 10 for c in classes),
                    tuple(float(row[f"SA/V_{c}"]) for c in classes),
                    (float(row["Fuel_Bed_Depth"]) / 100, float(row["Mx_dead"]) / 100),
                    tuple(float(row[f"Heat_{c}"]) * 1e3 for c in classes),
                    dynamic,
                )
                for row in rows
            ]
        )
        for limit in ("none", "rothermel"):
            told = surface_spread(fuel, moisture, wind, rise, "behave", limit).rate * 60
            off = told - column["ros"]
            figures = (off.mean(), np.sqrt((off**2).mean()), np.abs(off).mean(), np.corrcoef(told, column["ros"])[0, 1])
            label = "cured ones burn as dead" if dynamic else "all live"
            line(label, limit, *(float(f) for f in figures), float(column["ros"].mean()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    fire = parser.parse_args().data / "fire"
    behaveplus(fire / "behaveplus_tables")
    worcester(fire / "flammap_worcester_vt")
    travel_time_run(fire / "flammap_mtt_19545")
    elmfire(fire / "elmfire_ellipse")
    vauda(fire / "vauda_experiments")


if __name__ == "__main__":
    main()
