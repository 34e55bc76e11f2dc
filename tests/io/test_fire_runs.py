import json

import numpy as np
import pytest
import rasterio
from pyproj import CRS

from brise.conventions.errors import InputError
from brise.conventions.fire import FireGrid
from brise.io.fire_runs import geojson, place_of, write_run

LAMBERT = FireGrid(CRS.from_epsg(3812).to_wkt(), 626_000.0, 719_000.0, 10.0, 40, 50)
NOWHERE = FireGrid("", 0.0, 400.0, 10.0, 40, 50)
RING = np.array([[626_100, 718_900], [626_100, 718_800], [626_300, 718_800], [626_100, 718_900]], float)
PAGE = {"area_ha": [1.0]}


def layers(**more):
    arrival = np.full((40, 50), np.nan, np.float32)
    arrival[3, 4] = 12.5
    return {"arrival": arrival, **more}


def test_a_run_is_written_whole(tmp_path):
    out = tmp_path / "run"
    write_run(out, LAMBERT, layers(arrival_q50=np.zeros((40, 50))), [({"hours": 1}, [[RING]])], PAGE)
    with rasterio.open(out / "arrival.tif") as file:
        assert file.crs.to_epsg() == 3812
        assert file.transform.c == 626_000.0
        assert file.transform.f == 719_000.0
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert np.isnan(file.nodata)
        values = file.read(1)
    assert values.dtype == np.float32
    assert values[3, 4] == 12.5
    assert np.isnan(values[0, 0])
    assert json.loads((out / "summary.json").read_text()) == PAGE
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_perimeters_are_where_they_are():
    found = geojson(LAMBERT, [({"hours": 1}, [[RING]])])["features"][0]
    assert found["geometry"]["type"] == "Polygon"
    (west, north), *_ = found["geometry"]["coordinates"][0]
    assert 4.0 < west < 4.1
    assert 51.2 < north < 51.3
    two = geojson(LAMBERT, [({}, [[RING], [RING + 500]])])["features"][0]["geometry"]
    assert two["type"] == "MultiPolygon"
    assert geojson(LAMBERT, [({}, [])])["features"][0]["geometry"]["coordinates"] == []
    plain = geojson(NOWHERE, [({}, [[RING]])])
    assert "no reference system" in plain["note"]
    assert plain["features"][0]["geometry"]["coordinates"][0][0] == [626_100, 718_900]


def test_places():
    latitude, longitude = place_of(LAMBERT)
    assert 51.2 < latitude < 51.3
    assert 4.0 < longitude < 4.1
    assert place_of(NOWHERE) is None
    with pytest.raises(InputError, match="cannot be read"):
        place_of(FireGrid("nonsense", 0.0, 0.0, 1.0, 2, 2))


def test_a_new_run_replaces_the_old_one_and_nothing_else(tmp_path):
    write_run(tmp_path, LAMBERT, layers(arrival_q10=np.zeros((40, 50))), [], PAGE)
    (tmp_path / "notes.txt").write_text("mine")
    write_run(tmp_path, NOWHERE, layers(), [], {"area_ha": [2.0]})
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"arrival.tif", "notes.txt", "perimeters.geojson", "summary.json"}
    assert json.loads((tmp_path / "summary.json").read_text())["area_ha"] == [2.0]


def test_nothing_is_left_of_a_run_that_cannot_be_written(tmp_path):
    file = tmp_path / "run"
    file.write_text("a file")
    with pytest.raises(InputError, match="is a file"):
        write_run(file, NOWHERE, layers(), [], PAGE)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_run(tmp_path / "other", NOWHERE, layers(), [], {"area_ha": float("nan")})
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
