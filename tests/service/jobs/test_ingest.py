"""Ingest through its public door: what is read is accounted for, twice is once, rubbish is named."""

import gzip
import json
from datetime import UTC, datetime

import pytest

from brise.conventions.errors import DecodeError, NotFoundError
from brise.service.jobs import ingest
from brise.service.settings import Settings

EPOCH = 1517918796
"""Named in a realtime file: when it was fetched."""


def record(**changes):
    good = {
        "date": {"utc": "2018-02-06T11:00:00.000Z", "local": "2018-02-06T11:00:00+00:00"},
        "parameter": "pm25",
        "location": "Somewhere",
        "value": 12.5,
        "unit": "µg/m³",
        "city": "Town",
        "attribution": [{"name": "Agency", "url": "http://example.org"}],
        "averagingPeriod": {"value": 1, "unit": "hours"},
        "coordinates": {"latitude": 10.0, "longitude": 20.0},
        "country": "XX",
        "sourceName": "Agency",
        "sourceType": "government",
        "mobile": False,
    }
    return good | changes


def realtime_file(folder, records, name=f"{EPOCH}.ndjson.gz"):
    path = folder / name
    path.write_bytes(gzip.compress("\n".join(json.dumps(r) for r in records).encode()))
    return path


@pytest.fixture
def tables(tmp_path):
    with ingest.open_tables(Settings(data_dir=tmp_path / "data")) as store:
        yield store


OPENAQ = ingest.source_named("openaq")
DIRTY = [
    record(),
    record(),  # exact duplicate
    record(parameter="o3", value=-999),
    record(parameter="no2", coordinates=None),
    record(date={"utc": "2048-02-06T11:00:00.000Z", "local": "2048-02-06T11:00:00+00:00"}),
    record(parameter="so2", unit="ppm", value=0.004),
]


def test_every_record_is_accounted_for_and_twice_is_once(tables, tmp_path):
    path = realtime_file(tmp_path, DIRTY)
    first = ingest.ingest_files(tables, OPENAQ, [path], (None, None))
    assert (first.read, first.stored, first.duplicate) == (6, 2, 1)
    assert first.rejected == {"sentinel": 1, "no_coordinates": 1, "impossible_time": 1}
    assert first.read == first.stored + first.updated + first.duplicate + sum(first.rejected.values())
    again = ingest.ingest_files(tables, OPENAQ, [path], (None, None))
    assert (again.stored, again.updated) == (0, 0)
    assert tables.counts()["observations"] == 2


def test_gases_are_stored_as_mass(tables, tmp_path):
    ingest.ingest_files(tables, OPENAQ, [realtime_file(tmp_path, DIRTY)], (None, None))
    so2 = tables.latest(["so2"])["value"].tolist()
    assert so2 == pytest.approx([4 * 2.62], rel=1e-3)  # 4 ppb at 25 °C; the published factor has three digits


def test_a_window_keeps_what_ended_inside_it(tables, tmp_path):
    span = (datetime(2018, 2, 6, 12, tzinfo=UTC), None)
    report = ingest.ingest_files(tables, OPENAQ, [realtime_file(tmp_path, DIRTY)], span)
    assert report.stored == 0
    assert report.rejected["outside_window"] == 2


def test_a_broken_file_is_named_and_the_others_go_on(tables, tmp_path):
    good = realtime_file(tmp_path, [record()])
    bad = tmp_path / "1517918797.ndjson.gz"
    bad.write_bytes(good.read_bytes()[:-20])
    report = ingest.ingest_files(tables, OPENAQ, [bad, good], (None, None))
    assert report.stored == 1
    assert len(report.failed) == 1
    assert "1517918797.ndjson.gz" in report.failed[0]


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Bad gateway</html>", b"\xff\xfe\x00garbage", gzip.compress(b"", mtime=0)],
    ids=["empty", "web page", "not text", "empty once decompressed"],
)
def test_nothing_readable_is_an_error_in_one_line(tables, tmp_path, body):
    path = tmp_path / f"{EPOCH}.ndjson"
    path.write_bytes(body)
    with pytest.raises(DecodeError) as caught:
        ingest.ingest_files(tables, OPENAQ, [path], (None, None))
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    assert tables.counts()["observations"] == 0


def test_a_missing_file_stops_before_anything_is_read(tables, tmp_path):
    with pytest.raises(NotFoundError, match=r"1 of 2 are not"):
        ingest.ingest_files(tables, OPENAQ, [realtime_file(tmp_path, [record()]), tmp_path / "no"], (None, None))
    assert tables.counts()["observations"] == 0


def test_an_unknown_source_lists_the_known():
    with pytest.raises(NotFoundError, match=r"unknown source 'nasa'; known are .*openaq"):
        ingest.source_named("nasa")


def test_hidden_stations_leave_no_row(tables, tmp_path):
    batch = OPENAQ.decode(realtime_file(tmp_path, DIRTY).read_bytes(), datetime.fromtimestamp(EPOCH, UTC))
    name = batch.stations["station_id"].iloc[0]
    for hidden in (name, name.partition(":")[2]):
        left = ingest.without(batch, frozenset({hidden}))
        assert left.stations.empty
        assert left.observations.empty


def test_the_day_of_the_world(tables, shared_data):
    """All 440,244 records of a real day: counted by reason, none lost, none twice."""
    paths = sorted((shared_data / "payloads" / "openaq_realtime_2018-02-06").glob("*.ndjson.gz"))
    report = ingest.ingest_files(tables, OPENAQ, paths, (None, None))
    assert report.read == 440_244
    assert report.rejected["sentinel"] == 1_099
    assert report.rejected["no_coordinates"] == pytest.approx(0.085 * report.read, rel=0.01)
    assert report.rejected["impossible_time"] > 0
    assert report.read == report.stored + report.updated + report.duplicate + sum(report.rejected.values())
    assert ingest.ingest_files(tables, OPENAQ, paths, (None, None)).stored == 0
