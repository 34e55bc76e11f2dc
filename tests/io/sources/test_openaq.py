"""OpenAQ: the realtime stream, the v3 API and the CSV, on payloads of our own making."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from brise.conventions.errors import DecodeError
from brise.io.sources import openaq, openaq_realtime
from brise.io.sources.source import Window

DATA = Path(__file__).parents[2] / "data" / "sources"
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=20)
STREAM = (DATA / "openaq_1714566000.ndjson.gz").read_bytes()


def test_stream_counts_every_refused_record_once():
    batch = openaq.decode(STREAM, LATER)
    assert batch.rejected == {
        "not_a_number": 1,
        "sentinel": 1,
        "impossible_time": 3,
        "no_coordinates": 2,
        "unknown_variable": 1,
        "unknown_unit": 1,
        "out_of_range": 1,
        "duplicate": 3,  # one verbatim, two repeats of names whose place nobody can tell
        "ambiguous_place": 2,
    }
    assert batch.read == 30 == len(batch.observations) + sum(batch.rejected.values())


def test_stream_converts_and_keeps_noise_below_zero():
    batch = openaq.decode(STREAM, LATER)
    rows = batch.observations.set_index("station_id")
    site = rows.loc["openaq:TL_Testland_Site-0_54.0000_10.0000"]
    # 10 ppb of NO2 at 25 °C and 1013.25 hPa are 18.80 µg/m³; four digits of the constants
    np.testing.assert_allclose(site["value"], 18.804, rtol=1e-3)
    assert site["period_s"] == 3600
    assert site["time"] == NOON
    assert site["received_at"] == LATER
    quarter = rows.loc["openaq:TL_Testland_Quarter_54.1000_10.2000"]
    assert (quarter["value"], quarter["period_s"]) == (-3.0, 900)
    stations = batch.stations.set_index("station_id")
    assert stations.loc["openaq:TL_Testland_Quarter_54.1000_10.2000", "kind"] == "low_cost"
    assert stations.loc["openaq:TL_Testland_Site-0_54.0000_10.0000", "kind"] == "reference"
    assert rows.loc["openaq:TL_Testland_Unstated_54.1000_10.2000", "period_s"] == 3600


def test_stream_reads_several_files_as_one_without_repeats():
    once = openaq.decode(STREAM, LATER)
    twice = openaq_realtime.decode_many([(STREAM, LATER), (STREAM, LATER + timedelta(minutes=10))])
    assert len(twice.observations) == len(once.observations)
    assert twice.read == 60
    assert twice.rejected["duplicate"] == 17 + 6  # of 32 rows 15 stay; of the 8 that nobody can place, 2 are no repeat


def test_a_bad_line_costs_only_itself():
    lines = gzip.decompress(STREAM).splitlines()
    lines.insert(3, b'{"date":{"utc":"2024-')
    lines.insert(9, lines[0].replace(b"0.01", b'"ten"'))
    batch = openaq.decode(b"\n".join(lines), LATER)
    assert batch.rejected["malformed"] == 1
    assert batch.rejected["not_a_number"] == 2
    assert batch.read == 32 == len(batch.observations) + sum(batch.rejected.values())
    assert len(batch.observations) == len(openaq.decode(STREAM, LATER).observations)


def test_a_missing_newline_at_the_end_loses_nothing():
    raw = gzip.decompress(STREAM)
    assert not raw.endswith(b"\n")
    assert openaq.decode(raw + b"\n", LATER).read == openaq.decode(raw, LATER).read == 30


def test_file_time_is_in_the_name():
    assert openaq_realtime.file_time("a/1714566000.ndjson.gz") == NOON + timedelta(minutes=20)
    assert openaq_realtime.file_time("latest.ndjson") is None


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "openaq: the payload is empty"),
        (STREAM[:-200], "the gzip stream is cut short"),
        (b"<html><body>502 Bad Gateway</body></html>", "a web page instead of JSON: '<html>"),
        (b'{"detail":"Invalid credentials"}', "openaq: Invalid credentials"),
        (b'{"a": 1}\n{"b": 2}', "openaq: not JSON"),
        (b'{"sourceName": 1}\n', "no line is a measurement"),
        ("location_id,näme\n".encode("latin-1"), "not UTF-8 at byte 13"),
    ],
)
def test_what_is_not_openaq_is_one_clear_line(payload, message):
    with pytest.raises(DecodeError, match=message) as caught:
        openaq.decode(payload, LATER)
    assert "\n" not in str(caught.value)


def test_stream_of_nothing():
    with pytest.raises(DecodeError, match="no payload"):
        openaq_realtime.decode_many([])
    with pytest.raises(DecodeError, match="not newline-delimited JSON"):
        openaq_realtime.decode(b"[1, 2]", LATER)
    with pytest.raises(DecodeError, match="none of 2 lines is JSON"):
        openaq_realtime.decode(b"{oops\n{again", LATER)


def test_api_lists_stations_then_asks_for_their_values():
    window = Window(NOON - timedelta(hours=2), NOON, area=(54.0, 10.0, 55.0, 11.0))
    (first,) = openaq.requests(window, "s3cret")
    assert first.params["bbox"] == "10.0,54.0,11.0,55.0"
    listing = (DATA / "openaq_locations.json").read_bytes()
    assert first.decode(listing, LATER).observations.empty
    (latest,) = first.follow(listing)
    assert latest.url.endswith("/locations/77/latest")
    assert "s3cret" not in repr(latest)
    batch = latest.decode((DATA / "openaq_latest.json").read_bytes(), LATER)
    values = batch.observations.set_index("variable")["value"]
    assert values["pm25"] == 9.5
    np.testing.assert_allclose(values["o3"], 78.48, rtol=1e-3)  # 40 ppb at 25 °C; four digits
    assert batch.stations.loc[0, "kind"] == "reference"
    assert batch.stations.loc[0, "timezone"] == "Europe/Berlin"


def test_api_asks_a_long_window_for_hours_and_turns_pages():
    window = Window(NOON - timedelta(days=2), NOON)
    (first,) = openaq.requests(window, "k")
    pm25, o3 = first.follow((DATA / "openaq_locations.json").read_bytes())
    assert pm25.url.endswith("/sensors/701/hours")
    assert o3.url.endswith("/sensors/702/hours")
    hours = (DATA / "openaq_hours.json").read_bytes()
    batch = pm25.decode(hours, LATER)
    assert batch.observations["time"].tolist() == [NOON - timedelta(hours=h) for h in (2, 1, 0)]
    assert set(batch.observations["coverage"]) == {0.75}
    assert pm25.follow(hours) == []
    page = hours.replace(b'"results": [', b'"results": [' + b"{}," * openaq.PAGE)
    (second,) = pm25.follow(page)
    assert second.params["page"] == "2"


def test_api_skips_stations_that_went_silent():
    window = Window(NOON + timedelta(days=30), NOON + timedelta(days=31))
    (first,) = openaq.requests(window, "k")
    assert first.follow((DATA / "openaq_locations.json").read_bytes()) == []


def test_values_without_a_place_are_refused():
    batch = openaq.decode((DATA / "openaq_hours.json").read_bytes(), LATER)
    assert batch.rejected == {"no_coordinates": 3}


def test_both_kinds_of_csv():
    page = openaq.decode((DATA / "openaq_page.csv").read_bytes(), LATER)
    assert page.read == 5 == len(page.observations)
    assert page.stations.set_index("station_id")["kind"].to_dict() == {
        "openaq:77": "reference",
        "openaq:78": "low_cost",
    }
    archive = openaq.decode((DATA / "openaq_archive.csv.gz").read_bytes(), LATER)
    assert archive.observations["time"].max() == NOON - timedelta(hours=2)  # 12:00+02:00


def test_real_stream_of_a_day(shared_data):
    """The figures of the data's own README that do not depend on the order of the rules, and our accounting."""
    files = sorted((shared_data / "payloads" / "openaq_realtime_2018-02-06").glob("*.gz"))
    batch = openaq_realtime.decode_many([(f.read_bytes(), openaq_realtime.file_time(f.name)) for f in files])
    assert batch.read == 440_244 == len(batch.observations) + sum(batch.rejected.values())
    assert batch.rejected["sentinel"] == 1_099
    assert (
        batch.rejected["no_coordinates"] == 37_489
    )  # 37,610 less 38 sentinels and 84 impossible times, plus one at 0, 0
    assert batch.observations["time"].max().year == 2018
    assert not batch.stations["operator"].str.startswith("Israel").any()  # its list was joined wrongly that day


def test_real_responses(shared_data):
    folder = shared_data / "payloads"
    now = datetime(2026, 1, 1, tzinfo=UTC)
    sensors = openaq.decode((folder / "openaq_v3" / "responses_sensors.json").read_bytes(), now)
    assert (sensors.read, len(sensors.observations), sensors.rejected) == (8, 7, {"unknown_variable": 1})
    for path in (folder / "openaq_csv_toronto").glob("*.csv"):
        batch = openaq.decode(path.read_bytes(), now)
        assert batch.read == len(batch.observations) > 700
