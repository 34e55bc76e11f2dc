"""Errors, caching, compression, limits: what every route does the same way."""

import gzip
import json

import pytest

AT = "latitude=51.5&longitude=-0.1"
FORECAST = "/v1/air-quality/forecast"


def problem(reply, status: int) -> dict:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    body = reply.json()
    assert body["status"] == status
    assert set(body) <= {"type", "title", "status", "detail", "errors"}
    assert body["title"]
    assert body["detail"]
    return body


@pytest.mark.parametrize(
    ("query", "parameter", "limit"),
    [
        ("longitude=0", "latitude", "required"),
        ("latitude=&longitude=0", "latitude", "required"),
        ("latitude=51.5", "longitude", "required"),
        ("latitude=x&longitude=0", "latitude", "a number from -90 to 90"),
        ("latitude=nan&longitude=0", "latitude", "a number from -90 to 90"),
        ("latitude=inf&longitude=0", "latitude", "a number from -90 to 90"),
        ("latitude=90.01&longitude=0", "latitude", "a number from -90 to 90"),
        ("latitude=0&longitude=-180.5", "longitude", "a number from -180 to 180"),
        ("latitude=0,1&longitude=0", "longitude", "as many as latitude: 2"),
        (f"{AT}&hours=97", "hours", "a whole number from 0 to 96"),
        (f"{AT}&hours=1.5", "hours", "a whole number from 0 to 96"),
        (f"{AT}&pollutants=pm25,pm3", "pollutants", "one or more of pm25"),
        (f"{AT}&indices=aqi", "indices", "one or more of us_aqi"),
        (f"{AT}&format=xml", "format", "json or csv"),
        (f"{AT}&hour=3", "hour", "no such parameter"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_value_and_limit(client, query, parameter, limit):
    body = problem(client.get(f"{FORECAST}?{query}"), 422)
    assert body["errors"][0]["parameter"] == parameter
    assert limit in body["errors"][0]["limit"]
    assert parameter in body["detail"]


@pytest.mark.parametrize(
    ("query", "parameter", "limit"),
    [
        ("", "start", "required"),
        ("&start=2026-01-01", "end", "required"),
        ("&start=yesterday&end=2026-01-01", "start", "an ISO 8601 date or time"),
        ("&start=0001-01-01&end=2026-01-01", "start", "a year from 1900"),
        ("&start=2026-01-02&end=2026-01-01", "end", "not before start"),
        ("&start=2025-01-01&end=2026-01-03", "end", "at most 366 days"),
    ],
)
def test_a_period_is_checked(client, query, parameter, limit):
    body = problem(client.get(f"/v1/air-quality/history?{AT}{query}"), 422)
    assert body["errors"][0]["parameter"] == parameter
    assert limit in body["errors"][0]["limit"]


def test_history_bounds_points_times_days(client):
    points = [{"latitude": 51.5, "longitude": -0.1}] * 1000
    body = {"points": points, "start": "2026-01-01", "end": "2026-03-01"}
    told = problem(client.request("POST", "/v1/air-quality/history", json=body), 422)
    assert "point-days" in told["errors"][0]["value"]


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({}, "points"),
        ({"points": []}, "points"),
        ({"points": [{"latitude": 91, "longitude": 0}]}, "points.0.latitude"),
        ({"points": [{"latitude": 1, "longitude": 0}], "hours": 97}, "hours"),
        ({"points": [{"latitude": 1, "longitude": 0}], "pollutants": ["x"]}, "pollutants.0"),
        ({"points": [{"latitude": 1, "longitude": 0}], "more": 1}, "more"),
    ],
)
def test_a_wrong_body_is_named_with_its_place(client, body, parameter):
    told = problem(client.request("POST", FORECAST, json=body), 422)
    assert told["errors"][0]["parameter"] == parameter


def test_not_json_nan_and_too_large_bodies_are_refused(client):
    sent = {"headers": {"content-type": "application/json"}}
    problem(client.request("POST", FORECAST, content=b"{", **sent), 400)
    nan = b'{"points": [{"latitude": NaN, "longitude": 0}]}'
    assert client.request("POST", FORECAST, content=nan, **sent).status_code in (400, 422)
    large = b" " * (256 * 1024 + 1)
    assert "262144" in problem(client.request("POST", FORECAST, content=large, **sent), 413)["detail"]

    async def chunks():
        for _ in range(5):
            yield b" " * 65_536

    problem(client.request("POST", FORECAST, content=chunks(), **sent), 413)


def test_unknown_routes_and_methods_are_problems(client):
    assert problem(client.get("/v1/nothing"), 404)["detail"] == "GET /v1/nothing"
    reply = client.request("DELETE", FORECAST)
    problem(reply, 405)
    assert set(reply.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_head_sends_the_headers_of_get_and_options_the_methods(client):
    url = f"{FORECAST}?{AT}"
    got, head = client.get(url), client.request("HEAD", url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == got.headers["etag"]
    reply = client.request("OPTIONS", FORECAST)
    assert (reply.status_code, reply.content) == (204, b"")
    assert "GET" in reply.headers["allow"]


@pytest.mark.parametrize(
    "url",
    [
        f"{FORECAST}?{AT}",
        f"/v1/air-quality/current?{AT}",
        "/v1/tiles/pm25/9/255/170.png",
        "/v1/indices",
    ],
)
def test_what_a_client_has_is_not_sent_again(client, url):
    first = client.get(url)
    tag = first.headers["etag"]
    assert "max-age=" in first.headers["cache-control"]
    for given in (tag, f'"other", {tag}', "*", tag.removeprefix("W/")):
        again = client.get(url, headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert client.get(url, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_new_run_changes_the_tag_and_the_answer(tmp_path, make_client, town, monkeypatch):
    monkeypatch.setattr("brise.service.api.dependencies.REFRESH_SECONDS", -1.0)
    town.publish(tmp_path)
    town.stop_clock(tmp_path, town.init)
    client = make_client()
    first = client.get(f"{FORECAST}?{AT}")
    town.publish(tmp_path, model="other")
    second = client.get(f"{FORECAST}?{AT}")
    assert second.headers["etag"] != first.headers["etag"]
    assert second.json()["provenance"]["model"] == "other"


def test_large_answers_are_compressed_when_asked_small_ones_never(client):
    plain = {"Accept-Encoding": "identity"}
    packed = client.get(f"{FORECAST}?{AT}", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in packed.headers["vary"].lower()
    assert packed.json() == client.get(f"{FORECAST}?{AT}", headers=plain).json()
    assert "content-encoding" not in client.get("/health", headers={"Accept-Encoding": "gzip"}).headers
    assert len(gzip.compress(json.dumps(packed.json()).encode())) < len(packed.content) * 4


def test_other_origins_are_told_what_they_may_do(client):
    reply = client.get("/health", headers={"Origin": "https://map.example"})
    assert reply.headers["access-control-allow-origin"] == "https://map.example"
    assert (
        "access-control-allow-origin" not in client.get("/health", headers={"Origin": "https://evil.example"}).headers
    )
    asked = {"Origin": "https://map.example", "Access-Control-Request-Method": "POST"}
    assert client.request("OPTIONS", FORECAST, headers=asked).status_code == 200


def test_a_rate_limit_tells_what_is_left_and_when_to_come_back(make_client):
    client = make_client(rate_limit="2/minute")
    first = client.get("/v1/indices")
    assert (first.headers["ratelimit-limit"], first.headers["ratelimit-remaining"]) == ("2", "1")
    client.get("/v1/indices")
    refused = client.get("/v1/indices")
    problem(refused, 429)
    assert 0 < int(refused.headers["retry-after"]) <= 61
    assert client.get("/health").status_code == 200


def test_an_unreadable_rate_limit_stops_the_start(make_client):
    from brise.conventions.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match="rate_limit='many': expected such as 600/minute"):
        make_client(rate_limit="many").get("/health")


def test_before_the_first_run_points_and_tiles_say_come_back(make_client):
    client = make_client()
    for url in (f"{FORECAST}?{AT}", f"/v1/air-quality/current?{AT}", "/v1/tiles/pm25/0/0/0.png"):
        reply = client.get(url)
        assert "no run is published yet" in problem(reply, 503)["detail"]
        assert int(reply.headers["retry-after"]) > 0


def test_a_database_that_is_away_stops_only_what_needs_it(tmp_path, make_client, town):
    town.publish(tmp_path)
    town.stop_clock(tmp_path, town.init)
    (tmp_path / "file").write_text("")
    client = make_client(database=f"sqlite:///{tmp_path}/file/brise.sqlite")
    for url in ("/v1/stations", "/v1/stations/a:b", "/v1/stations/a:b/observations"):
        problem(client.get(url), 503)
    answer = client.get(f"/v1/air-quality/current?{AT}").json()
    assert answer["concentrations"]["pm25"]["kind"] == "modelled"
    assert "measurements cannot be read at the moment" in answer["provenance"]["notes"][-1]
    status = client.get("/v1/status").json()
    assert status["domains"][0]["name"] == "town"
    assert "cannot be opened" in status["notes"][0]


def test_a_run_that_cannot_be_read_is_a_503(tmp_path, make_client, town):
    town.publish(tmp_path)
    pointer = next(tmp_path.glob("products/air_quality/town/current"))
    (pointer.parent / "runs" / pointer.read_text() / "meta.json").write_text("{")
    client = make_client()
    problem(client.get(f"{FORECAST}?{AT}"), 503)
    assert client.get("/v1/status").json()["notes"]


def test_an_unforeseen_failure_is_a_problem_without_its_details(client, monkeypatch):
    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("brise.service.api.air_quality.forecast", fail)
    body = problem(client.get(f"{FORECAST}?{AT}&hours=9"), 500)
    assert "secret" not in body["detail"]
