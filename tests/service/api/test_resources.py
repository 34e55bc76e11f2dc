"""Stations, indices, status, metrics, the description and its pages."""

import csv
import io
import re

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from brise.formulas.indices.registry import INDICES
from brise.service.api.status import Freshness


def ids(reply) -> list[str]:
    assert reply.status_code == 200, reply.text
    return [feature["id"] for feature in reply.json()["features"]]


def test_stations_are_geojson(client):
    reply = client.get("/v1/stations")
    assert reply.headers["content-type"] == "application/geo+json"
    assert reply.json()["type"] == "FeatureCollection"
    hill, quay = reply.json()["features"]
    assert hill["geometry"] == {"type": "Point", "coordinates": [-0.02, 51.58]}
    assert quay["geometry"]["coordinates"] == [-0.1005, 51.5005, 12.0]
    assert quay["properties"]["simulated"] is True
    assert hill["properties"]["simulated"] is False
    assert hill["properties"]["attribution"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("bbox=-0.2,51.4,-0.05,51.55", ["simulated:1"]),
        ("bbox=170,-10,-170,10", []),
        ("source=openaq", ["openaq:7"]),
        ("kind=simulated", ["simulated:1"]),
        ("near=51.5,-0.1&radius=1", ["simulated:1"]),
        ("near=51.5,-0.1&radius=50", ["simulated:1", "openaq:7"]),
        ("near=51.58,-0.02&radius=50&limit=1", ["openaq:7"]),
        ("near=89.5,0&radius=500", []),
        ("after=openaq:7", ["simulated:1"]),
    ],
)
def test_stations_can_be_chosen(client, query, expected):
    assert ids(client.get(f"/v1/stations?{query}")) == expected


def test_stations_come_in_pages(client):
    first = client.get("/v1/stations?limit=1")
    assert ids(first) == ["openaq:7"]
    second = client.get(f"/v1/stations?limit=1&after={first.json()['next']}")
    assert ids(second) == ["simulated:1"]
    assert second.json()["next"] is None


def test_stations_as_csv(client):
    reply = client.get("/v1/stations?format=csv")
    assert reply.headers["content-type"].startswith("text/csv")
    assert [row["station_id"] for row in csv.DictReader(io.StringIO(reply.text))] == ["openaq:7", "simulated:1"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("bbox=1,2,3", "bbox"),
        ("bbox=0,10,1,-10", "bbox"),
        ("near=1", "near"),
        ("near=1,2&bbox=0,0,1,1", "near"),
        ("near=1,2&radius=501", "radius"),
        ("kind=cheap", "kind"),
        ("limit=0", "limit"),
        ("page=2", "page"),
    ],
)
def test_wrong_station_queries_are_problems(client, query, parameter):
    reply = client.get(f"/v1/stations?{query}")
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["parameter"] == parameter


def test_one_station_or_a_404(client):
    assert client.get("/v1/stations/simulated:1").json()["properties"]["name"] == "Quay"
    for url in ("/v1/stations/simulated:2", "/v1/stations/simulated:2/observations"):
        reply = client.get(url)
        assert reply.status_code == 404
        assert "no station 'simulated:2'" in reply.json()["detail"]


def test_observations_come_oldest_first_in_pages_with_units(client):
    url = "/v1/stations/simulated:1/observations"
    everything = client.get(url).json()
    assert everything["simulated"] is True
    assert [row["value"] for row in everything["observations"]] == [44.0, 21.0, 23.5, 281.0]
    assert {row["variable"]: row["unit"] for row in everything["observations"]} == {
        "no2": "µg/m³",
        "pm25": "µg/m³",
        "temperature": "K",
    }
    found, after = [], ""
    while True:
        page = client.get(f"{url}?limit=1{after}").json()
        found += page["observations"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert found == everything["observations"]


def test_observations_can_be_chosen_and_leave_as_csv(client):
    url = "/v1/stations/simulated:1/observations?variables=pm25&start=2026-11-23T06:00Z"
    assert [row["value"] for row in client.get(url).json()["observations"]] == [23.5]
    rows = list(csv.DictReader(io.StringIO(client.get(f"{url}&format=csv").text)))
    assert [(row["time"], row["value"]) for row in rows] == [("2026-11-23T07:00:00Z", "23.5")]


@pytest.mark.parametrize("query", ["variables=pm3", "start=soon", "end=soon", "after=x", "after=1~pm3~2", "after=9~~9"])
def test_wrong_observation_queries_are_problems(client, query):
    reply = client.get(f"/v1/stations/simulated:1/observations?{query}")
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["parameter"] == query.split("=")[0]


def test_indices_tell_bands_colours_keys_and_rule_set(client):
    reply = client.get("/v1/indices")
    assert not reply.headers["etag"].startswith("W/")
    rows = {row["name"]: row for row in reply.json()["indices"]}
    assert set(rows) == set(INDICES)
    assert rows["us_aqi"]["bands"][0]["key"] == "us_aqi.good"
    assert rows["us_aqi"]["bands"][-1]["upper"] is None
    assert rows["us_aqi"]["rule_set"]
    assert rows["european_aqi"]["has_value"] is False


def test_status_tells_domains_sources_and_says_simulated(client):
    body = client.get("/v1/status").json()
    assert body["simulated"] is True
    assert body["now"] == "2026-11-23T07:30:00Z"
    (domain,) = body["domains"]
    assert domain["bounds"] == [51.45, -0.21, 51.61, -0.01]
    assert (domain["first_hour"], domain["last_hour"], domain["stations"]) == (-24, 96, 2)
    (source,) = body["sources"]
    assert (source["name"], source["age_minutes"], source["last_error"]) == ("simulated", 30, None)
    assert source["licence"]
    (job,) = body["jobs"]
    assert (job["product"], job["state"]) == ("air_quality", "done")


def test_metrics_count_by_route_template_not_by_url(client):
    for place in range(3):
        client.get(f"/v1/stations/nobody:{place}")
        client.get(f"/nowhere/{place}")
    reply = client.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    lines = [line for line in reply.text.splitlines() if line.startswith("brise_http_requests_total")]
    assert any('route="/v1/stations/{station_id}",status="404"' in line for line in lines)
    assert any('route="unmatched",status="404"' in line for line in lines)
    assert 'brise_domain_run_age_seconds{domain="town"}' in reply.text
    assert "nobody" not in reply.text
    assert "nowhere" not in reply.text


def test_gauges_tell_the_freshness_that_status_tells(client):
    registry = CollectorRegistry()
    registry.register(Freshness(client.app.state.store))
    tell = registry.get_sample_value
    assert tell("brise_store_up") == 1
    # the data's clock stands at 07:30, its drift during a test is far below a second
    np.testing.assert_allclose(tell("brise_domain_run_age_seconds", {"domain": "town"}), 1800, atol=1)
    np.testing.assert_allclose(tell("brise_source_data_age_seconds", {"source": "simulated"}), 1800, atol=1)
    assert tell("brise_source_failing", {"source": "simulated"}) == 0
    assert tell("brise_source_ingest_rows", {"source": "simulated"}) is None  # the source told no counts
    states = {one: tell("brise_job_state", {"product": "air_quality", "state": one}) for one in ("done", "failed")}
    assert states == {"done": 1, "failed": 0}


@pytest.mark.parametrize("url", ["/", "/docs"])
def test_pages_load_nothing_from_elsewhere(client, url):
    reply = client.get(url)
    assert reply.headers["content-type"].startswith("text/html")
    assert not re.search(r"""(src|href)=["']?https?:|@import|url\(\s*["']?https?:""", reply.text)
    assert len(reply.text.splitlines()) < 300


def test_the_description_holds_every_resource_with_problems_and_examples(client):
    api = client.get("/openapi.json").json()
    for name in ("current", "forecast", "history"):
        assert set(api["paths"][f"/v1/air-quality/{name}"]) == {"get", "post"}
    get = api["paths"]["/v1/air-quality/forecast"]["get"]
    assert {row["name"] for row in get["parameters"]} >= {"latitude", "longitude", "hours", "pollutants", "indices"}
    assert all("example" in row for row in get["parameters"] if row["required"])
    for path, operations in api["paths"].items():
        for operation in operations.values():
            if path.startswith("/v1"):
                problem = operation["responses"]["429"]["content"]["application/problem+json"]["schema"]
                assert problem["$ref"].endswith("/Problem")
    assert {"from", "sub"} <= api["components"]["schemas"]["IndexValue"]["properties"].keys()
    assert "HTTPValidationError" not in api["components"]["schemas"]
