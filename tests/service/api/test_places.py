"""Places by name and by point."""

import pytest


def names(reply) -> list[str]:
    assert reply.status_code == 200, reply.text
    return [row["name"] for row in reply.json()["places"]]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("london", "London"),
        ("LOND", "London"),
        ("sao paulo", "São Paulo"),
        ("são pau", "São Paulo"),
        ("lodz", "Łódź"),
        ("janeiro", "Rio de Janeiro"),
    ],
)
def test_a_city_is_found_without_its_diacritics(client, text, first):
    assert names(client.get("/v1/places/search", params={"q": text}))[0] == first


def test_a_whole_name_comes_before_bigger_cities_that_begin_so(client):
    reply = client.get("/v1/places/search?q=york&limit=20").json()["places"]
    assert reply[0]["name"] == "York"
    assert "New York City" in [row["name"] for row in reply]


def test_a_place_tells_where_and_when_it_is(client):
    reply = client.get("/v1/places/search?q=london&limit=1")
    [place] = reply.json()["places"]
    assert (place["country"], place["timezone"]) == ("GB", "Europe/London")
    assert (round(place["latitude"], 1), round(place["longitude"], 1)) == (51.5, -0.1)
    assert "GeoNames" in reply.json()["attribution"]
    assert "max-age" in reply.headers["cache-control"]


def test_what_is_no_city_finds_none(client):
    assert names(client.get("/v1/places/search?q=zzzzqq")) == []
    assert names(client.get("/v1/places/search?q=%2A%2A")) == []


def test_a_point_has_the_name_of_the_city_it_is_near(client):
    assert names(client.get("/v1/places/near?latitude=48.85&longitude=2.35")) == ["Paris"]
    assert names(client.get("/v1/places/near?latitude=0&longitude=-30")) == []


@pytest.mark.parametrize(
    ("url", "parameter"),
    [
        ("search", "q"),
        ("search?q=", "q"),
        ("search?q=a&limit=21", "limit"),
        ("search?q=a&page=2", "page"),
        ("near?latitude=91&longitude=0", "latitude"),
        ("near?latitude=nan&longitude=0", "latitude"),
    ],
)
def test_wrong_questions_are_problems(client, url, parameter):
    reply = client.get(f"/v1/places/{url}")
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["parameter"] == parameter
