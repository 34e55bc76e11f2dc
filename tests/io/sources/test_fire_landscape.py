"""Landscapes of every layout: units, missing layers, and what is refused in one line."""

from dataclasses import replace

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from numpy.testing import assert_allclose

from brise.conventions.errors import InputError, NotFoundError
from brise.formulas.fire.fuel_models import FUEL_MODELS, fuel_model
from brise.io.sources import fire_landscape
from brise.io.sources.fire_landscape import LandscapeOptions, read_landscape
from brise.io.sources.fire_layers import meaning_of

ROWS, COLUMNS, CELL = 24, 30, 20.0
CRS = "EPSG:32631"
RISE = 0.4  # eastward, so that the ground faces west


def from_origin(west, north, across, down):
    return rasterio.Affine(across, 0.0, west, 0.0, -down, north)


def write(path, layer, crs=CRS, transform=None, nodata=None, labels=None):
    bands = np.asarray(layer)
    bands = bands[None] if bands.ndim == 2 else bands
    profile = {
        "driver": "AAIGrid" if path.suffix == ".asc" else "GTiff", "height": bands.shape[1], "width": bands.shape[2],
        "count": len(bands), "dtype": bands.dtype, "crs": crs, "nodata": nodata,
        "transform": transform or from_origin(500_000, 5_000_000, CELL, CELL),
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(bands)
        for k, (name, unit) in enumerate(labels or (), 1):
            file.set_band_description(k, name)
            if unit:
                file.update_tags(k, UnitOfMeasure=unit)
    return path


def flat(value, kind=np.int16):
    return np.full((ROWS, COLUMNS), value, kind)


def hill():
    return (np.arange(COLUMNS) * CELL * RISE * np.ones((ROWS, 1))).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    """LANDFIRE's layers on a hill of 40 % that faces west."""
    write(tmp_path / "LC22_F40_230.tif", flat(102), nodata=32767)
    write(tmp_path / "LC20_Elev_220.tif", np.rint(hill()).astype(np.int16))
    write(tmp_path / "LC20_SlpP_220.tif", flat(40))
    write(tmp_path / "LC20_Asp_220.tif", flat(270))
    for name, value in (("CC", 65), ("CH", 180), ("CBH", 15), ("CBD", 12)):
        write(tmp_path / f"LC22_{name}_230.tif", flat(value))
    return tmp_path


def test_landfires_units(folder):
    land = read_landscape(folder)
    assert land.grid.shape == (ROWS, COLUMNS)
    assert (land.grid.cell_m, land.grid.west, land.grid.north) == (20.0, 500_000.0, 5_000_000.0)
    assert (land.fuel == 102).all()
    found = [land.slope, land.aspect, land.canopy_cover, land.canopy_height, land.canopy_base, land.canopy_density]
    for layer, value in zip(found, (0.4, 270.0, 0.65, 18.0, 1.5, 0.12), strict=True):
        assert_allclose(layer, value, rtol=1e-6)  # float32
    assert land.assumptions == ()


def test_no_value_is_no_fuel_and_aspect_of_a_slope_is_north(folder):
    fuel, aspect = flat(102), flat(270)
    fuel[0, :3] = (32767, -9999, 0)
    aspect[1, 1] = -1
    write(folder / "LC22_F40_230.tif", fuel)
    write(folder / "LC20_Asp_220.tif", aspect)
    land = read_landscape(folder)
    assert land.fuel[0, :4].tolist() == [-1, -1, -1, 102]
    assert land.aspect[1, 1] == 0.0
    assert "3 of 720 cells have no fuel value: they do not burn" in land.assumptions
    assert "aspect unknown in 1 sloping cells: taken as north, as FlamMap does" in land.assumptions


def test_whole_degrees_as_in_an_lcp_file(folder):
    land = read_landscape(folder, LandscapeOptions(whole_degrees=True))
    assert_allclose(land.slope, np.tan(np.radians(22.0)), rtol=1e-6)  # 40 % is 21.80 degrees
    assert "rounded to whole degrees" in " ".join(land.assumptions)


@pytest.mark.parametrize(("unit", "wanted"), [("percent", 0.25), ("degrees", np.tan(np.radians(25.0)))])
def test_a_slope_is_read_in_its_declared_unit(folder, unit, wanted):
    (folder / "LC20_SlpP_220.tif").unlink()
    (folder / "LC20_Elev_220.tif").unlink()
    write(folder / "slope.tif", flat(25))
    with pytest.raises(InputError, match=r"slope.tif does not say whether slope is in degrees or percent.*slope_degr"):
        read_landscape(folder)
    assert_allclose(read_landscape(folder, LandscapeOptions(slope_unit=unit)).slope, wanted, rtol=1e-6)
    write(folder / f"slope_{unit}.tif", flat(25))
    (folder / "slope.tif").unlink()
    assert_allclose(read_landscape(folder).slope, wanted, rtol=1e-6)


def test_a_slope_that_the_elevation_contradicts_is_taken_from_it(folder):
    degrees = np.rint(np.degrees(np.arctan(RISE)))
    write(folder / "LC20_SlpP_220.tif", flat(int(degrees)))  # named percent, holds degrees
    land = read_landscape(folder)
    assert_allclose(np.median(land.slope), RISE, rtol=0.01)
    assert "0.5" in land.assumptions[0]
    assert "taken from the elevation instead" in land.assumptions[0]
    asked = read_landscape(folder, LandscapeOptions(slope_unit="percent"))
    assert_allclose(asked.slope, 0.22, rtol=1e-6)
    assert "used as declared" in asked.assumptions[0]


def test_cell2fires_folder(tmp_path):
    write(tmp_path / "fuels.asc", flat(183, np.int32))
    write(tmp_path / "elevation.asc", hill())
    write(tmp_path / "slope.asc", flat(40, np.float32))
    write(tmp_path / "saz.asc", flat(90, np.float32))
    write(tmp_path / "ccf.asc", flat(0, np.float32))
    land = read_landscape(tmp_path)
    assert_allclose(land.slope, 0.4, rtol=1e-6)
    assert_allclose(land.aspect, 270.0)
    assert land.assumptions[0].startswith("Cell2Fire's layout: slope taken as percent")
    assert "no canopy base and density: surface fire only" in land.assumptions


def test_elmfires_folder(tmp_path):
    for name, value in (("fbfm40", 102), ("slp", 20), ("asp", 180), ("cbd", 30), ("cbh", 20), ("ch", 150), ("cc", 50)):
        write(tmp_path / f"{name}.tif", flat(value))
    for name in ("adj", "phi"):
        write(tmp_path / f"{name}.tif", flat(1, np.float32))
    land = read_landscape(tmp_path)
    assert_allclose(land.slope, np.tan(np.radians(20.0)), rtol=1e-6)
    assert_allclose(land.canopy_density, 0.3, rtol=1e-6)
    assert land.assumptions[0].startswith("ELMFIRE's layout: slp taken as degrees")
    assert "not used, as their names are no layer's: adj.tif, phi.tif" in land.assumptions


def test_slope_and_aspect_from_the_elevation_alone(folder):
    for name in ("LC20_SlpP_220", "LC20_Asp_220"):
        (folder / f"{name}.tif").unlink()
    land = read_landscape(folder)
    assert_allclose(land.slope[5, 5], RISE, rtol=0.07)  # whole metres
    assert_allclose(land.aspect[:, 1:-1], 270.0, atol=1e-3)
    assert "no slope and aspect: slope and aspect from the elevation (Horn 1981)" in land.assumptions
    (folder / "LC20_Elev_220.tif").unlink()
    land = read_landscape(folder)
    assert land.slope is None
    assert "no slope and aspect and no elevation: the ground is taken as flat" in land.assumptions


def test_the_elevation_is_worked_through_in_blocks(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    write(tmp_path / "fuel.tif", flat(102))
    write(tmp_path / "elevation.tif", rng.uniform(0, 50, (ROWS, COLUMNS)).astype(np.float32))
    whole = read_landscape(tmp_path)
    monkeypatch.setattr(fire_landscape, "_BLOCK", 5)
    parts = read_landscape(tmp_path)
    assert_allclose(parts.slope, whole.slope)
    assert_allclose(parts.aspect, whole.aspect)


def test_fuel_alone_is_a_landscape(tmp_path):
    land = read_landscape(write(tmp_path / "fuel.tif", flat(1)))
    assert land.canopy_cover is None
    assert len(land.assumptions) == 3


FLAMMAP = [
    ("Elevation", "Meters"), ("Slope", "Degrees"), ("Aspect", "Degrees"), ("Fuel Model", "Class"),
    ("Canopy Cover", "Percent"), ("Stand Height", "Meters * 10"), ("Canopy Base Height", "Meters * 10"),
    ("Canopy Bulk Density", "Kilograms per cubic meter * 100"),
]  # fmt: skip


def stack():
    values = (0, 22, 270, 102, 65, 180, 15, 12)
    bands = np.stack([flat(v) for v in values])
    bands[0] = np.rint(hill())
    return bands


def test_flammaps_geotiff(tmp_path):
    land = read_landscape(write(tmp_path / "area.tif", stack(), labels=FLAMMAP))
    assert_allclose(land.slope, np.tan(np.radians(22.0)), rtol=1e-6)
    assert_allclose(land.canopy_base, 1.5, rtol=1e-6)
    assert land.assumptions == ()
    assert read_landscape(tmp_path).grid == land.grid  # the only file of a folder


def test_a_stack_without_names_is_refused(tmp_path):
    path = write(tmp_path / "area.tif", stack())
    with pytest.raises(InputError, match=r"area.tif: 8 bands without names of layers"):
        read_landscape(path)


LCP = {"ELEVATION_UNIT": "METERS", "ASPECT_UNIT": "AZIMUTH_DEGREES", "CANOPY_COV_UNIT": "PERCENT",
       "FUEL_MODEL_OPTION": "NO_CUSTOM_AND_NO_FILE", "CALCULATE_STATS": "NO", "LATITUDE": "45"}  # fmt: skip


@pytest.mark.parametrize(
    ("units", "slope", "base", "density"),
    [
        (("DEGREES", "METERS_X_10", "KG_PER_CUBIC_METER_X_100"), np.tan(np.radians(22.0)), 1.5, 0.12),
        (("PERCENT", "FEET_X_10", "POUND_PER_CUBIC_FOOT_X_1000"), 0.22, 1.5 * 0.3048, 0.012 * 16.018463),
        (("DEGREES", "METERS", "KG_PER_CUBIC_METER"), np.tan(np.radians(22.0)), 15.0, None),
    ],
)
def test_lcp_units_are_those_of_its_header(tmp_path, units, slope, base, density):
    bands = stack()
    bands[0] = 100  # level, so that it says nothing of the slope
    bands[5] = 18 if units[1] == "METERS" else 180
    bands[7] = 1 if density is None else 12
    source = write(tmp_path / "area.tif", bands, labels=FLAMMAP)
    options = {"SLOPE_UNIT": units[0], "CANOPY_HT_UNIT": units[1], "CBH_UNIT": units[1], "CBD_UNIT": units[2]}
    path = tmp_path / "area.lcp"
    rasterio.shutil.copy(source, path, driver="LCP", **LCP, **options)
    land = read_landscape(path)
    assert_allclose(land.slope, slope, rtol=1e-5)
    assert_allclose(land.canopy_base, base, rtol=1e-5)
    assert_allclose(land.canopy_density, 1.0 if density is None else density, rtol=1e-5)
    assert land.grid.crs  # from the .prj beside it


def test_what_names_leave_open_is_declared(tmp_path):
    write(tmp_path / "codes.asc", flat(102, np.int32), crs=None)
    write(tmp_path / "many.tif", np.stack([flat(9), flat(20), flat(45), flat(4)]), crs=None)
    (tmp_path / "landscape.toml").write_text(
        'crs = "EPSG:32631"\n[layers]\nfuel = "codes.asc"\n'
        'slope = { file = "many.tif", band = 2, unit = "degrees" }\n'
        'upslope = { file = "many.tif", band = 3 }\n'
        'canopy_height = { file = "many.tif", band = 4, unit = "ft*10" }\n'
    )
    land = read_landscape(tmp_path)
    assert_allclose(land.slope, np.tan(np.radians(20.0)), rtol=1e-6)
    assert_allclose(land.aspect, 225.0)
    assert_allclose(land.canopy_height, 4 * 0.03048, rtol=1e-6)
    assert "UTM zone 31N" in land.grid.crs


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fuel = 1", r"a table \[layers\]"),
        ("[layers]\nfuels = 'a.tif'", "layer 'fuels' is none of fuel, elevation"),
        ("[layers]\nfuel = {band = 1}", "fuel wants a file"),
        ("[layers]\nfuel = {file = 'codes.tif', band = 3}", "band 3 of codes.tif, which has 1"),
        ("[layers]\nfuel = 'codes.tif'\nslope = {file = 'codes.tif', unit = 'grads'}", "slope in 'grads'; units of it"),
        ("[layers]\nfuel = 'codes.tif'\nslope = 'codes.tif'", "does not say whether slope is in degrees or percent"),
        ("[layers]\nfuel = 'codes.tif'\ncanopy_base = 'codes.tif'", "canopy_base without a unit, largest 102"),
        ("crs = 'EPSG:0'\n[layers]\nfuel = 'codes.tif'", "crs 'EPSG:0'"),
        ("[layers", "not TOML"),
    ],
)
def test_a_wrong_declaration_is_refused(tmp_path, text, said):
    write(tmp_path / "codes.tif", flat(102), crs=None)
    (tmp_path / "landscape.toml").write_text(text)
    with pytest.raises(InputError, match=said):
        read_landscape(tmp_path)


def test_layers_that_do_not_lie_on_each_other(folder):
    write(folder / "LC22_CC_230.tif", flat(5), transform=from_origin(500_010, 5_000_000, CELL, CELL))
    with pytest.raises(InputError) as caught:
        read_landscape(folder)
    said = str(caught.value)
    assert "do not lie on one grid: 24 x 30 cells of 20 x 20 from (500000, 5000000); 24 x 30 cells" in said
    assert "(500010, 5000000)" in said
    write(folder / "LC22_CC_230.tif", flat(5)[:-1])
    with pytest.raises(InputError, match="23 x 30 cells"):
        read_landscape(folder)


def test_an_unknown_fuel_code_is_named_with_its_place(folder):
    fuel = flat(102)
    fuel[3, 4:7] = 14
    fuel[5, 5] = 250
    write(folder / "LC22_F40_230.tif", fuel)
    said = r"fuel model 14 \(and 250\) is not known: 3 of 720 cells, first at row 4, column 5 \(x 500090.0, y 4999930.0"
    with pytest.raises(InputError, match=said):
        read_landscape(folder)
    own = fuel_model("X", (0.1, 0, 0, 0, 0), (6000, 0, 0, 0, 0), (0.3, 0.2))
    land = read_landscape(folder, LandscapeOptions(fuel_models={**FUEL_MODELS, 14: own, 250: own}))
    assert land.fuel[3, 4] == 14


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LC20_SlpP_220", -5, "slope -0.05 after reading it in percent at row 1, column 1"),
        ("LC22_CC_230", 300, "canopy_cover 3"),
        ("LC22_CH_230", 9000, "canopy_height 900"),
        ("LC20_Asp_220", 400, "aspect 400 degrees"),
    ],
)
def test_impossible_values_are_named(folder, name, value, said):
    write(folder / f"{name}.tif", flat(value))
    with pytest.raises(InputError, match=said):
        read_landscape(folder)


def test_two_files_of_one_layer(folder):
    write(folder / "LC22_F13_230.tif", flat(8))
    assert "two files give fuel: LC22_F40_230.tif is used" in read_landscape(folder).assumptions
    write(folder / "fuel.tif", flat(8))
    with pytest.raises(InputError, match=r"both give fuel; take one away"):
        read_landscape(folder)


def test_a_window_is_the_cells_it_touches(folder):
    whole = read_landscape(folder)
    window = (500_105.0, 4_999_700.0, 500_295.0, 4_999_895.0)
    part = read_landscape(folder, LandscapeOptions(window=window))
    assert part.grid == replace(whole.grid, west=500_100.0, north=4_999_900.0, rows=10, columns=10)
    assert_allclose(part.elevation, whole.elevation[5:15, 5:15])
    lonlat = (2.9999, 45.148, 3.004, 45.152)
    assert read_landscape(folder, LandscapeOptions(window=lonlat, window_crs="EPSG:4326")).grid.columns < 30
    with pytest.raises(InputError, match=r"window .* lies outside its extent 500000 to 500600"):
        read_landscape(folder, LandscapeOptions(window=(0.0, 0.0, 1.0, 1.0)))


def test_too_many_cells_are_refused_from_the_header(tmp_path):
    path = tmp_path / "fuel.tif"
    profile = {"driver": "GTiff", "height": 10_000, "width": 10_000, "count": 1, "dtype": "int16", "crs": CRS,
               "transform": from_origin(500_000, 5_000_000, 30, 30), "sparse_ok": True, "tiled": True}  # fmt: skip
    with rasterio.open(path, "w", **profile):
        pass
    with pytest.raises(InputError, match=r"10,000 x 10,000 = 100,000,000 cells, over the limit of 25,000,000; crop"):
        read_landscape(path)
    part = read_landscape_or_reason(path, LandscapeOptions(window=(500_000, 4_999_000, 501_000, 5_000_000)))
    assert part == "fuel.tif: no fuel anywhere: every cell is without a value"


def read_landscape_or_reason(path, options):
    try:
        return read_landscape(path, options)
    except InputError as error:
        return str(error)


RASTERIOS_OWN = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")


@RASTERIOS_OWN
def test_degrees_are_warped_to_the_local_zone(tmp_path):
    fuel = flat(102)
    fuel[:, : COLUMNS // 2] = 98
    tenth = from_origin(3.0, 45.0, 3e-4, 2e-4)
    land = read_landscape(write(tmp_path / "fuel.tif", fuel, crs="EPSG:4326", transform=tenth))
    assert "WGS 84 / UTM zone 31N" in land.grid.crs
    assert 20 < land.grid.cell_m < 26
    assert set(np.unique(land.fuel)) <= {-1, 98, 102}
    assert "warped from EPSG:4326 to EPSG:32631, fuel by nearest cell" in land.assumptions
    area = (land.fuel == 98).sum() * land.grid.cell_m**2
    truth = ROWS * 2e-4 * 111_320 * COLUMNS / 2 * 3e-4 * 111_320 * np.cos(np.radians(45.0))
    assert_allclose(area, truth, rtol=0.06)  # whole cells


@RASTERIOS_OWN
def test_web_mercators_metres_are_no_metres(tmp_path):
    path = write(tmp_path / "fuel.tif", flat(1), crs="EPSG:3857", transform=from_origin(3e5, 5.6e6, 30, 30))
    land = read_landscape(path)
    assert "UTM" in land.grid.crs
    assert land.grid.cell_m < 23


@pytest.mark.parametrize(
    ("transform", "crs", "said"),
    [
        (from_origin(5e5, 5e6, 20, 30), CRS, "cells of 20 x 30 m are not square"),
        (from_origin(3.0, 45.0, 1e-4, 1e-4), None, "look like degrees"),
        (rasterio.Affine(19.7, 3.5, 5e5, 3.5, -19.7, 5e6), CRS, "a turned raster"),
        (rasterio.Affine(20, 0, 5e5, 0, 20, 5e6), CRS, "rows run south to north"),
        (from_origin(3.0, 89.0, 1e-2, 1e-2), "EPSG:4326", "outside the UTM zones"),
    ],
)
def test_grids_that_are_no_plane_of_squares(tmp_path, transform, crs, said):
    path = write(tmp_path / "fuel.tif", flat(1), crs=crs, transform=transform)
    with pytest.raises(InputError, match=said):
        read_landscape(path)


def test_what_is_no_landscape(tmp_path):
    with pytest.raises(NotFoundError, match="no such landscape"):
        read_landscape(tmp_path / "nothing")
    with pytest.raises(InputError, match="found nothing"):
        read_landscape(tmp_path)
    (tmp_path / "fuel.tif").write_bytes(b"no raster")
    with pytest.raises(InputError, match=r"fuel.tif: not a raster that can be read"):
        read_landscape(tmp_path)
    (tmp_path / "fuel.vrt").write_text("<VRTDataset/>")
    with pytest.raises(InputError, match=r"fuel.vrt: a landscape is a folder"):
        read_landscape(tmp_path / "fuel.vrt")
    write(tmp_path / "elevation.tif", hill())
    (tmp_path / "fuel.tif").unlink()
    with pytest.raises(InputError, match=r"no fuel layer among elevation.tif"):
        read_landscape(tmp_path)
    write(tmp_path / "fuel.tif", flat(102))
    body = (tmp_path / "fuel.tif").read_bytes()
    (tmp_path / "fuel.tif").write_bytes(body[: len(body) // 2])
    with pytest.raises(InputError, match=r"fuel.tif: (breaks off|not a raster)"):
        read_landscape(tmp_path)


@pytest.mark.parametrize(
    ("name", "layer", "unit"),
    [
        ("LC22_F40_230", "fuel", ""), ("US_200FBFM40", "fuel", ""), ("LF2022_FBFM13_230_CONUS", "fuel", ""),
        ("LC20_SlpD_220", "slope", "degrees"), ("US_SLPP2020", "slope", "percent"), ("US_SLP2016", "slope", "?"),
        ("LF2020_Elev_220_CONUS", "elevation", "m"), ("US_DEM2016", "elevation", "m"),
        ("US_230CC", "canopy_cover", "percent"), ("us_asp", "aspect", "degrees"),
        ("canopy-height-m", "canopy_height", "m"), ("Slope Percent", "slope", "percent"),
        ("canopy_height", "canopy_height", "?"),
    ],
)  # fmt: skip
def test_names_of_the_field(name, layer, unit):
    meaning = meaning_of(name)
    assert (meaning.layer, meaning.unit) == (layer, unit)


@pytest.mark.parametrize("name", ["fire_type", "ROS_ch_hr", "FL_ft", "slope_grads", "dead_fuel", "weather", ""])
def test_other_names_are_none(name):
    assert meaning_of(name) is None


def test_real_landscapes(shared_data):
    fire = shared_data / "fire"
    if not fire.is_dir():
        pytest.skip(f"no fire references at {fire}")
    lcp = read_landscape(fire / "flammap_mtt_19545" / "19545.lcp")
    assert lcp.grid.shape == (94, 84)
    assert_allclose(lcp.slope.max(), np.tan(np.radians(44.0)), rtol=1e-6)
    assert lcp.assumptions == ()
    tif = read_landscape(fire / "flammap_mtt_19545" / "19545.tif")  # its label says percent; it holds degrees
    assert (tif.fuel == lcp.fuel).all()
    assert "taken from the elevation instead" in tif.assumptions[0]
    as_degrees = read_landscape(fire / "flammap_mtt_19545" / "19545.tif", LandscapeOptions(slope_unit="degrees"))
    assert_allclose(as_degrees.slope, lcp.slope)
    vermont = read_landscape(fire / "flammap_worcester_vt")
    assert int((vermont.fuel > 99).sum()) == 336_537 - 108_586 - 5_580
    assert vermont.canopy_base[vermont.fuel > 0].max() == 10.0
    for case in ("Case1_Clinge", "Case2_Houffalize"):
        belgium = read_landscape(fire / "belgium_2025" / case)
        assert belgium.grid.shape == (601, 601)
        assert "Lambert" in belgium.grid.crs
        # both layers contradict their description: steeper by the elevation, and saz points downhill
        assert "points uphill by the elevation; slope and aspect are taken from the elevation" in belgium.assumptions[2]
