"""`brise fire simulate`: files in, a folder of results out; bad input is one line and a status, and writes nothing."""

import json

import numpy as np
import pytest
import rasterio
from pyproj import CRS
from rasterio import Affine

from brise.service import cli

WKT = CRS.from_epsg(3812).to_wkt()
ROWS, COLUMNS = 60, 61
X, Y = 626_305.0, 718_705.0  # of the middle cell
WEATHER = ["2025-07-01T12:00Z,5.0,270", "2025-07-01T13:00Z,6.0,280"]


def layer(path, values, nodata=-9999):
    profile = {
        "driver": "GTiff", "width": COLUMNS, "height": ROWS, "count": 1, "dtype": values.dtype, "nodata": nodata,
        "transform": Affine(10.0, 0.0, 626_000.0, 0.0, -10.0, 719_000.0), "crs": WKT,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(values, 1)


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "land"
    folder.mkdir()
    fuel = np.full((ROWS, COLUMNS), 102, np.int16)
    fuel[:, :5] = 98
    layer(folder / "fuel.tif", fuel)
    layer(folder / "elevation.tif", np.full((ROWS, COLUMNS), 10.0, np.float32))
    weather = tmp_path / "weather.csv"
    weather.write_text("\n".join(["time,wind_speed_m_s,wind_from_deg", *WEATHER]) + "\n")
    start = {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": degrees(X, Y)}}
    (tmp_path / "start.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [start]}))
    return tmp_path


def degrees(x, y):
    from pyproj import Transformer

    return list(Transformer.from_crs(3812, 4326, always_xy=True).transform(x, y))


def simulate(monkeypatch, capsys, files, *more, status=0, **changed):
    given = {
        "landscape": files / "land", "ignition": files / "start.geojson", "weather": files / "weather.csv",
        "start": "2025-07-01T12:00Z", "hours": "0.5", "out": files / "out",
    } | changed  # fmt: skip
    arguments = [part for name, value in given.items() for part in (f"--{name}", str(value))]
    monkeypatch.setattr("sys.argv", ["brise", "fire", "simulate", *arguments, *map(str, more)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    told = capsys.readouterr()
    assert (ended.value.code or 0) == status, told
    return told


def test_files_in_a_folder_of_results_out(monkeypatch, capsys, files):
    page = json.loads(simulate(monkeypatch, capsys, files, "--json").out)
    assert page == json.loads((files / "out" / "summary.json").read_text())
    with rasterio.open(files / "out" / "arrival.tif") as file:
        arrival = file.read(1)
        assert file.crs.to_epsg() == 3812
    assert page["area_ha"] == [pytest.approx(np.isfinite(arrival).sum() * 0.01, abs=1e-4)]
    assert arrival[29, 30] == pytest.approx(0, abs=0.5)
    lines = json.loads((files / "out" / "perimeters.geojson").read_text())["features"]
    assert [line["properties"]["hours"] for line in lines] == [0.5]
    assert lines[0]["properties"]["area_ha"] == pytest.approx(page["area_ha"][0], rel=0.1)
    with rasterio.open(files / "out" / "burn_probability.tif") as file:
        np.testing.assert_array_equal(file.read(1), np.isfinite(arrival))


def test_members_and_a_place_in_degrees(monkeypatch, capsys, files):
    longitude, latitude = degrees(X, Y)
    told = simulate(
        monkeypatch, capsys, files, "--members", 5, "--moisture", "D2L2", ignition=f"{latitude},{longitude}"
    )
    assert "of 5 possible fires" in told.out
    page = json.loads((files / "out" / "summary.json").read_text())
    assert page["uncertainty"]["members"] == 5
    assert (files / "out" / "arrival_q50.tif").is_file()


def test_a_perimeter_that_was_seen_changes_the_forecast(monkeypatch, capsys, files):
    from brise.products import fire_calibration

    monkeypatch.setattr(fire_calibration, "PARTICLES", 20)
    simulate(monkeypatch, capsys, files, "--rate-factor", 0.5)
    seen = files / "seen.geojson"
    seen.write_bytes((files / "out" / "perimeters.geojson").read_bytes())
    told = simulate(monkeypatch, capsys, files, "--observed", seen, "--observed-at", "2025-07-01T12:30Z")
    assert "Jaccard" in told.out
    page = json.loads((files / "out" / "summary.json").read_text())["calibration"]
    assert page["jaccard_after"][0] > page["jaccard_before"][0]
    assert "restart" not in page  # it was seen at the end
    simulate(monkeypatch, capsys, files, "--observed", seen, "--observed-at", "2025-07-01T12:20Z")
    page = json.loads((files / "out" / "summary.json").read_text())
    told = page["calibration"]["restart"]
    assert told["minutes"] == 20
    assert told["area_ha_from_perimeter"] == page["area_ha"]
    assert len(told["area_ha_from_ignition"]) == 1


def test_barriers_and_burn_periods(monkeypatch, capsys, files):
    wall = {"type": "LineString", "coordinates": [degrees(X + 50, Y - 200), degrees(X + 50, Y + 200)]}
    (files / "wall.geojson").write_text(json.dumps({"type": "Feature", "properties": {}, "geometry": wall}))
    simulate(
        monkeypatch, capsys, files, "--barrier", files / "wall.geojson",
        "--burn-period", "2025-07-01T12:00Z/2025-07-01T12:10Z",
    )  # fmt: skip
    with rasterio.open(files / "out" / "arrival.tif") as file:
        arrival = file.read(1)
    assert np.nanmax(arrival) <= 10.01
    assert np.isnan(arrival[25:34, 36]).all()


def test_farsites_daily_weather_and_winds(monkeypatch, capsys, files):
    (files / "day.wtr").write_text("METRIC\n7 1 0 0500 1500 10 29 60 20 1200\n7 2 0 0500 1500 10 29 60 20 1200\n")
    (files / "day.wnd").write_text("METRIC\n7 1 0800 18 270 10\n7 1 1400 22 270 10\n7 2 0000 10 270 10\n")
    steep = np.full((ROWS, COLUMNS), 10.4, np.float32)
    layer(files / "land" / "slope_degrees.tif", steep)
    layer(files / "land" / "aspect.tif", np.full((ROWS, COLUMNS), 90.0, np.float32))
    simulate(monkeypatch, capsys, files, "--utc-offset", -6, "--whole-degrees", weather=files / "day.wtr",
             start="2024-07-01T20:30Z")  # fmt: skip
    page = json.loads((files / "out" / "summary.json").read_text())
    assert any("UTC-6 h" in line or "offset" in line for line in page["assumptions"])
    assert any("taken as 2024" in line for line in page["assumptions"])
    assert any("whole degrees" in line for line in page["assumptions"])
    assert page["provenance"]["wind_speed_20ft_m_s"] == [pytest.approx(22 / 3.6, abs=1e-3)] * 2
    told = simulate(monkeypatch, capsys, files, weather=files / "day.wtr", start="2023-09-01T20:30Z", status=2)
    assert "the weather ends at 2023-07-02" in told.err


@pytest.mark.parametrize(
    ("changed", "more", "message"),
    [
        ({"hours": "0"}, [], "0.0 hours"),
        ({"hours": "60"}, [], "goes on for"),
        ({"start": "noon"}, [], "'noon' is not an ISO 8601 time"),
        ({"start": "0001-01-01T00:00+14:00"}, [], "before the year 1"),
        ({"start": "2025-07-01T02:00Z"}, [], "10.0 h after the fire's start"),
        ({"ignition": "0,0"}, [], "outside"),
        ({"ignition": "nowhere.geojson"}, [], "no such file"),
        ({}, ["--moisture", "1,2,3"], "five percents"),
        ({}, ["--moisture", "D9L9"], "'D9L9' is unknown"),
        ({}, ["--length-to-width", "round"], "'round' is unknown"),
        ({}, ["--observed-at", "2025-07-01T12:30Z"], "one for each"),
        ({}, ["--burn-period", "2025-07-01T12:30Z/2025-07-01T12:00Z"], "closes before it opens"),
    ],
)
def test_bad_input_is_one_line(monkeypatch, capsys, files, changed, more, message):
    told = simulate(monkeypatch, capsys, files, *more, status=2, **changed)
    assert message in told.err
    assert told.err.strip().count("\n") == 0
    assert not (files / "out").exists()


def test_water_is_named(monkeypatch, capsys, files):
    longitude, latitude = degrees(626_005.0, Y)
    told = simulate(monkeypatch, capsys, files, status=2, ignition=f"{latitude},{longitude}")
    assert "water (NB8, 98)" in told.err


def test_a_gap_in_the_weather_is_refused(monkeypatch, capsys, files):
    (files / "weather.csv").write_text(
        "time,wind_speed_m_s,wind_from_deg\n" + "\n".join(WEATHER) + "\n2025-07-01T22:00Z,6,280\n"
    )
    told = simulate(monkeypatch, capsys, files, status=2, hours="6")
    assert "gap" in told.err


def test_an_empty_place_for_a_file(monkeypatch, capsys, files):
    (files / "out").write_text("a file")
    told = simulate(monkeypatch, capsys, files, status=2)
    assert "is a file" in told.err
