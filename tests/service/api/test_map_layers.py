"""What the app's map asks beside tiles."""

from dataclasses import replace

import pytest

from brise.io.sources.registry import SOURCES


def told(client, url: str) -> dict:
    reply = client.get(url)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_layers_are_those_that_some_run_has(client):
    answer = told(client, "/v1/map/layers")
    assert answer["layers"] == ["us_aqi", "european_aqi", "pm25", "no2"]  # no nowcast is published: no rain
    assert (answer["rain"], answer["now"]) == ([], "2026-11-23T07:30:00Z")
    (area,) = answer["air"]
    assert area["bounds"] == [51.45, -0.21, 51.61, -0.01]
    assert (area["first_time"], area["last_time"]) == ("2026-11-22T07:00:00Z", "2026-11-27T07:00:00Z")


def test_nothing_published_is_nothing_to_draw(make_client):
    client = make_client()
    assert told(client, "/v1/map/layers")["layers"] == []
    assert client.get("/v1/map/stations").status_code == 503
    assert client.get("/v1/map/values?layer=pm25").status_code == 503


def test_now_is_what_the_station_measured_else_the_run(client):
    stations, values = told(client, "/v1/map/stations"), told(client, "/v1/map/values?layer=pm25")
    assert stations["id"] == ["simulated:1", "openaq:7"]
    assert (stations["latitude"], stations["longitude"]) == ([51.5005, 51.58], [-0.1005, -0.02])
    assert values["tag"] == stations["tag"]
    assert (values["time"], values["measured"]) == ("2026-11-23T07:00:00Z", [True, False])
    # of the run: 10 + cell / 10 + hour / 100, to a tenth; Hill stands in cell 19
    assert values["value"] == [23.5, pytest.approx(12.14, abs=0.051)]
    assert values["category"] == [None, None]


def test_another_hour_is_the_run_s(client):
    values = told(client, "/v1/map/values?layer=pm25&time=2026-11-24T07:00Z")
    assert values["measured"] == [False, False]
    assert values["value"] == [pytest.approx(15.98, abs=0.051), pytest.approx(12.38, abs=0.051)]
    assert told(client, "/v1/map/values?layer=pm25&time=2026-12-24")["value"] == [None, None]


def test_an_index_has_its_band_and_its_number_where_it_has_one(client):
    european = told(client, "/v1/map/values?layer=european_aqi")
    assert european["value"] == [None, None]
    assert all(0 <= category < 6 for category in european["category"])
    assert all(number > 0 for number in told(client, "/v1/map/values?layer=us_aqi")["value"])
    assert told(client, "/v1/map/values?layer=uk_daqi")["category"] == [None, None]  # not in this run


def test_what_a_source_forbids_is_not_shown(tmp_path, town, monkeypatch, make_client):
    terms = {"redistributable": False, "title": "Private", "terms_url": "https://terms.example"}
    monkeypatch.setitem(SOURCES, "simulated", replace(SOURCES["simulated"], **terms))
    town.publish(tmp_path)
    town.fill_tables(f"sqlite:///{tmp_path / 'brise.sqlite'}")
    town.stop_clock(tmp_path, town.init.replace(minute=30))
    assert told(make_client(), "/v1/map/values?layer=pm25")["measured"] == [False, False]
    assert told(make_client(share_restricted=True), "/v1/map/values?layer=pm25")["measured"] == [True, False]


def test_without_the_tables_the_run_s_values_remain(tmp_path, town, make_client):
    town.publish(tmp_path)
    town.stop_clock(tmp_path, town.init.replace(minute=30))
    (tmp_path / "brise.sqlite").write_bytes(b"no database" * 100)
    values = told(make_client(), "/v1/map/values?layer=pm25")
    assert values["measured"] == [False, False]
    assert None not in values["value"]


@pytest.mark.parametrize("url", ["/v1/map/stations", "/v1/map/values?layer=no2"])
def test_the_same_is_sent_once(client, url):
    first = client.get(url)
    again = client.get(url, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_cities_of_a_box_also_across_the_date_line(client):
    assert told(client, "/v1/map/cities?bbox=-1,51,1,52&limit=1")["name"] == ["London"]
    pacific = told(client, "/v1/map/cities?bbox=170,-25,-170,-10&limit=9")
    assert "Suva" in pacific["name"]
    assert pacific["population"] == sorted(pacific["population"], reverse=True)


@pytest.mark.parametrize("bbox", ["1,2,3", "a,0,1,1", "0,0,1,91", ""])
def test_a_wrong_box_is_refused(client, bbox):
    reply = client.get(f"/v1/map/cities?bbox={bbox}")
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["parameter"] == "bbox"
