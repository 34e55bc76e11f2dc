"""Rain over HTTP: points, areas, tiles, and what is said where nothing is known."""

import io
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from brise.conventions.grids import Grid
from brise.io import rain_runs
from brise.products import rain_tiles

INIT = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
AREA = Grid("bay", 51.6, -0.2, 0.01, 20, 30)
LEADS = list(range(0, 121, 5))
HERE = "latitude=51.5&longitude=0"
UNSEEN_ROW, UNSEEN_COLUMN = 0, 0


def publish(folder, init=INIT, grid=AREA, **changes):
    """Rain of 4 mm/h from minute 15 to 40; the corner that no radar sees is unknown."""
    wet = [1.0 if 15 <= lead <= 40 else 0.02 for lead in LEADS]
    rates = [4.0 if 15 <= lead <= 40 else 0.0 for lead in LEADS]

    def field(value):
        out = np.full((grid.rows, grid.columns), value, np.float32)
        out[UNSEEN_ROW, UNSEEN_COLUMN] = np.nan
        return out

    fields = {
        "rate": [[field(scale * rate) for rate in rates] for scale in (1.0, 0.5, 2.0)],
        "chance": [[field(share * one) for one in wet] for share in (1.0, 0.9, 0.1, 0.0)],
        "totals": [[field(one) for one in row] for row in ((0.9, 1.0, 2.0, 4.0), (0.95, 1.1, 2.1, 4.1))],
    }
    meta = {
        "init_time": init.isoformat(),
        "leads": LEADS,
        "thresholds": [0.1, 1.0, 5.0, 10.0],
        "windows": [60, 120],
        "model": "for tests",
        "simulated": True,
        "degraded": False,
        "sources": [{"name": "simulated", "title": "No radar", "licence": "CC0-1.0", "attribution": "Brise"}],
        "created_at": init.isoformat(),
        "notes": [],
    } | changes
    return rain_runs.publish(folder / "products", grid, fields, meta)


@pytest.fixture
def bay(make_client, tmp_path, town):
    publish(tmp_path)
    town.stop_clock(tmp_path, INIT + timedelta(minutes=2))
    return make_client()


def test_a_point_is_told_step_by_step_and_in_words(bay):
    reply = bay.get(f"/v1/rain/nowcast?{HERE}")
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert (body["status"], body["reason"]) == ("ok", None)
    assert body["time"][:2] == ["2026-11-23T14:00:00Z", "2026-11-23T14:05:00Z"]
    assert body["lead_minutes"] == LEADS
    assert body["kind"][:2] == ["measured", "modelled"]
    assert body["rain_rate"]["unit"] == "mm/h"
    assert body["rain_rate"]["value"][3] == 4.0
    assert body["rain_rate"]["q10"][3] == 2.0
    assert body["rain_rate"]["q90"][3] == 8.0
    assert body["chance"]["1"][3] == 0.9
    assert body["totals"][0] == {"minutes": 60, "unit": "mm", "chance": 0.9, "q10": 1.0, "q50": 2.0, "q90": 4.0}
    words = body["words"]
    assert words["key"] == "rain.starts"
    # the chance goes from 0.02 to 1 between minutes 10 and 15: half at 12.4; from 1 to 0.02 past 40: half at 42.6
    assert words["text"] == "Rain starts at 14:12 UTC, moderate, ends 14:43 UTC (confidence 100 %)."
    assert words["spells"][0]["start"] == "2026-11-23T14:12:24Z"
    assert body["provenance"]["simulated"] is True
    assert body["provenance"]["newest_frame"] == {"time": "2026-11-23T14:00:00Z", "age_minutes": 2}
    assert body["cell"]["domain"] == "bay"


def test_many_points_and_csv(bay):
    body = bay.get("/v1/rain/nowcast?latitude=51.5,10&longitude=0,10").json()
    assert [one["status"] for one in body["results"]] == ["ok", "unknown"]
    table = bay.get(f"/v1/rain/nowcast?{HERE}&format=csv")
    assert table.headers["content-type"].startswith("text/csv")
    lines = table.text.splitlines()
    assert len(lines) == 1 + len(LEADS)
    assert lines[4].startswith("51.5,0.0,2026-11-23T14:15:00Z,15,modelled,ok,bay,true,4.0,2.0,8.0,1.0,0.9")
    assert bay.get("/v1/rain/nowcast?latitude=10&longitude=10&format=csv").text.count("\n") == 2


def test_unknown_is_null_with_a_reason(bay):
    corner = bay.get("/v1/rain/nowcast?latitude=51.6&longitude=-0.2").json()
    assert corner["status"] == "unknown"
    assert "no radar of this area sees this place" in corner["reason"]
    assert corner["words"]["key"] == "rain.unknown"
    far = bay.get("/v1/rain/nowcast?latitude=0&longitude=0").json()
    assert far["reason"] == "outside every radar area; there are bay"
    assert far["provenance"] is None
    assert (far["rain_rate"]["value"], far["time"]) == ([], [])


def test_old_and_gappy_frames_are_told(make_client, tmp_path, town):
    publish(tmp_path, degraded=True, notes=["no frame for 2026-11-23T13:50:00"])
    town.stop_clock(tmp_path, INIT + timedelta(minutes=3))
    body = make_client().get(f"/v1/rain/nowcast?{HERE}").json()
    assert (body["status"], body["reason"]) == ("degraded", "no frame for 2026-11-23T13:50:00")
    town.stop_clock(tmp_path, INIT + timedelta(minutes=33))
    body = make_client().get(f"/v1/rain/nowcast?{HERE}").json()
    assert body["status"] == "degraded"
    assert body["reason"] == "the newest frame is 33 minutes old, the limit is 15"
    assert body["lead_minutes"][0] == 30
    assert body["words"]["key"] == "rain.ends"
    town.stop_clock(tmp_path, INIT + timedelta(minutes=121))
    body = make_client().get(f"/v1/rain/nowcast?{HERE}").json()
    assert body["status"] == "unknown"
    assert "too old: its nowcast ended 2026-11-23T16:00:00Z" in body["reason"]
    area = make_client().get("/v1/rain/nowcast?bbox=-0.1,51.5,0,51.6").json()
    assert "too old" in area["reason"]


def test_without_any_run_the_reason_is_said(client):
    body = client.get(f"/v1/rain/nowcast?{HERE}").json()
    assert body["status"] == "unknown"
    assert "no rain nowcast is published" in body["reason"]
    assert client.get("/v1/rain/nowcast?bbox=0,0,1,1").json()["reason"] == body["reason"]


def test_an_area_is_a_block_of_cells(bay):
    body = bay.get("/v1/rain/nowcast?bbox=-0.205,51.575,-0.175,51.605&leads=0,15&quantity=chance_1").json()
    assert body["grid"] == {"north": 51.6, "west": -0.2, "step_degrees": 0.01, "rows": 3, "columns": 3}
    assert body["lead_minutes"] == [0, 15]
    assert body["values"][1][1] == [0.9, 0.9, 0.9]
    assert body["values"][1][0][0] is None
    assert body["unit"] == "1"
    now = bay.get("/v1/rain/nowcast?bbox=-10,51.5,10,51.5").json()
    assert (now["grid"]["rows"], now["grid"]["columns"], now["lead_minutes"]) == (1, 30, [0])
    assert bay.get("/v1/rain/nowcast?bbox=10,10,11,11").json()["reason"] == "outside every radar area"
    assert bay.get("/v1/rain/nowcast?bbox=-0.2,51.6,-0.2,51.6").json()["reason"] == "no radar sees any of it"


@pytest.mark.parametrize(
    ("query", "parameter", "limit"),
    [
        ("", "latitude", "required without bbox"),
        ("latitude=1", "longitude", "required"),
        ("latitude=91&longitude=0", "latitude", "a number from -90 to 90"),
        ("latitude=nan&longitude=0", "latitude", "a number from -90 to 90"),
        ("latitude=1,2&longitude=0", "longitude", "as many as latitude: 2"),
        ("latitude=" + ",".join("1" * 1001) + "&longitude=0", "latitude", "at most 1000 points"),
        ("latitude=1&longitude=0&leads=5", "leads", "goes with bbox"),
        ("latitude=1&longitude=0&quantity=q10", "quantity", "goes with bbox"),
        ("latitude=1&longitude=0&bbox=0,0,1,1", "bbox", "either bbox or"),
        ("bbox=0,0,1", "bbox", "west,south,east,north"),
        ("bbox=0,1,1,0", "bbox", "south at most north"),
        ("bbox=-0.2,51.4,0.1,51.6&leads=7", "leads", "in steps of 5 to 120"),
        ("bbox=-0.2,51.4,0.1,51.6&leads=125", "leads", "a number from 0 to 120"),
        ("bbox=0,0,1,1&quantity=snow", "quantity", "one of value"),
        ("bbox=0,0,1,1&format=csv", "format", "csv is for points"),
        ("latitude=1&longitude=0&hours=3", "hours", "Extra inputs"),
    ],
)
def test_a_wrong_parameter_is_named(bay, query, parameter, limit):
    reply = bay.get(f"/v1/rain/nowcast?{query}")
    assert reply.status_code == 422, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    error = reply.json()["errors"][0]
    assert error["parameter"] == parameter
    assert limit in error["limit"]


def test_an_area_too_large_is_refused(make_client, tmp_path, town):
    publish(tmp_path, grid=Grid("land", 51.6, -0.2, 0.01, 110, 120))
    town.stop_clock(tmp_path, INIT)
    leads = ",".join(map(str, LEADS[:4]))
    reply = make_client().get(f"/v1/rain/nowcast?bbox=-1,50,2,52&leads={leads}")
    assert reply.status_code == 422
    assert "at most 50000 cells x leads" in reply.json()["detail"]
    assert "110 x 120 cells, 4 leads" in reply.json()["detail"]


def test_answers_can_be_revalidated(bay):
    first = bay.get(f"/v1/rain/nowcast?{HERE}")
    assert first.headers["cache-control"] == "public, max-age=30"
    again = bay.get(f"/v1/rain/nowcast?{HERE}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    tile = bay.get("/v1/tiles/rain_rate/8/127/85.png")
    assert (
        bay.get("/v1/tiles/rain_rate/8/127/85.png", headers={"If-None-Match": tile.headers["etag"]}).status_code == 304
    )


def test_a_newer_run_is_seen_and_where_areas_overlap_it_speaks(make_client, tmp_path, town):
    publish(tmp_path)
    publish(tmp_path, init=INIT + timedelta(minutes=10), grid=Grid("inner", 51.55, -0.1, 0.01, 10, 10))
    town.stop_clock(tmp_path, INIT + timedelta(minutes=12))
    client = make_client()
    assert client.get("/v1/rain/nowcast?latitude=51.5&longitude=-0.05").json()["cell"]["domain"] == "inner"
    assert client.get("/v1/rain/nowcast?latitude=51.45&longitude=0.05").json()["cell"]["domain"] == "bay"
    # the corner of the inner area is unknown there, and known in the wider one
    assert client.get("/v1/rain/nowcast?latitude=51.55&longitude=-0.1").json()["cell"]["domain"] == "bay"


def pixels(reply):
    assert reply.status_code == 200, reply.text
    return np.asarray(Image.open(io.BytesIO(reply.content)).convert("RGBA"))


def pixel(client, place, query=""):
    """Of the tile at zoom 12 that holds a place."""
    count = 2**12
    across = (place[1] + 180) / 360 * count
    down = (1 - np.arcsinh(np.tan(np.radians(place[0]))) / np.pi) / 2 * count
    image = pixels(client.get(f"/v1/tiles/rain_rate/12/{int(across)}/{int(down)}.png{query}"))
    return image[int(down % 1 * 256), int(across % 1 * 256)].tolist()


def test_tiles_show_rain_dry_and_unseen_apart(bay):
    place = (51.5, 0.0)
    assert pixel(bay, place)[3] == 0  # dry now
    wet = pixel(bay, place, "?minutes=20")
    expected = next(colour for value, colour in rain_tiles.rain_stops("rain_rate")[::-1] if value <= 4.0)
    assert "#" + bytes(wet[:3]).hex() == expected
    assert wet[3] == rain_tiles.ALPHA
    assert pixel(bay, place, "?time=2026-11-23T14:20Z") == wet
    assert pixel(bay, (51.6, -0.2)) == list(rain_tiles.UNSEEN)
    assert pixel(bay, (51.7, -0.2))[3] == 0  # outside
    assert not pixels(bay.get("/v1/tiles/rain_chance/3/0/0.png")).any()
    assert not pixels(bay.get("/v1/tiles/rain_rate/8/127/85.png?time=2030-01-01"))[..., 3].any()


@pytest.mark.parametrize(
    ("url", "parameter"),
    [
        ("/v1/tiles/rain_rate/0/0/0.png?minutes=121", "minutes"),
        ("/v1/tiles/rain_rate/0/0/0.png?lead=1", "lead"),
        ("/v1/tiles/pm25/0/0/0.png?minutes=5", "minutes"),
    ],
)
def test_a_wrong_tile_is_a_problem(bay, url, parameter):
    reply = bay.get(url)
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["parameter"] == parameter


def test_the_legend_names_its_unit(bay):
    told = bay.get("/v1/tiles/rain_rate/legend").json()
    assert (told["unit"], told["stops"][0]) == ("mm/h", {"value": 0.1, "colour": "#a5e0f5", "key": None})
    assert bay.get("/v1/tiles/rain_chance/legend?palette=safe").json()["stops"][-1]["colour"] == "#170b3b"


def test_limits_count_rain_too(make_client):
    client = make_client(rate_limit="2/minute")
    codes = [client.get(f"/v1/rain/nowcast?{HERE}").status_code for _ in range(3)]
    assert codes == [200, 200, 429]
