import gzip
from datetime import UTC, datetime

import gribberish
import numpy as np
import pytest

from brise.conventions.errors import DecodeError
from brise.conventions.grids import Grid
from brise.io.sources import radar_mrms
from brise.io.sources.radar import Options

RECEIVED_AT = datetime(2026, 3, 1, 12, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def values():
    found = np.round(np.random.default_rng(5).gamma(0.2, 6, (30, 45)), 1).clip(0, 250)
    found[:3], found[3, :5] = -3.0, -1.0
    return found


def read(payload, **options):
    (frame,) = radar_mrms.decode(payload, RECEIVED_AT, Options(**options))
    return frame


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_rates_places_and_time(make, values, pack):
    frame = read(pack(make.mrms(values)))
    assert frame.time == np.datetime64("2026-03-01T12:04:00")
    np.testing.assert_allclose(frame.rate, np.where(values < 0, np.nan, values), atol=1e-5)  # float32 of tenths
    np.testing.assert_allclose(frame.latitudes, 52.295 - 0.01 * np.arange(30), atol=1e-9)  # millionths of a degree
    np.testing.assert_allclose(frame.longitudes, -109.995 + 0.01 * np.arange(45), atol=1e-9)  # 250.005 east


def test_an_independent_reader_finds_the_same(make, values):
    message = make.mrms(values)
    about = gribberish.parse_grib_message_metadata(message, 0)
    assert about.var_abbrev == "PrecipRate"
    assert about.grid_shape == values.shape
    theirs = gribberish.parse_grib_array(message, 0).reshape(values.shape)
    np.testing.assert_allclose(read(message).rate, np.where(theirs < 0, np.nan, theirs), atol=1e-5)  # float32


def test_a_grid_takes_its_part(make, values):
    whole = read(make.mrms(values))
    part = read(make.mrms(values), grid=Grid("part", 52.245, -109.895, 0.01, 10, 12))
    np.testing.assert_array_equal(part.rate, whole.rate[5:15, 10:22])
    beyond = read(make.mrms(values), grid=Grid("edge", 52.245, -110.095, 0.01, 10, 12))
    assert np.isnan(beyond.rate[:, :10]).all()
    np.testing.assert_array_equal(beyond.rate[:, 10:], whole.rate[5:15, :2])


def test_an_area_keeps_the_pixels_as_they_are(make, values):
    whole = read(make.mrms(values))
    part = read(make.mrms(values), area=(52.1, -109.9, 52.2, -100.0))
    np.testing.assert_array_equal(part.rate, whole.rate[10:20, 10:])
    np.testing.assert_allclose(part.latitudes, whole.latitudes[10:20], atol=1e-9)  # millionths of a degree
    with pytest.raises(DecodeError, match=r"mrms: none of the raster lies within \(0"):
        read(make.mrms(values), area=(0, 0, 1, 1))


def test_eight_bits_scales_and_a_constant_field(make):
    values = np.arange(256.0).reshape(16, 16) / 2
    got = read(make.mrms(values, reference=0.0, decimal=0, binary=-1, bits=8))
    np.testing.assert_array_equal(got.rate, values.astype(np.float32))
    assert (read(make.mrms(values, reference=0.0, constant=True)).rate == 0).all()


def _header(**changes):
    def spoil(png):
        width, height, depth = (changes.get(k, v) for k, v in (("width", 45), ("height", 30), ("depth", 16)))
        return png[:16] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([depth]) + png[25:]

    return spoil


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"discipline": 0}, r"parameter \(0, 6, 1\); PrecipRate is \(209, 6, 1\)"),
        ({"scanning": 64}, "grid template 0 with scanning mode 64"),
        ({"packing": 40}, "packing 40 of 1350 values"),
        ({"bitmap": 0}, "bitmap 0"),
        ({"count": 7}, "of 7 values"),
        ({"rows": 100_000, "columns": 100_000}, "100000 x 100000 pixels; 1 to 45000000"),
        ({"when": (2026, 13, 1, 0, 0, 0)}, "month must be in 1..12"),
        ({"when": (2026, 3, 1, 14, 0, 0)}, "cannot be; received"),
        ({"without": (3,)}, r"a section is missing or too short \(3\)"),
        ({"reference": float("nan"), "constant": True}, "reference nan"),
        ({"decimal": 300, "constant": True}, "decimal scale 300 cannot be"),
        ({"spoil": lambda png: b"GIF89a" + png}, "16 bits a value in no PNG"),
        ({"spoil": lambda png: png[:-60]}, "the PNG is corrupt"),
        ({"spoil": lambda png: png.replace(b"IDAT", b"IDAX")}, "the PNG is corrupt"),
        ({"spoil": _header(width=60_000, height=60_000)}, "a PNG of 60000 x 60000, 16 bits"),
        ({"spoil": _header(depth=8)}, "8 bits, colour 0; expected"),
    ],
)
def test_what_is_wrong_is_named(make, values, changes, message):
    with pytest.raises(DecodeError, match=message):
        read(make.mrms(values, **changes))


def test_cut_and_foreign_payloads_are_refused(make, values):
    whole = make.mrms(values)
    with pytest.raises(DecodeError, match=f"{len(whole) - 9} bytes are not one whole message of {len(whole)}"):
        read(whole[:-9])
    with pytest.raises(DecodeError, match="bytes are not one whole message"):
        read(whole + whole)
    with pytest.raises(DecodeError, match="not a GRIB message of edition 2"):
        read(b"GRIB" + bytes(60))
    with pytest.raises(DecodeError, match="cut short after"):
        read(gzip.compress(whole)[:-30])
    wrong = bytearray(whole)
    wrong[16:20] = (10**6).to_bytes(4, "big")
    with pytest.raises(DecodeError, match="section 1 at byte 16 has 1000000 bytes, beyond"):
        read(bytes(wrong))
    again = whole[:16] + whole[16:37] + whole[16:]
    again = again[:8] + len(again).to_bytes(8, "big") + again[16:]
    with pytest.raises(DecodeError, match="section 1 comes twice"):
        read(again)
