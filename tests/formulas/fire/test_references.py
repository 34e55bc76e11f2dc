"""The fire formulas against published programs' own outputs, through the real data."""

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from brise.formulas.fire.crown import Canopy, crown_fire, cruz_active_rate, rothermel_bed, rothermel_run
from brise.formulas.fire.ellipse import length_to_width
from brise.formulas.fire.fuel_models import fuel_arrays
from brise.formulas.fire.surface import SurfaceFire, heading_on_slope, surface_spread
from brise.formulas.fire.wind import wind_adjustment

MPH = 0.44704
CHAIN_H = 66 * 0.3048 / 3600  # m s-1
WIND_TO = {"wind-and-slope": 0.0, "slope-90-180": 270.0, "slope-135-180": 315.0}  # degrees clockwise from uphill


@pytest.fixture(scope="module")
def fire_data(shared_data: Path) -> Path:
    folder = shared_data / "fire"
    if not folder.is_dir():
        pytest.skip(f"no fire references at {folder}")
    return folder


@pytest.fixture(scope="module")
def tables(fire_data: Path) -> tuple[list[dict[str, str]], np.ndarray, SurfaceFire]:
    with (fire_data / "behaveplus_tables" / "behaveplus5.csv").open() as file:
        rows = list(csv.DictReader(file))
    values = [[float(v) for v in row["values(as in source; columns in source comments)"].split()] for row in rows]
    moisture = np.array([[float(row[k]) / 100 for row in rows] for k in ("m1", "m10", "m100", "mherb", "mwoody")])
    speed = np.array([float(row["midflame_mph"]) * MPH for row in rows])
    towards = [next((d for end, d in WIND_TO.items() if row["table"].endswith(end)), 0.0) for row in rows]
    angle = np.radians(towards)
    slope = np.array([float(row["slope_pct"]) / 100 for row in rows])
    fuel = fuel_arrays([int(row["number"]) for row in rows])
    wind = np.array([speed * np.sin(angle), speed * np.cos(angle)])
    fire = surface_spread(fuel, moisture, wind, np.array([slope * 0, slope]), "behave", "rothermel")
    return rows, np.array([v[:4] for v in values]), fire


def test_every_behaveplus_rate_is_met(tables: tuple[list[dict[str, str]], np.ndarray, SurfaceFire]) -> None:
    rows, values, fire = tables
    assert len(rows) == 200
    # printed to 0.1 ch/h: 0.06 covers the rounding, 1 % the rates above 6 ch/h
    error = np.abs(fire.rate / CHAIN_H - values[:, 0])
    assert [r["fuel"] for r, bad in zip(rows, error > np.maximum(0.06, 0.01 * values[:, 0]), strict=True) if bad] == []
    # flame length is printed to 0.1 ft
    assert_allclose(fire.flame_length / 0.3048, values[:, 2], atol=0.06, rtol=0.005)
    # intensity to 1 Btu ft-1 s-1, from a rate and a heat of their own rounding
    assert_allclose(fire.intensity / 3461.47, values[:, 1], atol=0.6, rtol=0.01)


def test_behaveplus_directions_under_cross_wind(tables: tuple[list[dict[str, str]], np.ndarray, SurfaceFire]) -> None:
    rows, values, fire = tables
    cross = np.array(["cross" in row["table"] for row in rows])
    assert cross.sum() == 80
    # printed to whole degrees
    assert_allclose(np.degrees(fire.direction[cross]), values[cross, 3], atol=0.5)


def raster(folder: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(folder / f"{name}.tif")).astype(float)


@pytest.fixture(scope="module")
def worcester(fire_data: Path) -> dict[str, np.ndarray]:
    folder = fire_data / "flammap_worcester_vt"
    names = {
        "code": "LC22_F40_230", "slope": "LC20_SlpP_220", "aspect": "LC20_Asp_220", "base": "LC22_CBH_230",
        "density": "LC22_CBD_230", "height": "LC22_CH_230", "rate": "ROS_ch_hr", "kind": "fire_type",
        "flame": "FL_ft", "direction": "max_spread_direction_radians",
    }  # fmt: skip
    grids = {key: raster(folder, name) for key, name in names.items()}
    inside = grids["code"] < 300
    return {key: grid[inside] for key, grid in grids.items()}


MOISTURE = np.array([0.06, 0.08, 0.10, 0.75, 0.60])


def uphill(w: dict[str, np.ndarray]) -> np.ndarray:
    tangent = np.tan(np.radians(np.rint(np.degrees(np.arctan(w["slope"] / 100)))))  # whole degrees, as in an LCP file
    facing = np.radians(np.maximum(w["aspect"], 0) + 180)  # FlamMap takes "flat", -1, for north
    return np.array([tangent * np.sin(facing), tangent * np.cos(facing)])


def test_flammap_surface_fire_on_a_real_landscape(worcester: dict[str, np.ndarray]) -> None:
    slope = uphill(worcester)
    fire = surface_spread(fuel_arrays(worcester["code"].astype(int)), MOISTURE, np.zeros((2, 1)), slope)
    surface = worcester["kind"] == 1
    assert surface.sum() == 220_846
    assert np.abs(fire.rate / CHAIN_H - worcester["rate"])[surface].mean() < 5e-5  # measured 1.1e-5 ch/h
    assert np.abs(fire.flame_length / 0.3048 - worcester["flame"])[surface].mean() < 5e-4  # measured 2.9e-4 ft
    steep = surface & (np.hypot(*slope) > 0.01)
    turn = np.degrees(fire.direction - worcester["direction"])[steep]
    assert_allclose((turn + 180) % 360 - 180, 0.0, atol=0.01)  # the source is float32 radians
    none = worcester["kind"] == 0
    assert_allclose(fire.rate[none], 0.0, atol=0)


def test_flammap_crown_states(worcester: dict[str, np.ndarray]) -> None:
    slope = uphill(worcester)
    fire = surface_spread(fuel_arrays(worcester["code"].astype(int)), MOISTURE, np.zeros((2, 1)), slope)
    canopy = Canopy(worcester["base"] / 10, worcester["height"] / 10, worcester["density"] / 100, np.float64(1.2))
    crowns = crown_fire(fire, canopy, rothermel_run(rothermel_bed(MOISTURE), np.zeros((2, 1)), slope))
    assert np.bincount(worcester["kind"].astype(int)).tolist() == np.bincount(crowns.kind).tolist()
    assert (crowns.kind == worcester["kind"]).mean() >= 0.99
    active = worcester["kind"] == 3
    # 0.14 % apart: FlamMap's own crown fraction burned is 0.001 higher
    assert_allclose(crowns.rate[active] / CHAIN_H, worcester["rate"][active], rtol=0.003)


def test_elmfire_ellipse(fire_data: Path) -> None:
    with (fire_data / "elmfire_ellipse" / "expected.csv").open() as file:
        rows = list(csv.DictReader(file))
    fuel = fuel_arrays(102)
    middle = 10 * MPH * wind_adjustment(fuel.depth)
    fire = surface_spread(fuel, [0.03, 0.03, 0.03, 0.30, 0.60], [0.0, float(middle)], [0.0, 0.0], "elmfire")
    for row in rows:
        seconds = 3600 * float(row["hour"])
        # ELMFIRE itself states agreement better than 0.5 %; its wind is printed to 0.01 mph
        assert_allclose(fire.rate * seconds, float(row["head_y_m_from_ignition"]), rtol=0.005)
        assert_allclose(-fire.backing * seconds, float(row["back_y_m"]), rtol=0.005)
        assert_allclose(fire.flanking * seconds, float(row["flank_halfwidth_m"]), rtol=0.005)
        area = np.pi * (fire.rate + fire.backing) / 2 * fire.flanking * seconds**2 / 1e4
        assert_allclose(area, float(row["area_ha"]), rtol=0.005)


def test_flammap_with_wind_and_canopy(fire_data: Path) -> None:
    """36 mph at 20 ft over forest: the wind reaches the flames as in FlamMap."""
    folder = fire_data / "flammap_mtt_19545"
    layers = np.frombuffer((folder / "19545.lcp").read_bytes()[7316:], "<i2").reshape(94, 84, 8).astype(float)
    _, slope, aspect, code, cover, height, base, density = np.moveaxis(layers, -1, 0)
    tangent, facing = np.tan(np.radians(slope)), np.radians(np.maximum(aspect, 0) + 180)
    rise = np.array([tangent * np.sin(facing), tangent * np.cos(facing)])
    towards = np.radians(299 - 180)
    wind = 36 * MPH * np.array([np.sin(towards), np.cos(towards)])[:, None, None]
    fuel, moisture = fuel_arrays(code.astype(int)), np.array([0.03, 0.04, 0.10, 0.53, 1.31])
    middle = wind * wind_adjustment(fuel.depth, height / 10, cover / 100)
    fire = surface_spread(fuel, moisture, middle, rise, "flammap")
    full = rothermel_run(rothermel_bed(moisture), np.broadcast_to(wind, rise.shape), rise)
    crowns = crown_fire(fire, Canopy(base / 10, height / 10, density / 100, np.float64(1.0)), full)
    kind, rate, half_width, half_length, heading = (
        np.loadtxt(folder / "Outputs" / f"testMTT_{name}.asc", skiprows=6)
        for name in ("CROWNSTATE", "SPREADRATE", "ELLIPSEDIM_A", "ELLIPSEDIM_B", "MAXSPREADDIR")
    )
    assert (crowns.kind == kind).mean() >= 0.999  # measured 0.99975: two cells of 7,896
    burned = kind > 0
    off = np.abs(crowns.rate * 60 / np.where(burned, rate, 1.0) - 1.0)[burned]
    assert np.median(off) < 0.002  # measured 0.0007
    assert (off < 0.05).mean() > 0.98  # measured 0.992
    shape = np.abs(crowns.length_to_width * half_width / np.where(burned, half_length, 1.0) - 1.0)[burned]
    assert np.median(shape) < 0.001
    assert np.percentile(shape, 99) < 0.03
    turn = heading_on_slope(crowns.direction, rise) - heading
    assert np.median(np.abs(np.degrees(np.sin(turn)))[burned]) < 0.05  # measured 0.015


def test_elmfire_crown_rate() -> None:
    # 65.63 m/min in ELMFIRE's second verification case; the wind's 1.15 is its rounding
    assert_allclose(cruz_active_rate(12 * MPH * 1.15, 0.18, 0.04) * 60, 65.63, rtol=0.001)


def test_behave_length_to_width_at_elmfires_wind() -> None:
    assert_allclose(length_to_width(3.62 * MPH), 1.380, atol=5e-4)
