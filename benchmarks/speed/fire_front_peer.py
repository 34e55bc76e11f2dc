"""The fire front beside Pyretechnics, in one run and on one core: burned cells a second, and where the two fires agree.

    make peers && python -m benchmarks.speed.fire_front_peer [SHARED_DATA]

The same landscape, ignition, fuels, moisture and wind for both; CPU seconds of each (Pyretechnics in its own process
and environment: it pins NumPy 1). Pyretechnics works out fire behaviour within its level-set steps. So ours is given
twice: with behaviour (every cell's ellipse from fuel, moisture, wind and slope, then the front), which is the fair
comparison, and the front alone from tables at hand. Both have behave's length to width, no wind limit and no crowns.
Pyretechnics shortens rates on slopes to their length on the map, which FlamMap's travel times and ours do not: some
5 % on these hills.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from brise.formulas.fire.cells import Ground, surface_cells
from brise.formulas.fire.ellipse import eccentricity
from brise.formulas.fire.front import Clock, Front, Ignition, Spread, front
from brise.formulas.fire.fuel_models import fuel_arrays
from brise.formulas.fire.surface import fuel_bed
from brise.formulas.fire.wind import wind_adjustment

PYTHON = Path(__file__).resolve().parents[2] / "build" / "pyretechnics" / "bin" / "python"
MOISTURE = {"dead_1hr": 0.06, "dead_10hr": 0.07, "dead_100hr": 0.08, "live_herbaceous": 0.6, "live_woody": 0.9}
CELL, WIND_10M, FROM, RUNS, SIDE = 30.0, 18.0, 240.0, 5, 400  # m, km/h, degrees, times, cells

# Runs in Pyretechnics' environment: rows to the north, percent and km/h its own way, minutes.
PEER = """
import json, sys, time
import numpy as np
from pyretechnics.eulerian_level_set import SpreadState, spread_fire_with_phi_field
from pyretechnics.space_time_cube import SpaceTimeCube

case = np.load(sys.argv[1])
known = json.loads(str(case["known"]))
shape = (1, *case["fuel_model"].shape)
layers = {name: case[name][::-1].copy() for name in ("fuel_model", "slope", "aspect")} | known["constants"]
cubes = {name: SpaceTimeCube(shape, layer) for name, layer in layers.items()}
state = SpreadState(shape).ignite_cell((shape[1] - 1 - known["row"], known["column"]))
began = time.process_time()
found = spread_fire_with_phi_field(
    cubes, state, (known["minutes"], known["cell"], known["cell"]), start_time=0.0, use_wind_limit=False,
    surface_lw_ratio_model="behave",
)
took = time.process_time() - began
arrival = found["spread_state"].get_full_matrices(["time_of_arrival"])["time_of_arrival"]
np.save(sys.argv[2], np.asarray(arrival)[::-1])
print(json.dumps({"seconds": took, "stop": found["stop_condition"]}))
"""


def landscape(n: int, varied: bool) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    height = gaussian_filter(rng.standard_normal((n, n)), 12.0)
    height *= (120.0 if varied else 0.0) / height.std()
    north, east = np.gradient(height, CELL)
    east, north = east, -north  # rows run to the south
    kinds = np.array([102, 122, 145, 165, 183, 101, 8])
    patch = gaussian_filter(rng.standard_normal((n, n)), 6.0)
    ranks = np.searchsorted(np.quantile(patch, np.linspace(0, 1, len(kinds) + 1)[1:-1]), patch)
    return {
        "fuel_model": kinds[ranks] if varied else np.full((n, n), 102),
        "slope": np.hypot(east, north),
        "aspect": np.degrees(np.arctan2(-east, -north)) % 360.0,
    }


def worcester(folder: Path, n: int) -> dict[str, np.ndarray]:
    """A real landscape (LANDFIRE): its north-west corner, without its canopy."""
    fuel, percent, aspect = (
        np.asarray(Image.open(folder / f"{name}.tif"))[:n, :n].astype(float)
        for name in ("LC22_F40_230", "LC20_SlpP_220", "LC20_Asp_220")
    )
    known = fuel < 300
    return {
        "fuel_model": np.where(known, fuel, 99).astype(int),
        "slope": np.where(known, percent / 100.0, 0.0),
        "aspect": np.where(aspect >= 0, aspect, 0.0),
    }


def spread_of(ground: dict[str, np.ndarray]) -> Spread:
    codes = np.flatnonzero(np.bincount(ground["fuel_model"].ravel()))
    place = np.zeros(codes[-1] + 1, np.int32)
    place[codes] = np.arange(len(codes))
    at = place[ground["fuel_model"]].ravel()
    fuel = fuel_arrays(codes)
    facing, steep = np.radians(ground["aspect"].ravel() + 180.0, dtype=np.float32), ground["slope"].ravel()
    rise = np.stack([np.sin(facing), np.cos(facing)]) * steep.astype(np.float32)
    shelter = wind_adjustment(fuel.depth).astype(np.float32)[at]
    bed = fuel_bed(fuel, np.repeat(np.array(list(MOISTURE.values()))[:, None], len(codes), axis=1))
    speed, towards = WIND_10M * 0.87 / 3.6, np.radians(FROM + 180.0)  # 0.87: Pyretechnics' 20-ft over 10-m wind
    wind = float(speed * np.sin(towards)), float(speed * np.cos(towards))
    found = surface_cells(Ground(at, shelter, rise), bed, wind)
    shape = ground["slope"].shape
    e = eccentricity(found.length_to_width).astype(np.float32)
    return Spread(0.0, found.rate.reshape(shape), found.direction.reshape(shape), e.reshape(shape))


def ours(ground: dict[str, np.ndarray], ignition: Ignition, minutes: float) -> tuple[float, float, Front]:
    whole, alone = [], []
    for _ in range(RUNS + 1):
        began = time.process_time()
        spread = spread_of(ground)
        between = time.process_time()
        found = front([spread], [ignition], Clock(0.0, 60.0 * minutes), CELL)
        whole.append(time.process_time() - began)
        alone.append(time.process_time() - between)
    return min(whole), min(alone), found


def theirs(ground: dict[str, np.ndarray], ignition: Ignition, minutes: float) -> tuple[float, np.ndarray]:
    constants = {f"fuel_moisture_{name}": value for name, value in MOISTURE.items()}
    constants |= dict.fromkeys(("canopy_cover", "canopy_height", "canopy_base_height", "canopy_bulk_density"), 0.0)
    constants |= {"wind_speed_10m": WIND_10M, "upwind_direction": FROM, "foliar_moisture": 1.0}
    known = {"constants": constants, "row": ignition.rows[0], "column": ignition.columns[0]}
    with tempfile.TemporaryDirectory() as folder:
        case, out = Path(folder) / "case.npz", Path(folder) / "arrival.npy"
        np.savez(case, known=json.dumps(known | {"minutes": minutes, "cell": CELL}), **ground)
        ran = subprocess.run([str(PYTHON), "-c", PEER, str(case), str(out)], check=True, capture_output=True, text=True)
        return json.loads(ran.stdout.splitlines()[-1])["seconds"], np.load(out)


def compare(name: str, ground: dict[str, np.ndarray], minutes: float) -> None:
    n = len(ground["slope"])
    burns = np.argwhere(~np.isin(ground["fuel_model"], (91, 92, 93, 98, 99)))
    row, column = burns[np.abs(burns - [n // 2, n // 3]).sum(axis=1).argmin()].tolist()
    ignition = Ignition([row], [column], 0.0)
    whole, alone, found = ours(ground, ignition, minutes)
    seconds, peer = theirs(ground, ignition, minutes)
    us, them = np.isfinite(found.arrival), np.isfinite(peer) & (peer <= minutes)
    both = us & them & (peer > 0.1 * minutes)
    off = found.arrival[both] / 60.0 / peer[both] - 1.0
    pace = them.sum() / seconds
    print(f"\n{name}, {n} x {n} cells of {CELL:.0f} m, {minutes:.0f} min")
    print("| | burned cells | CPU s | cells/s | ratio |\n| --- | --- | --- | --- | --- |")
    print(f"| Pyretechnics | {them.sum()} | {seconds:.2f} | {pace:.3g} | 1 |")
    for label, took in (("Brise, fire behaviour and front", whole), ("Brise, front from tables", alone)):
        print(f"| {label} | {us.sum()} | {took:.4f} | {us.sum() / took:.3g} | {us.sum() / took / pace:.0f} |")
    print(
        f"burned by both of burned by either {(us & them).sum() / (us | them).sum():.1%}; arrival, ours over theirs:"
        f" median {np.median(off):+.1%}, median apart {np.median(np.abs(off)):.1%}"
    )


def main() -> None:
    if not PYTHON.exists():
        print(f"skipped: Pyretechnics is not in {PYTHON.parents[1]}; make peers installs it")
        return
    data = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data") / "fire" / "flammap_worcester_vt"
    compare("Flat grass (GR2)", landscape(SIDE, False), 4.0 * SIDE)
    compare("Seven fuels on hills", landscape(SIDE, True), 6.0 * SIDE)
    if data.exists():
        compare("Worcester, Vermont, without canopy", worcester(data, SIDE), 24.0 * SIDE)


if __name__ == "__main__":
    main()
