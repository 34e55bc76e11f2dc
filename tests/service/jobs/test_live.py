"""Live sources through a client that never leaves the process: one that fails is named, the others go on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pandas as pd
import pytest

from brise.conventions.errors import InputError
from brise.conventions.observations import (
    OBSERVATION_COLUMNS,
    STATION_COLUMNS,
    Batch,
    check_observations,
    check_stations,
)
from brise.io.download import Client, Limits
from brise.io.sources import registry
from brise.io.sources.source import Request
from brise.service.jobs import feeds, fetch, ingest
from brise.service.settings import Settings

NOW = datetime.now(UTC).replace(microsecond=0)


def decode(payload, received_at):
    hour = NOW.replace(minute=0, second=0)
    station = dict.fromkeys(STATION_COLUMNS, "") | {
        "station_id": "good:1", "source": "good", "latitude": 1.0, "longitude": 2.0, "altitude_m": None,
        "kind": "reference",
    }  # fmt: skip
    row = dict.fromkeys(OBSERVATION_COLUMNS) | {
        "station_id": "good:1", "time": hour, "period_s": 3600, "variable": "pm25", "value": float(payload),
        "quality_flag": 2, "received_at": received_at,
    }  # fmt: skip
    return Batch(check_stations(pd.DataFrame([station])), check_observations(pd.DataFrame([row])), 1)


@pytest.fixture
def sources(monkeypatch):
    plain = replace(
        registry.SOURCES["sensor_community"],
        decode=decode,
        interval=timedelta(minutes=5),
        key_setting=None,
        decode_many=None,
    )
    good = replace(plain, name="good", requests=lambda window, key: [Request("https://good.example/data")])
    bad = replace(plain, name="bad", requests=lambda window, key: [Request("https://bad.example/data")])
    monkeypatch.setitem(registry.SOURCES, "good", good)
    monkeypatch.setitem(registry.SOURCES, "bad", bad)


def client():
    def answer(request):
        return httpx.Response(200, text="12.5") if request.url.host == "good.example" else httpx.Response(404)

    return Client(limits=Limits(attempts=1, spacing_s={"": 0.0}), transport=httpx.MockTransport(answer))


def test_a_source_that_fails_is_named_and_the_others_go_on(sources, tmp_path):
    settings = Settings(data_dir=tmp_path)
    feed = feeds.LiveFeed.of(["good", "bad"], settings)
    feed.client = client()
    with ingest.open_tables(settings) as tables:
        assert feed.poll(tables, settings, NOW) == 1
        status = {one.source: one for one in tables.runs.read_sources()}
        assert status["good"].last_error == ""
        assert status["good"].last_success is not None
        assert "404" in status["bad"].last_error
        assert status["bad"].last_success is None
        assert tables.latest(["pm25"])["value"].tolist() == [12.5]
        assert feed.poll(tables, settings, NOW + timedelta(minutes=1)) == 0  # not due yet
        assert set(feed.asked.values()) == {NOW}


def test_a_forecast_is_asked_ahead_and_where_measurements_just_came_from(sources, tmp_path, monkeypatch):
    windows = []

    def requests(window, key):
        windows.append(window)
        return []

    ahead = replace(registry.SOURCES["good"], name="ahead", forecast=True, requests=requests)
    monkeypatch.setitem(registry.SOURCES, "ahead", ahead)
    settings = Settings(data_dir=tmp_path)
    feed = feeds.LiveFeed.of(["ahead", "good"], settings)
    feed.client = client()
    with ingest.open_tables(settings) as tables:
        feed.poll(tables, settings, NOW)
    assert len(windows) == 1
    assert windows[0].end >= NOW + timedelta(hours=96)  # as far as the product forecasts
    assert len(windows[0].points) == 1


def test_an_answer_that_breaks_its_decoder_is_recorded_and_the_others_go_on(sources, tmp_path, monkeypatch):
    def broken(payload, received_at):
        raise KeyError("a field that was always there")

    monkeypatch.setitem(registry.SOURCES, "odd", replace(registry.SOURCES["good"], name="odd", decode=broken))
    settings = Settings(data_dir=tmp_path)
    feed = feeds.LiveFeed.of(["odd", "good"], settings)
    feed.client = client()
    with ingest.open_tables(settings) as tables:
        assert feed.poll(tables, settings, NOW) == 1
        status = {one.source: one for one in tables.runs.read_sources()}
    assert "always there" in status["odd"].last_error
    assert status["good"].last_error == ""


def test_a_source_that_is_only_read_from_files_cannot_be_live(tmp_path):
    with pytest.raises(InputError, match="archive is read from files"):
        feeds.LiveFeed.of(["archive"], Settings(data_dir=tmp_path))


def test_places_to_ask_a_forecast_for_are_the_stations_cells(sources, tmp_path):
    with ingest.open_tables(Settings(data_dir=tmp_path)) as tables:
        tables.upsert_stations(decode(b"1", NOW).stations)
        places = fetch.station_places(tables)
    assert len(places) == 1
    assert max(abs(places[0][0] - 1.0), abs(places[0][1] - 2.0)) <= 0.2 + 1e-9  # half a cell


def test_what_answers_is_found_and_what_does_not_is_left_out(sources, tmp_path, monkeypatch):
    monkeypatch.setattr(feeds, "SOURCES", {name: registry.SOURCES[name] for name in ("good", "bad", "open_meteo")})
    monkeypatch.setattr(feeds, "Client", lambda limits: client())
    assert feeds.answering_sources(Settings(data_dir=tmp_path)) == ["good"]


def test_a_forecast_alone_is_no_air_to_analyse(sources, tmp_path, monkeypatch):
    forecast = replace(registry.SOURCES["good"], forecast=True)
    monkeypatch.setattr(feeds, "SOURCES", {"good": forecast})
    monkeypatch.setattr(feeds, "Client", lambda limits: client())
    assert feeds.answering_sources(Settings(data_dir=tmp_path)) == []


def test_a_forecast_is_not_asked_for_where_no_station_is(sources, tmp_path):
    settings = Settings(data_dir=tmp_path)
    with ingest.open_tables(settings) as tables:
        report = fetch.ingest_live(tables, registry.SOURCES["open_meteo"], client(), settings, (None, None))
    assert (report.read, report.stored) == (0, 0)
