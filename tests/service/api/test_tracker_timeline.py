"""A day of a tracker: raw beside corrected, an index, and what the wearer did and said."""

import time

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from brise.conventions.grids import Grid
from brise.conventions.variables import VARIABLES
from brise.io.analyses import store_analysis
from brise.service.api import tracker_access

START = 1_700_000_040
ROWS = 240
"""Two hours at home, then one of riding north, then one there; at one a minute."""


def row(minute: int) -> dict[str, object]:
    north = 48.85 + 0.05 * min(max(minute - 120, 0), 60) / 60
    return {"time": START + 60 * minute, "pm25": 10 + minute % 5, "latitude": north, "longitude": 2.35, "speed_m_s": 1}


@pytest.fixture
def ask(make_client, monkeypatch):
    """An owner's requests about their tracker."""
    monkeypatch.setattr(
        tracker_access, "_LIMITER", tracker_access.FixedWindowRateLimiter(tracker_access.MemoryStorage())
    )
    client = make_client()
    token = client.request("POST", "/v1/owners").json()["token"]

    def send(method: str, url: str, key: str = token, **more: object):
        return client.request(method, url, headers={"Authorization": f"Bearer {key}"}, **more)

    made = send("POST", "/v1/trackers", json={"name": "Bag"}).json()
    rows = [row(minute) for minute in range(ROWS)]
    where = f"/v1/trackers/{made['id']}"
    assert send("POST", f"{where}/observations", made["key"], json={"observations": rows}).json()["stored"] == ROWS
    yield lambda method, path, **more: send(method, where + path, **more)
    client.app.state.store.close()


def period(first: int = 0, last: int = ROWS) -> str:
    ends = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START + 60 * at - 1)) for at in (first, last)]
    return "start={}&end={}".format(*ends)


def test_a_day_has_raw_beside_corrected_and_an_index(ask):
    found = ask("GET", f"/timeline?{period()}&index=plume_classic").json()
    assert len(found["columns"]["time"]) == ROWS
    assert {len(values) for values in found["columns"].values()} == {ROWS}
    assert found["variables"]["pm25"]["raw"][:3] == [10, 11, 12]
    assert found["variables"]["pm25"]["unit"] == "µg/m³"
    assert all(one > 0 for one in found["variables"]["pm25"]["uncertainty"])
    assert found["corrections"]["pm25"]
    assert found["columns"]["category"][0] == 0
    hourly = ask("GET", f"/timeline?{period()}&index=us_aqi").json()["columns"]
    assert hourly["category"][0] == -1, "no hour has passed yet"
    assert hourly["value"][0] is None
    named = ask("GET", f"/timeline?{period()}&index=european_aqi").json()["columns"]
    assert set(named["value"]) == {None}
    assert named["category"][-1] == 1


def test_stretches_follow_the_wearer_and_what_they_say(ask):
    found = ask("GET", f"/timeline?{period()}").json()
    assert len(found["places"]) == 2
    modes = [one["mode"] for one in found["stretches"]]
    assert modes[0] == modes[-1] == "still"
    assert found["stretches"][0]["surroundings"] == "indoors"
    assert {one["trip"] for one in found["stretches"]} == {None, 0}
    ride = next(one for one in found["stretches"] if one["trip"] == 0)
    said = [
        {"field": "mode", "start": ride["start"], "end": ride["end"], "value": "cycle"},
        {"field": "surroundings", "start": ride["start"], "end": ride["end"], "value": "outdoors"},
    ]
    assert ask("PUT", "/labels", json={"labels": said}).status_code == 200
    after = ask("GET", f"/timeline?{period()}").json()["stretches"]
    now = next(one for one in after if one["start"] == ride["start"])
    assert (now["mode"], now["surroundings"], now["confidence"]) == ("cycle", "outdoors", 1.0)


@pytest.mark.parametrize(
    "wrong",
    [
        "start=2023-11-14&end=2023-11-18",
        "start=2023-11-15&end=2023-11-14",
        "start=x&end=2023-11-14",
        f"{period()}&index=none",
        f"{period()}&timezone=Mars",
        f"{period()}&more=1",
    ],
)
def test_what_makes_no_sense_is_refused(ask, wrong):
    assert ask("GET", f"/timeline?{wrong}").status_code == 422


def test_an_empty_day_is_not_found_and_nobody_else_sees_one(ask):
    assert ask("GET", "/timeline?start=2001-01-01&end=2001-01-02").status_code == 404
    assert ask("GET", f"/timeline?{period()}", key="bo_nobody_x").status_code == 401


def test_more_than_one_sample_a_minute_is_thinned(ask):
    rows = [{"time": START + 86_400 + second, "period_s": 1, "pm25": 5.0} for second in range(180)]
    token = ask("POST", "/key").json()["key"]
    assert ask("POST", "/observations", key=token, json={"observations": rows}).json()["stored"] == 180
    found = ask("GET", f"/timeline?{period(1439, 1445)}").json()
    assert found["period_s"] == 60
    assert 3 <= len(found["columns"]["time"]) <= 4


@pytest.mark.parametrize("simulated", [False, True])
def test_the_city_is_the_platforms_own_analysis_and_says_where_it_is_simulated(ask, town, tmp_path, simulated):
    grid = Grid("town", 48.9, 2.2, 0.02, 8, 12)
    town.publish(tmp_path, grid=grid, simulated=simulated)
    times = pd.date_range("2023-11-14 20:00", periods=8, freq="h")
    places = {"latitude": grid.latitude, "longitude": grid.longitude}
    about = {"units": "ug m-3", "standard_name": VARIABLES["pm25"].cf_name}
    values = np.full((8, grid.rows, grid.columns), 6, np.float32)
    cube = xr.Dataset({"pm25": (("time", "latitude", "longitude"), values, about)}, {"time": times, **places})
    store_analysis(tmp_path / "products", "air_quality", "town", cube)
    found = ask("GET", f"/exposure?{period()}").json()
    city = found["variables"]["pm25"]["city"]
    assert city["simulated"] is simulated
    assert city["city_mean"] == 6
    assert city["ratio"] == pytest.approx(2, rel=0.01)  # 10 to 14, a minute each; the hours at the ends are cut
    assert any("city" in words for words in found["words"]) is not simulated


def test_a_mode_that_the_owner_gives_counts_for_what_they_inhaled(ask):
    before = ask("GET", f"/exposure?{period()}").json()["variables"]["pm25"]
    start, end = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START + 60 * at)) for at in (10, 40))
    said = [{"field": "mode", "start": start, "end": end, "value": "cycle"}]
    assert ask("PUT", "/labels", json={"labels": said}).is_success
    after = ask("GET", f"/exposure?{period()}").json()["variables"]["pm25"]
    assert after["by_mode"]["cycle"]["seconds"] - before["by_mode"]["cycle"]["seconds"] == 30 * 60
    assert after["inhaled_ug"] > before["inhaled_ug"]
