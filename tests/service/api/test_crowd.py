"""The crowd's map over HTTP."""

from datetime import timedelta

import h3
import pandas as pd
import pytest

from brise.products.crowd_map import VOICE_COLUMNS, make
from brise.service.jobs.crowd import publish, withdraw

PARIS = h3.latlng_to_cell(48.8566, 2.3522, 10)
BOX = "2.2,48.8,2.5,48.9"


@pytest.fixture
def crowd(make_client, tmp_path, town):
    now = town.init + timedelta(minutes=30)
    town.stop_clock(tmp_path, now)
    hour = int(town.init.timestamp())
    rows = [(k, PARIS, hour, "pm25", 20.0 + k, 4.0) for k in range(3)]
    publish(tmp_path, make(pd.DataFrame(rows, columns=list(VOICE_COLUMNS)), now, b"s"))
    return make_client()


def test_cells_say_what_they_are_and_what_protects_whom(crowd, town):
    reply = crowd.get(f"/v1/crowd/cells?bbox={BOX}&variable=pm25&resolution=10")
    told = reply.json()
    assert reply.headers["content-type"].startswith("application/geo+json")
    assert (told["k"], told["epsilon"], told["age_s"]) == (3, 0.25, 1800)
    (cell,) = told["features"]
    assert cell["id"] == PARIS
    assert cell["properties"]["value"] == 21
    assert cell["properties"]["uncertainty"] > 0
    assert cell["properties"]["end"] == f"{town.init:%Y-%m-%dT%H:%M:%SZ}"
    tag = reply.headers["etag"]
    again = crowd.get(f"/v1/crowd/cells?bbox={BOX}&variable=pm25&resolution=10", headers={"If-None-Match": tag})
    assert again.status_code == 304


def test_elsewhere_nothing_is_said(crowd):
    told = crowd.get("/v1/crowd/cells?bbox=10,48,11,49").json()
    assert told["features"] == []
    assert "too few" in told["notes"][0]
    assert crowd.get(f"/v1/crowd/cells?bbox={BOX}&variable=no2").json()["start"] is None


def test_what_is_withdrawn_is_gone(crowd, tmp_path):
    withdraw(tmp_path)
    told = crowd.get(f"/v1/crowd/cells?bbox={BOX}").json()
    assert (told["made"], told["features"]) == (None, [])


def test_tiles_show_hexagons(crowd):
    shown = crowd.get("/v1/tiles/crowd-pm25/14/8299/5636.png")
    bare = crowd.get("/v1/tiles/crowd-pm25/14/0/0.png")
    assert shown.headers["content-type"] == bare.headers["content-type"] == "image/png"
    assert shown.content != bare.content
    assert shown.headers["brise-k"] == "3"
    assert crowd.get("/v1/tiles/crowd-pm25/3/9/1.png").status_code == 422


@pytest.mark.parametrize("query", ["", "?bbox=1,2,3", f"?bbox={BOX}&resolution=11", f"?bbox={BOX}&variable=lead"])
def test_wrong_questions_are_refused(crowd, query):
    assert crowd.get(f"/v1/crowd/cells{query}").status_code == 422
