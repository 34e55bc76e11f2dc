"""Where fires start, from every kind of file, in the plane of the landscape."""

import json
from dataclasses import replace

import numpy as np
import pytest
import shapefile
from numpy.testing import assert_allclose
from rasterio.crs import CRS
from rasterio.warp import transform

from brise.conventions.errors import InputError, NotFoundError
from brise.conventions.fire import FireGrid
from brise.io.sources import fire_ignition
from brise.io.sources.fire_ignition import read_geojson, read_ignitions

UTM = CRS.from_epsg(32631)
GRID = FireGrid(UTM.to_wkt(), 500_000.0, 5_000_000.0, 10.0, 200, 300)
NOWHERE = replace(GRID, crs="")
HOTSPOTS = (
    "latitude,longitude,bright_ti4,scan,track,acq_date,acq_time,satellite,instrument,confidence,version,bright_ti5,frp,"
    "daynight\n{}N20,VIIRS,{},2.0NRT,285.1,4.31,N\n"
)


def lonlat(*points):
    x, y = zip(*points, strict=True)
    return [list(pair) for pair in zip(*transform(UTM, "EPSG:4326", x, y), strict=True)]


def geometry(kind, coordinates, **properties):
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}


SQUARE = [(501_000.0, 4_999_000.0), (501_100.0, 4_999_000.0), (501_100.0, 4_999_100.0), (501_000.0, 4_999_000.0)]


def test_a_place():
    ((longitude, latitude),) = lonlat((501_234.0, 4_999_321.0))
    for text in (f"{latitude},{longitude}", f" {latitude} ; {longitude} "):
        (start,) = read_ignitions(text, GRID)
        assert_allclose([start.x[0], start.y[0]], [501_234.0, 4_999_321.0], atol=1e-3)
        assert (start.closed, start.time) == (False, None)
    (start,) = read_ignitions("501234,4999321", NOWHERE)
    assert (start.x, start.y) == ((501_234.0,), (4_999_321.0,))


@pytest.mark.parametrize(
    ("given", "grid", "said"),
    [
        (
            "45.15,3.5",
            GRID,
            r"45.15,3.5: ignition at x 5\d+.\d, y 4999\d+.\d lies outside the landscape, x 500000.0 to",
        ),
        ("95,3.5", GRID, "ignition 95,3.5: latitude within -90 to 90"),
        ("1,2", NOWHERE, r"ignition at x 1.0, y 2.0 lies outside .* y 4998000.0 to 5000000.0"),
        ("503000,4999000", NOWHERE, "lies outside"),
    ],
)
def test_a_place_outside_is_named(given, grid, said):
    with pytest.raises(InputError, match=said):
        read_ignitions(given, grid)


def test_every_geometry_of_geojson():
    ring, point = lonlat(*SQUARE), lonlat(SQUARE[0])[0]
    hole = lonlat((501_060.0, 4_999_020.0), (501_070.0, 4_999_020.0), (501_070.0, 4_999_030.0))
    body = {
        "type": "FeatureCollection",
        "features": [
            geometry("Point", point, time="2025-03-23T14:00:00+02:00"),
            geometry("MultiPoint", [point, ring[1]]),
            geometry("LineString", ring),
            geometry("MultiLineString", [ring[:2], ring[2:]]),
            geometry("Polygon", [ring, hole], datetime="2025-03-23T15:00Z"),
            geometry("MultiPolygon", [[ring], [ring]]),
            {"type": "Feature", "geometry": None, "properties": None},
        ],
    }
    starts = read_geojson(body, GRID)
    assert [start.closed for start in starts] == [False] * 6 + [True] * 3
    assert [len(start.x) for start in starts] == [1, 1, 1, 4, 2, 2, 4, 4, 4]
    assert starts[0].time == np.datetime64("2025-03-23T12:00:00")
    assert starts[6].time == np.datetime64("2025-03-23T15:00:00")
    assert starts[1].time is None
    assert_allclose(np.array([starts[6].x, starts[6].y]).T, SQUARE, atol=1e-3)


def test_geojson_files_and_an_older_reference_system(tmp_path):
    path = tmp_path / "start.geojson"
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32631"}}
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [SQUARE], "crs": named}))
    (start,) = read_ignitions(str(path), GRID)
    assert_allclose(start.x, [x for x, _ in SQUARE], atol=1e-6)
    path.write_text(json.dumps({"type": "Point", "coordinates": [501_000.0, 4_999_000.0, 12.0]}))
    (start,) = read_ignitions(str(path), NOWHERE)  # metres of the plane
    assert start.x == (501_000.0,)
    with pytest.raises(InputError, match="501000, 4999000 is no longitude and latitude"):
        read_ignitions(str(path), GRID)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([1], "GeoJSON is an object"),
        ({"type": "Topology"}, "not GeoJSON: type 'Topology'"),
        ({"type": "Circle", "coordinates": [1, 2]}, "a geometry of type 'Circle' is not read"),
        ({"type": "Point", "coordinates": ["a", 2]}, "coordinates of the Point are not positions"),
        ({"type": "Polygon", "coordinates": []}, "coordinates of the Polygon are not positions"),
        ({"type": "Polygon", "coordinates": [[[1, 2], [2, 3]]]}, "a Polygon without enough corners"),
        ({"type": "MultiPoint", "coordinates": None}, "coordinates of the MultiPoint are not positions"),
        ({"type": "FeatureCollection", "features": []}, "no ignition in it"),
        (geometry("Point", [3.01, 45.14], time="noon"), "'noon' is no time"),
        ({"type": "Point", "coordinates": [3.01, float("nan")]}, "is no longitude"),
        (geometry("Point", [9.0, 45.14]), "lies outside"),
    ],
)
def test_what_is_no_ignition(body, said):
    with pytest.raises(InputError, match=said):
        read_geojson(body, GRID)


def test_an_area_may_reach_beyond_the_landscape_a_line_may_not():
    beyond = [(499_000.0, 4_999_000.0), (501_000.0, 4_999_000.0), (501_000.0, 4_999_500.0)]
    (start,) = read_geojson({"type": "Polygon", "coordinates": [beyond]}, NOWHERE)
    assert start.closed
    with pytest.raises(InputError, match=r"x 499000.0, y 4999000.0 lies outside"):
        read_geojson({"type": "LineString", "coordinates": beyond}, NOWHERE)


@pytest.mark.parametrize("prj", [True, False])
def test_shapefile(tmp_path, prj):
    path = tmp_path / "start.shp"
    with shapefile.Writer(str(path), shapeType=shapefile.POLYGON) as file:
        file.field("time", "C", 20)
        file.poly([lonlat(*SQUARE)] if prj else [[list(p) for p in SQUARE]])
        file.record("2025-03-23T15:00Z")
        file.null()
        file.record("")
    if prj:
        path.with_suffix(".prj").write_text(CRS.from_epsg(4326).to_wkt(version="WKT1_ESRI"))
    (start,) = read_ignitions(str(path), GRID)
    assert start.closed
    assert start.time == np.datetime64("2025-03-23T15:00:00")
    assert_allclose(sorted(set(start.x)), [501_000.0, 501_100.0], atol=1e-3)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"start.shp: cannot be read"):
        read_ignitions(str(path), GRID)


def test_cell2fires_cells_count_from_one(tmp_path):
    path = tmp_path / "Ignitions.csv"
    path.write_text("Year,Ncell\n1,1\n1,301\n1,60000\n")
    places = [(start.x[0], start.y[0]) for start in read_ignitions(str(path), GRID)]
    assert places == [(500_005.0, 4_999_995.0), (500_005.0, 4_999_985.0), (502_995.0, 4_998_005.0)]
    path.write_text("Year,Ncell\n1,60001\n")
    with pytest.raises(InputError, match="row 1: cell 60001 is outside the landscape's 1 to 60,000"):
        read_ignitions(str(path), GRID)


def test_tables_of_places(tmp_path):
    path = tmp_path / "places.csv"
    ((longitude, latitude),) = lonlat((501_234.0, 4_999_321.0))
    path.write_text(
        f"name,Latitude,Longitude,time\nA,{latitude},{longitude},2025-03-23T15:00Z\nB,{latitude},{longitude},\n"
    )
    first, second = read_ignitions(str(path), GRID)
    assert_allclose(first.x[0], 501_234.0, atol=1e-3)
    assert (first.time, second.time) == (np.datetime64("2025-03-23T15:00:00"), None)
    path.write_text("x,y\n501234,4999321\n")
    assert read_ignitions(str(path), GRID)[0].x == (501_234.0,)
    path.write_text("x,y\n501234,here\n")
    with pytest.raises(InputError, match="row 1: y is 'here', a number is wanted"):
        read_ignitions(str(path), GRID)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="columns a, b; wanted are latitude and longitude"):
        read_ignitions(str(path), GRID)


def test_hotspots(tmp_path):
    path = tmp_path / "fires.csv"
    ((longitude, latitude),) = lonlat((501_234.0, 4_999_321.0))
    row = f"{latitude},{longitude},331.2,0.39,0.36,2025-04-12,0105,"
    far = "10.0,10.0,331.2,0.39,0.36,2025-04-12,0105,"
    path.write_text(HOTSPOTS.format(row, "h") + f"{far}N20,VIIRS,h,2.0NRT,285.1,4.31,N\n")
    (start,) = read_ignitions(str(path), GRID)
    assert_allclose([start.x[0], start.y[0]], [501_234.0, 4_999_321.0], atol=1e-3)
    assert start.time == np.datetime64("2025-04-12T01:05:00")
    listed = [{"latitude": latitude, "longitude": longitude, "acq_date": "2025-04-12", "acq_time": "105"}]
    (tmp_path / "fires.json").write_text(json.dumps(listed))
    assert read_ignitions(str(tmp_path / "fires.json"), GRID) == [start]
    path.write_text(HOTSPOTS.format(row, "l"))
    with pytest.raises(InputError, match="none of 1 is above low confidence"):
        read_ignitions(str(path), GRID)
    path.write_text(HOTSPOTS.format(far, "n"))
    with pytest.raises(InputError, match=r"none of 1 hotspots: .* lies outside"):
        read_ignitions(str(path), GRID)
    path.write_text(HOTSPOTS.format(row, "n")[:-30])
    with pytest.raises(InputError, match="cut short"):
        read_ignitions(str(path), GRID)


def test_files_that_are_none(tmp_path, monkeypatch):
    with pytest.raises(NotFoundError, match="no such file, and not LAT,LON such as"):
        read_ignitions("somewhere", GRID)
    path = tmp_path / "start.geojson"
    path.write_text("{")
    with pytest.raises(InputError, match=r"start.geojson: not JSON"):
        read_ignitions(str(path), GRID)
    monkeypatch.setattr(fire_ignition, "MAX_CORNERS", 3)
    with pytest.raises(InputError, match="more than 3 corners"):
        read_geojson({"type": "Polygon", "coordinates": [SQUARE]}, NOWHERE)
    monkeypatch.setattr(fire_ignition, "MAX_BYTES", 0)
    with pytest.raises(InputError, match="over the limit"):
        read_ignitions(str(path), GRID)


def test_real_ignitions(shared_data):
    from brise.io.sources.fire_landscape import read_landscape

    folder = shared_data / "fire" / "belgium_2025" / "Case2_Houffalize"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    grid = read_landscape(folder).grid
    (start,) = read_ignitions(str(folder / "Ignitions.csv"), grid)
    scar = read_ignitions(str(folder / "ground_truth" / "observed_scar.shp"), grid)
    assert min(np.hypot(np.array(s.x) - start.x[0], np.array(s.y) - start.y[0]).min() for s in scar) < 20.0
