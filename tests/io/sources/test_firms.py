"""FIRMS: both instruments' tables, and a key that never shows."""

import gzip
import json
from datetime import UTC, datetime

import httpx
import numpy as np
import pytest
from numpy.testing import assert_allclose

from brise.conventions.errors import ConfigurationError, DecodeError, InputError, SourceError
from brise.io.download import Client, Limits
from brise.io.sources import firms
from brise.io.sources.firms import fetch_hotspots, read_hotspots, requests
from brise.io.sources.source import Window

VIIRS = (
    b"latitude,longitude,bright_ti4,scan,track,acq_date,acq_time,satellite,instrument,confidence,version,b"
    b"right_ti5,frp,daynight\n"
    b"50.13021,5.79011,331.2,0.39,0.36,2025-04-12,0105,N20,VIIRS,n,2.0NRT,285.1,4.31,N\n"
    b"50.13205,5.79468,347.9,0.39,0.36,2025-04-12,0105,N20,VIIRS,h,2.0NRT,290.4,9.87,N\n"
    b"50.12877,5.78655,300.4,0.39,0.36,2025-04-12,0105,N20,VIIRS,l,2.0NRT,283.9,1.02,N\n"
    b"50.13344,5.79702,336.6,0.41,0.61,2025-04-12,1233,N20,VIIRS,n,2.0NRT,296.2,6.40,D\n"
)
MODIS = (
    b"latitude,longitude,brightness,scan,track,acq_date,acq_time,satellite,instrument,confidence,version,b"
    b"right_t31,frp,daynight\n"
    b"50.1310,5.7921,305.4,1.0,1.0,2025-04-12,56,Terra,MODIS,22,6.1NRT,284.0,5.6,N\n"
    b"50.1344,5.7989,318.7,1.1,1.0,2025-04-12,1049,Terra,MODIS,61,6.1NRT,291.3,14.2,D\n"
    b"50.1287,5.7864,334.0,1.1,1.0,2025-04-12,1051,Aqua,MODIS,88,6.1NRT,292.8,31.9,D\n"
)
WINDOW = Window(datetime(2025, 4, 10, tzinfo=UTC), datetime(2025, 4, 12, 23, tzinfo=UTC), (49.0, 4.0, 51.0, 7.0))
KEY = "m4p-k3y"


def test_viirs():
    spots = read_hotspots(VIIRS)
    assert len(spots) == 4
    first = spots[0]
    assert (first.latitude, first.longitude) == (50.13021, 5.79011)
    assert first.time == datetime(2025, 4, 12, 1, 5, tzinfo=UTC)
    assert (first.satellite, first.instrument, first.confidence) == ("N20", "VIIRS", "nominal")
    assert_allclose([first.brightness_k, first.power_mw, first.scan_m, first.track_m], [331.2, 4.31, 390.0, 360.0])
    assert_allclose(first.pixel_m, np.sqrt(390 * 360))
    assert [spot.confidence for spot in spots] == ["nominal", "high", "low", "nominal"]
    assert spots[3].time.hour == 12


def test_modis_and_json():
    spots = read_hotspots(MODIS)
    assert [spot.confidence for spot in spots] == ["low", "nominal", "high"]
    assert spots[0].brightness_k == 305.4
    rows = [
        {"latitude": 50.1, "longitude": "5.8", "acq_date": "2025-04-12", "acq_time": 5, "confidence": 0, "frp": None}
    ]
    (spot,) = read_hotspots(json.dumps(rows).encode())
    assert spot.time == datetime(2025, 4, 12, 0, 5, tzinfo=UTC)
    assert spot.confidence == "low"
    assert np.isnan(spot.power_mw)
    assert np.isnan(spot.pixel_m)
    assert read_hotspots(gzip.compress(MODIS)) == spots_of(MODIS)
    assert read_hotspots(MODIS.splitlines(keepends=True)[0]) == []
    assert len(read_hotspots(MODIS + MODIS.splitlines(keepends=True)[1])) == 3  # each once


def spots_of(payload):
    return read_hotspots(payload)


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"Invalid MAP_KEY.", "firms: no hotspots but 'Invalid MAP_KEY"),
        (b"", "empty"),
        (b"<html>", "no hotspots but"),
        (b"[1]", "a list of hotspots"),
        (VIIRS[:-40], "cut short"),
        (VIIRS.replace(b"50.13021", b"150.13"), "row 1: no place: 150.13"),
        (VIIRS.replace(b",0105,", b",2905,"), "row 1: '2025-04-12' '2905' is no time"),
        (b'[{"latitude": 1, "longitude": 2}]', "row 1: '' '' is no time"),
    ],
)
def test_what_is_no_hotspot(payload, said):
    with pytest.raises(DecodeError, match=said):
        read_hotspots(payload)


def test_requests_are_bounded_and_silent():
    asked = requests(WINDOW, KEY)
    assert len(asked) == len(firms.PRODUCTS)
    url = "https://firms.modaps.eosdis.nasa.gov/api/area/csv/{key}/VIIRS_NOAA20_NRT"
    assert asked[0].url == url + "/4.0000,49.0000,7.0000,51.0000/3/2025-04-10"
    assert KEY not in repr(asked)
    week = Window(WINDOW.start, datetime(2025, 4, 16, tzinfo=UTC))
    assert [r.url.split("csv/{key}/")[1] for r in requests(week, KEY, ["MODIS_NRT"])] == [
        "MODIS_NRT/world/5/2025-04-10",
        "MODIS_NRT/world/2/2025-04-15",
    ]
    with pytest.raises(InputError, match=r"more than 40 requests"):
        requests(Window(WINDOW.start, datetime(2026, 4, 10, tzinfo=UTC)), KEY)


def test_live_fetch(caplog):
    seen = []

    def answer(request):
        seen.append(str(request.url))
        return httpx.Response(200, content=VIIRS if "NOAA20" in str(request.url) else MODIS)

    with Client(limits=Limits(spacing_s={"": 0.0}), transport=httpx.MockTransport(answer)) as client:
        spots = fetch_hotspots(client, WINDOW, KEY, ["VIIRS_NOAA20_NRT", "MODIS_NRT"])
    assert f"/{KEY}/VIIRS_NOAA20_NRT/" in seen[0]
    assert len(spots) == 7
    assert [spot.time for spot in spots] == sorted(spot.time for spot in spots)
    assert KEY not in caplog.text


def test_a_refusal_does_not_repeat_the_key():
    def answer(request):
        return httpx.Response(403, content=f"no such key {KEY}".encode())

    with Client(limits=Limits(spacing_s={"": 0.0}), transport=httpx.MockTransport(answer)) as client:
        with pytest.raises(SourceError, match="HTTP 403") as caught:
            fetch_hotspots(client, WINDOW, KEY)
        with pytest.raises(ConfigurationError, match="set firms_key"):
            fetch_hotspots(client, WINDOW, None)
    assert KEY not in str(caught.value)
