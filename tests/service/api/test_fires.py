"""`/v1/fires`: hotspots by time, place and confidence; a simulated fire says that it is one."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from brise.io.fire_jobs import FireJobs, Room
from brise.io.runs import SourceStatus
from brise.io.sources.firms import Hotspot
from brise.io.tables import Tables
from brise.service.jobs.fires import DEMONSTRATION, demonstration_fire

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
SPOT = Hotspot(-26.5, 28.3, NOW - timedelta(hours=2), "N20", "VIIRS", "nominal", 331.2, 4.5, 400.0, 360.0)


@pytest.fixture
def client(make_client, tmp_path, town):
    town.stop_clock(tmp_path, NOW)
    return make_client()


def keep(client, *spots):
    client.app.state.fire.hotspots.store(list(spots), "firms", NOW)


def test_hotspots_say_who_saw_them_and_how_surely(client):
    keep(client, SPOT, replace(SPOT, latitude=-26.6, confidence="low", power_mw=float("nan")))
    reply = client.get("/v1/fires")
    assert reply.headers["content-type"] == "application/geo+json"
    told = reply.json()
    assert (told["simulated"], told["truncated"], len(told["features"])) == (False, False, 2)
    first = next(one for one in told["features"] if one["geometry"]["coordinates"] == [28.3, -26.5])
    told = first["properties"]
    assert (told["kind"], told["satellite"], told["confidence"], told["power_mw"]) == ("hotspot", "N20", "nominal", 4.5)
    assert "NASA FIRMS" in told["attribution"]
    assert len(client.get("/v1/fires?confidence=nominal").json()["features"]) == 1
    assert client.get("/v1/fires", headers={"If-None-Match": reply.headers["etag"]}).status_code == 304


def test_by_time_and_place(client):
    keep(client, SPOT, replace(SPOT, time=NOW - timedelta(days=3)))

    def count(query):
        return len(client.get(f"/v1/fires?{query}").json()["features"])

    assert (count(""), count("bbox=28,-27,29,-26"), count("bbox=0,0,1,1")) == (1, 1, 0)
    assert count("start=2026-11-19&end=2026-11-23T12:00Z") == 2
    assert client.get("/v1/fires?start=2026-11-19&end=2026-11-23T12:00Z&limit=1").json()["truncated"]


@pytest.mark.parametrize("query", ["start=2026-01-01", "start=2027-01-01", "bbox=1,2,3", "confidence=sure", "limit=0"])
def test_what_cannot_be_asked(client, query):
    reply = client.get(f"/v1/fires?{query}")
    assert (reply.status_code, reply.headers["content-type"]) == (422, "application/problem+json")


def test_without_a_source_it_says_so_and_a_failing_one_is_named(client, tmp_path):
    assert client.get("/v1/fires").json()["notes"] == ["no source of hotspots is set up (BRISE_FIRMS_KEY)"]
    with Tables.open(f"sqlite:///{tmp_path / 'brise.sqlite'}") as tables:
        tables.runs.record_source(SourceStatus("firms", NOW, last_error="it did not answer"))
    assert client.get("/v1/fires").json()["notes"] == ["firms: it did not answer"]


def test_the_simulated_fire_shows_its_perimeter_by_now(client):
    desk = client.app.state.fire
    asked = demonstration_fire(NOW.replace(hour=9, minute=0))
    jobs = FireJobs.open(desk.settings.resolved_database_url())
    job = jobs.submit({"asked": asked, "assumptions": [], "simulated": True}, DEMONSTRATION, Room(9, 9), 9e4, True)
    jobs.take("w")
    jobs.finish(job.id, "w")
    ring = [[28.25, -26.5], [28.26, -26.5], [28.26, -26.49], [28.25, -26.5]]
    features = [
        {"type": "Feature", "properties": {"time": f"2026-11-23T{10 + hour}:00:00Z", "area_ha": 10.0 * hour},
         "geometry": {"type": "Polygon", "coordinates": [ring]}} for hour in range(6)
    ]  # fmt: skip
    desk.folder(job).mkdir(parents=True)
    (desk.folder(job) / "perimeters.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": features})
    )
    told = client.get("/v1/fires").json()
    assert told["simulated"] is True
    (fire,) = told["features"]
    assert (fire["properties"]["time"], fire["properties"]["area_ha"]) == ("2026-11-23T12:00:00Z", 20.0)
    assert fire["properties"]["simulated"] is True
    assert fire["properties"]["simulation"].endswith(job.share)
    assert job.id not in str(told)
    assert client.get("/v1/fires?bbox=0,0,1,1").json()["features"] == []
    assert client.get("/v1/fires?end=2026-11-23T09:30Z").json()["features"] == []
