import io
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from brise.conventions.errors import DecodeError
from brise.conventions.grids import Grid
from brise.io.sources import radar_geotiff
from brise.io.sources.radar import Options
from brise.io.sources.radar_registry import RADARS

RECEIVED_AT = datetime(2026, 3, 1, 12, 10, tzinfo=UTC)
HELSINKI = Grid("helsinki", 60.4, 24.7, 0.01, 30, 40)


def read(payload, band=radar_geotiff.RATE, **options):
    (frame,) = radar_geotiff.decode(payload, RECEIVED_AT, Options(**options), band)
    return frame


@pytest.fixture(scope="module")
def finland(make):
    """Left, top and rain of 120 x 120 km around Helsinki in EPSG:3067, pixels of 1 km."""
    tm35 = "+proj=utm +zone=35 +ellps=GRS80 +units=m"
    left, top, latitude, longitude = make.laea_raster(120, 120, 1000.0, tm35, (60.2, 24.9))
    return left, top, make.pattern(latitude - 8.2, longitude - 19.9)


@pytest.mark.parametrize("point", [False, True], ids=["pixel is area", "pixel is point"])
def test_projected_rates(make, finland, point):
    left, top, rain = finland
    frame = read(make.geotiff(rain.astype(np.float32), left, top, 1000.0, point=point), grid=HELSINKI)
    assert frame.time == np.datetime64("2026-03-01T12:05:00")
    expected = make.pattern(frame.latitudes[:, None] - 8.2, frame.longitudes[None, :] - 19.9)
    off = np.abs(frame.rate - expected)
    # Within 0.7 km the pattern changes by up to 1.4 mm/h; half a pixel of shift would make the mean 0.6.
    assert off.max() < 1.5
    assert off.mean() < 0.35


def test_fmi_reflectivity(make, finland):
    left, top, rain = finland
    dbz = 10 * np.log10(223 * np.maximum(rain, 1e-3) ** 1.53)
    pixels = np.where(rain > 0.05, np.round((dbz + 32) * 2), 0).astype(np.uint8)
    pixels[:48] = 255
    frame = read(make.geotiff(pixels, left, top, 1000.0), radar_geotiff.FMI, grid=HELSINKI)
    assert frame.source == "fmi"
    assert np.isnan(frame.rate[:5]).all()
    known = np.isfinite(frame.rate)
    assert known.mean() > 0.4
    expected = make.pattern(frame.latitudes[:, None] - 8.2, frame.longitudes[None, :] - 19.9)
    np.testing.assert_allclose(frame.rate[known], expected[known], atol=1.5, rtol=0.08)  # place; half a dBZ
    (same,) = RADARS["fmi"].decode(make.geotiff(pixels, left, top, 1000.0), RECEIVED_AT, Options(grid=HELSINKI))
    np.testing.assert_array_equal(same.rate, frame.rate)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "raw"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_geographic_of_every_depth(make, dtype, compression):
    pixels = np.arange(60).reshape(6, 10).astype(dtype)
    frame = read(make.geotiff(pixels, 4.0, 52.0, 0.01, 4326, nodata="7", compression=compression))
    expected = pixels.astype(np.float32)
    expected[0, 7] = np.nan
    np.testing.assert_array_equal(frame.rate, expected)
    np.testing.assert_allclose(frame.latitudes[0], 51.995, atol=1e-9)
    np.testing.assert_allclose(frame.longitudes[0], 4.005, atol=1e-9)


def test_what_cannot_be_rain_is_missing(make):
    pixels = np.array([[0, 499, 501], [-1, np.inf, np.nan]], np.float32)
    frame = read(make.geotiff(pixels, 4.0, 52.0, 0.01, 4326))
    np.testing.assert_array_equal(frame.rate, [[0, 499, np.nan], [np.nan, np.nan, np.nan]])


def test_a_time_may_come_from_outside(make):
    payload = make.geotiff(np.zeros((3, 3), np.float32), 4.0, 52.0, 0.01, 4326, when=None)
    with pytest.raises(DecodeError, match="no DateTime tag; give its time"):
        read(payload)
    frame = read(payload, time=datetime(2026, 3, 1, 11, 30, tzinfo=UTC))
    assert frame.time == np.datetime64("2026-03-01T11:30:00")


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of tags that are cut, before it raises
def test_what_is_wrong_is_named(make):
    small = np.zeros((3, 3), np.float32)
    whole = make.geotiff(small, 4.0, 52.0, 0.01, 4326)
    plain = io.BytesIO()
    Image.fromarray(small).save(plain, "TIFF")
    colour = make.geotiff(np.zeros((3, 3, 3), np.uint8), 4.0, 52.0, 0.01, 4326)
    cases = {
        b"II*\0" + bytes(40): "not a TIFF that can be read",
        b"\x89PNG" + bytes(40): "not a TIFF that can be read",
        make.geotiff(small, 4.0, 52.0, 0.01, 4326, when="yesterday"): "DateTime 'yesterday' is not",
        make.geotiff(small, 4.0, 52.0, 0.01, 32767): "model type 1 with code 32767",
        make.geotiff(small, 4.0, 52.0, 0.01, 9999): "projection 'EPSG:9999' is unknown",
        make.geotiff(small, 4.0, 52.0, -0.01, 4326): "pixels of -0.01",
        make.geotiff(small, 4.0, 52.0, 0.01, 4326, when="2026:03:02 00:00:00"): "cannot be; received",
        colour: "mode RGB in 1 pages",
        make.geotiff(np.zeros((7000, 7000), np.uint8), 4.0, 52.0, 0.01, 4326): "7000 x 7000 pixels; 1 to 45000000",
    }
    for payload, message in cases.items():
        with pytest.raises(DecodeError, match=message):
            read(payload)
    untimed = plain.getvalue()
    with pytest.raises(DecodeError, match="where does it lie"):
        read(untimed, time=RECEIVED_AT)
    noise = np.random.default_rng(1).random((50, 50), np.float32)
    long = make.geotiff(noise, 4.0, 52.0, 0.01, 4326)
    for broken in (long[: len(long) // 2], long[: len(long) - 300] + bytes(300), whole[:20]):
        with pytest.raises(DecodeError, match="geotiff: "):
            read(broken)
