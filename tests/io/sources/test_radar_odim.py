import io
from datetime import UTC, datetime

import h5py
import numpy as np
import pytest

from brise.conventions.errors import DecodeError
from brise.conventions.grids import Grid
from brise.formulas.reflectivity import WSR_88D
from brise.io.sources import radar_odim
from brise.io.sources.radar import Options

RECEIVED_AT = datetime(2026, 3, 1, 12, 10, tzinfo=UTC)
GRID = Grid("there", 52.2, 4.7, 0.01, 41, 61)


def read(payload, **options):
    (frame,) = radar_odim.decode(payload, RECEIVED_AT, Options(**({"grid": GRID} | options)))
    return frame


def truth(make, frame):
    return make.pattern(frame.latitudes[:, None], frame.longitudes[None, :])


@pytest.mark.parametrize("quantity", ["RATE", "ACRR", "DBZH"])
def test_an_odim_composite_lands_where_and_when_it_rained(make, quantity):
    frame = read(make.odim(quantity))
    assert frame.time == np.datetime64("2026-03-01T12:05:00")
    assert frame.source == "odim"
    assert not frame.simulated
    expected = truth(make, frame)
    # The pattern changes by at most 1.1 mm/h over the 1.4 km from a 2 km pixel's centre to its corner; dBZ are cut at 7
    # and stored in halves, 7 % of the rate.
    np.testing.assert_allclose(frame.rate, expected, atol=1.2, rtol=0.08)
    gap = np.abs(frame.rate - expected).mean()
    for rows, columns in ((3, 0), (-3, 0), (0, 4), (0, -4)):
        assert gap < np.abs(np.roll(frame.rate, (rows, columns), (0, 1)) - expected)[4:-4, 4:-4].mean()


def test_nodata_stays_missing_and_undetect_is_dry(make):
    packed = np.full((60, 80), 65534, np.uint16)
    packed[:, 40:] = 65535
    packed[:, 60:] = 250
    frame = read(make.odim(packed=packed), grid=None)
    assert np.isnan(frame.rate).mean() > 0.2
    assert set(np.unique(frame.rate[np.isfinite(frame.rate)]).tolist()) == {0.0, 2.5}


def test_reflectivity_is_read_with_the_relation_asked_for(make):
    packed = np.full((60, 80), round((40 + 32) / 0.5), np.uint8)
    np.testing.assert_allclose(read(make.odim("DBZH", packed)).rate, (1e4 / 200) ** (1 / 1.6), rtol=1e-5)  # float32
    other = read(make.odim("DBZH", packed), relation=WSR_88D)
    np.testing.assert_allclose(other.rate, (1e4 / 300) ** (1 / 1.4), rtol=1e-5)


def test_without_a_grid_the_whole_composite_is_covered(make):
    frame = read(make.odim(), grid=None)
    assert abs(frame.latitudes[0] - frame.latitudes[1] - 0.01) < 1e-9
    rows, columns = frame.rate.shape
    # 120 km by 160 km, tilted by some 4 degrees
    assert 108 < rows < 130
    assert 230 < columns < 260
    off = np.abs(frame.rate - truth(make, frame))
    # Where the pattern is steepest, 1.4 km change it by 2 mm/h; a shift by one source pixel makes the mean 0.5.
    assert np.nanmax(off) < 2
    assert np.nanmean(off) < 0.3


def test_an_area_is_cut_out(make):
    whole = read(make.odim(), grid=None)
    part = read(make.odim(), grid=None, area=(51.9, 4.8, 52.1, 5.1))
    assert part.rate.shape == (21, 31)
    row, column = np.abs(whole.latitudes - 52.1).argmin(), np.abs(whole.longitudes - 4.8).argmin()
    np.testing.assert_array_equal(part.rate, whole.rate[row : row + 21, column : column + 31])


def test_attributes_may_stand_with_the_dataset(make):
    whole = make.odim()
    buffer = io.BytesIO(whole)
    with h5py.File(buffer, "r+") as file:
        for name in ("gain", "offset", "nodata", "undetect", "quantity"):
            file["dataset1/what"].attrs[name] = file["dataset1/data1/what"].attrs[name]
        del file["dataset1/data1/what"]
    np.testing.assert_array_equal(read(buffer.getvalue()).rate, read(whole).rate)


def test_the_better_quantity_of_a_file_is_read(make):
    buffer = io.BytesIO(make.odim("DBZH"))
    with h5py.File(buffer, "r+") as file, h5py.File(io.BytesIO(make.odim("RATE"))) as other:
        other.copy("dataset1/data1", file["dataset1"], "data2")
    np.testing.assert_array_equal(read(buffer.getvalue()).rate, read(make.odim("RATE")).rate)


@pytest.mark.parametrize("kind", ["rain", "dbz"])
def test_knmi_layout(make, kind):
    payload, latitude, longitude, rain = make.knmi(kind)
    frame = read(payload, grid=None)
    assert frame.time == np.datetime64("2026-03-01T12:05:00")
    row = np.abs(frame.latitudes[:, None, None] - latitude[10:-10:7, 5:-5:7]).argmin(axis=0)
    column = np.abs(frame.longitudes[:, None, None] - longitude[10:-10:7, 5:-5:7]).argmin(axis=0)
    # 0.01 mm in 5 minutes is 0.12 mm/h; half a dBZ is 7 %; a target pixel may take the neighbour's 1 km, up to 1 mm/h
    np.testing.assert_allclose(frame.rate[row, column], rain[10:-10:7, 5:-5:7], atol=1.0, rtol=0.08)
    north = np.abs(frame.latitudes[:, None] - latitude[1, 5:-5]).argmin(axis=0)
    east = np.abs(frame.longitudes[:, None] - longitude[1, 5:-5]).argmin(axis=0)
    assert np.isnan(frame.rate[north, east]).all()


def test_corrupt_and_foreign_payloads_are_refused(make):
    whole = make.odim()
    for broken in (whole[: len(whole) // 2], whole[:40], b"\x89HDF\r\n\x1a\n" + bytes(300), b"<html>"):
        with pytest.raises(DecodeError, match="odim: "):
            read(broken)
    with pytest.raises(DecodeError, match="the payload is empty"):
        read(b"")
    spoilt = bytearray(whole)
    with h5py.File(io.BytesIO(whole)) as file:
        place = file["dataset1/data1/data"].id.get_chunk_info(0).byte_offset
    spoilt[place + 20 : place + 60] = bytes(40)
    with pytest.raises(DecodeError, match="odim: "):
        read(bytes(spoilt))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"object_": "PVOL"}, "object 'PVOL'; composites"),
        ({"quantity": "TH"}, r"quantities \['TH'\]; one of RATE"),
        ({"where": {"projdef": None}}, "no attribute projdef in dataset1/where or where"),
        ({"where": {"projdef": "+proj=laea +nadgrids=/etc/passwd"}}, "not a plain PROJ string"),
        ({"where": {"projdef": "+init=epsg:4326"}}, "not a plain PROJ string"),
        ({"where": {"projdef": "+proj=laea +lat_0=500"}}, "is unknown"),
        ({"where": {"xsize": 81}}, r"\(60, 80\) pixels, but ysize and xsize are 60 and 81"),
        ({"where": {"xscale": 1000.0}}, "xscale 1000, but the corners LL and UR make it 2000"),
        ({"where": {"LL_lat": 99.0}}, "odim: "),
        ({"what": {"gain": float("nan")}}, "gain of dataset1/data1/what is nan"),
        ({"what": {"nodata": None}}, "no attribute nodata"),
        ({"what": {"gain": "soft"}}, "could not convert string to float"),
    ],
)
def test_what_is_wrong_is_named(make, changes, message):
    with pytest.raises(DecodeError, match=message):
        read(make.odim(**changes))


def edited(payload, change):
    buffer = io.BytesIO(payload)
    with h5py.File(buffer, "r+") as file:
        change(file)
    return buffer.getvalue()


def _linked(file):
    del file["dataset1/data1/data"]
    file["dataset1/data1/data"] = h5py.ExternalLink("/etc/passwd", "/x")


def _virtual(file):
    del file["dataset1/data1/data"]
    layout = h5py.VirtualLayout((60, 80), "u2")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", (60, 80))
    file.create_virtual_dataset("dataset1/data1/data", layout)


def _external(file):
    del file["dataset1/data1/data"]
    file.create_dataset("dataset1/data1/data", (60, 80), "u1", external=[("/etc/passwd", 0, 4800)])


def _huge(file):
    del file["dataset1/data1/data"]
    file.create_dataset("dataset1/data1/data", (10**6, 10**6), "u2", chunks=(64, 64), compression="gzip")


def _huge_chunk(file):
    del file["dataset1/data1/data"]
    file.create_dataset("dataset1/data1/data", (60, 80), "u2", chunks=(2**14, 2**13), maxshape=(None, None))


def _crowd(file):
    for i in range(radar_odim.MAX_NODES + 1):
        file.create_group(f"how/{i}")


def _words(file):
    del file["dataset1/data1/data"]
    file.create_dataset("dataset1/data1/data", data=np.full((60, 80), b"rain"))


def _bad_time(file):
    file["what"].attrs["time"] = np.bytes_("25:61")


def _long_sum(file):
    file["dataset1/data1/what"].attrs["quantity"] = np.bytes_("ACRR")
    file["dataset1/what"].attrs["startdate"] = np.bytes_("20260228")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_linked, "data is a link; only data of the file itself"),
        (_virtual, "lies in other files"),
        (_external, "lies in other files"),
        (_huge, "1000000 x 1000000 pixels; 1 to 45000000"),
        (_huge_chunk, r"blocks of \(16384, 8192\) pixels"),
        (_crowd, "more than 500 groups"),
        (_words, "no two-dimensional array of numbers"),
        (_bad_time, "'2026030125:61' are not YYYYMMDD"),
        (_long_sum, "up to 60 minutes make a rate"),
    ],
)
def test_files_that_reach_elsewhere_or_ask_for_too_much_are_refused(make, change, message):
    with pytest.raises(DecodeError, match=message):
        read(edited(make.odim(), change))


def test_a_frame_of_the_future_is_refused(make):
    with pytest.raises(DecodeError, match="2026-03-01T12:05:00Z cannot be; received 2026-03-01T11:00Z"):
        radar_odim.decode(make.odim(), datetime(2026, 3, 1, 11, 0, tzinfo=UTC), Options())


def test_knmi_calibration_must_be_a_line(make):
    payload, *_ = make.knmi(formula="GEO = PV ** 2")
    with pytest.raises(DecodeError, match="is not GEO = "):
        read(payload)
    payload, *_ = make.knmi(attributes={"geo_number_rows": np.array([71])})
    with pytest.raises(DecodeError, match=r"\(70, 60\) pixels, but KNMI's rows and columns are \(71, 60\)"):
        read(payload)
    payload, *_ = make.knmi(attributes={"geo_pixel_size_y": np.array([1.0])})
    with pytest.raises(DecodeError, match="rows running north are not read"):
        read(payload)
    payload, *_ = make.knmi()
    with pytest.raises(DecodeError, match="is not like 26-AUG-2010"):
        read(edited(payload, lambda file: file["overview"].attrs.modify("product_datetime_end", np.bytes_("noon"))))
    with pytest.raises(DecodeError, match="KNMI image of 'ECHOTOP"):
        read(edited(payload, lambda f: f["image1"].attrs.modify("image_geo_parameter", np.bytes_("ECHOTOP_[KM]"))))
