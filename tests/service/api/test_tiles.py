"""Tiles: decode the PNG and look at pixels."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from brise.conventions.errors import InputError
from brise.conventions.grids import Grid
from brise.formulas.indices.registry import INDICES
from brise.products import tiles


def pixels(reply) -> np.ndarray:
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "image/png"
    image = Image.open(io.BytesIO(reply.content))
    assert image.size == (256, 256)
    return np.asarray(image.convert("RGBA"))


def tile_of(latitude: float, longitude: float, zoom: int) -> tuple[int, int, int, int]:
    """Tile x and y, and pixel row and column of a place: the textbook formula, other way round than the renderer."""
    count = 2**zoom
    across = (longitude + 180) / 360 * count
    down = (1 - math.asinh(math.tan(math.radians(latitude))) / math.pi) / 2 * count
    return int(across), int(down), int(down % 1 * 256), int(across % 1 * 256)


def at(client, layer: str, latitude: float, longitude: float, query: str = "") -> tuple[int, ...]:
    x, y, row, column = tile_of(latitude, longitude, 11)
    return tuple(pixels(client.get(f"/v1/tiles/{layer}/11/{x}/{y}.png{query}"))[row, column].tolist())


def expected(scale: tiles.Scale, value: float) -> tuple[int, ...]:
    return (*scale.colours[np.searchsorted(scale.edges, value)].tolist(), 255)


def test_a_pixel_has_the_colour_of_its_value(client):
    scale = tiles.pollutant_scale("no2")
    assert at(client, "no2", 51.5, -0.1) == expected(scale, 40.0)
    scale = tiles.pollutant_scale("pm25")
    assert at(client, "pm25", 51.5, -0.1, "?lead=96") == expected(scale, 10 + 5.5 + 1.20)


def test_an_index_pixel_has_its_bands_colour(client):
    moderate = next(band for band in INDICES["us_aqi"].bands if band.key == "us_aqi.moderate")
    colour = tuple(int(moderate.colour[i : i + 2], 16) for i in (1, 3, 5))
    assert at(client, "us_aqi", 51.5, -0.1) == (*colour, 255)
    assert at(client, "european_aqi", 51.5, -0.1)[3] == 255


def test_unknown_and_outside_are_transparent(client):
    assert at(client, "pm25", 51.6, -0.2)[3] == 0  # a cell out of reach
    assert at(client, "pm25", 51.6, -0.215)[3] == 0  # half a cell beyond the western edge
    assert not pixels(client.get("/v1/tiles/pm25/3/7/0.png"))[..., 3].any()
    assert not pixels(client.get("/v1/tiles/co/9/255/170.png"))[..., 3].any()  # not published
    assert not pixels(client.get("/v1/tiles/pm25/9/255/170.png?time=2030-01-01"))[..., 3].any()


def test_time_and_lead_name_the_same_picture(client):
    by_lead = client.get("/v1/tiles/pm25/9/255/170.png?lead=5").content
    assert client.get("/v1/tiles/pm25/9/255/170.png?time=2026-11-23T12:00Z").content == by_lead
    assert client.get("/v1/tiles/pm25/9/255/170.png?lead=-24").content != by_lead


def test_the_legend_tells_the_colours_that_tiles_have(client):
    told = client.get("/v1/tiles/no2/legend").json()
    assert (told["unit"], told["smooth"]) == ("µg/m³", True)
    scale = tiles.pollutant_scale("no2")
    for stop in told["stops"]:
        colour = scale.colours[np.searchsorted(scale.edges, stop["value"])].astype(int)
        stated = [int(stop["colour"][i : i + 2], 16) for i in (1, 3, 5)]
        # one of 254 steps may pass between a value and its stop: 7 gaps of at most 255 over 253 steps, and rounding
        np.testing.assert_allclose(colour, stated, atol=255 * 7 / 253 + 1)
    told = client.get("/v1/tiles/us_aqi/legend").json()
    assert [(stop["value"], stop["colour"]) for stop in told["stops"][:2]] == [(0, "#00e400"), (50, "#ffff00")]
    assert told["stops"][1]["key"] == "us_aqi.moderate"
    assert {stop["value"] for stop in client.get("/v1/tiles/european_aqi/legend").json()["stops"]} == {None}
    assert client.get("/v1/tiles/us_aqi/legend?palette=safe").json()["stops"][-1]["colour"] == "#170b3b"
    assert client.get("/v1/tiles/soot/legend").status_code == 422


def test_a_tile_is_asked_for_again_soon_since_a_first_run_may_appear(client):
    reply = client.get("/v1/tiles/pm25/9/255/170.png")
    assert 0 < int(reply.headers["cache-control"].rpartition("=")[2]) <= 60


def test_palettes_differ(client):
    pictures = {client.get(f"/v1/tiles/us_aqi/9/255/170.png?palette={name}").content for name in ("default", "safe")}
    assert len(pictures) == 2


@pytest.mark.parametrize(
    ("url", "parameter"),
    [
        ("/v1/tiles/pm3/0/0/0.png", "layer"),
        ("/v1/tiles/pm25/15/0/0.png", "z"),
        ("/v1/tiles/pm25/1/2/0.png", "x"),
        ("/v1/tiles/pm25/1/0/2.png", "y"),
        ("/v1/tiles/pm25/0/0/0.png?lead=97", "lead"),
        ("/v1/tiles/pm25/0/0/0.png?time=soon", "time"),
        ("/v1/tiles/pm25/0/0/0.png?palette=red", "palette"),
        ("/v1/tiles/pm25/0/0/0.png?colour=red", "colour"),
    ],
)
def test_a_wrong_tile_is_a_problem(client, url, parameter):
    reply = client.get(url)
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["parameter"] == parameter


def test_a_window_of_a_huge_grid_stays_small():
    world = Grid("world", 89.95, -180.0, 0.1, 1800, 3600)
    for zoom in (0, 3, 8, 14):
        part = tiles.window(world, zoom, 0, 2**zoom // 2)
        assert part is not None
        assert len(part.rows) <= 257
        assert len(part.columns) <= 257


def test_smooth_between_cells_and_across_the_date_line():
    grid = Grid("islands", 10.0, 175.0, 1.0, 21, 11)
    part = tiles.window(grid, 5, 0, 15)
    assert part is not None
    values = (part.columns.astype(np.float32)[None, :] + np.zeros((len(part.rows), 1), np.float32)).astype(np.float32)
    scale = tiles.Scale(np.arange(1, 100) / 10, np.zeros((100, 3), np.uint8))
    colour = tiles.shade(values, part, scale)
    row = colour[128][colour[128] > 0].astype(int)
    assert len(row) > 100
    assert (np.diff(row) >= 0).all()  # a west-east ramp never steps back
    assert np.diff(row).max() <= 1  # and has no cell-sized jumps: 1 degree is 22 pixels, a level a tenth of that


def test_wrong_names_and_numbers_are_input_errors():
    with pytest.raises(InputError, match="palette='red': default or one of breeze, safe, grey"):
        tiles.pollutant_scale("pm25", "red")
    with pytest.raises(InputError, match="layer='voc': no colour scale"):
        tiles.pollutant_scale("voc")
    with pytest.raises(InputError, match=r"tile 2/4/0: z from 0 to 14"):
        tiles.window(Grid("g", 0, 0, 1, 2, 2), 2, 4, 0)


def test_equal_cells_on_a_bands_edge_have_one_colour():
    grid = Grid("flat", 51.6, -0.2, 0.02, 60, 60)
    scale = tiles.index_scale(INDICES["uk_daqi"])
    for zoom in (8, 9, 10, 11):
        x, y, _, _ = tile_of(51.3, 0.2, zoom)
        part = tiles.window(grid, zoom, x, y)
        assert part is not None
        values = np.full((len(part.rows), len(part.columns)), 3, np.float32)
        assert set(np.unique(tiles.shade(values, part, scale))) <= {0, 3}


def test_a_whole_number_index_changes_band_half_way_between_cells():
    grid = Grid("step", 0.5, 0.5, 1.0, 1, 2)  # cells around 0.5 and 1.5 degrees east
    scale = tiles.index_scale(INDICES["us_aqi"])
    zoom = 8
    x, y, row, edge = tile_of(0.5, 1.0, zoom)
    part = tiles.window(grid, zoom, x, y)
    assert part is not None
    colour = tiles.shade(np.array([[50, 51]], np.float32)[:, part.columns], part, scale)[row]
    assert (colour[edge - 20], colour[edge + 20]) == (1, 2)
