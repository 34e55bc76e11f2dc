"""A fire simulation through HTTP: asked, refused, run, fetched, shared, cancelled, deleted."""

import copy
import json
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from brise.formulas.fire import demonstration
from brise.io.fire_jobs import FireJobs
from brise.service.api.fire_schemas import EXAMPLE
from brise.service.jobs import fire_landscapes, fire_request, fire_worker

pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rasterio's own
ROOT = "/v1/fire-simulations"
SMALL = demonstration.Plan(
    demonstration.FireGrid(demonstration.utm(35, south=True), 622_000.0, 7_073_500.0, 90.0, 130, 160)
)
PLACE = [28.28, -26.50]


@pytest.fixture(scope="module", autouse=True)
def small_landscape():
    """A demonstration of large cells, so that a fire takes a moment."""
    made = demonstration.landscape(SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demonstration, "site", lambda: made)
        yield made


def asked(**changes):
    body = copy.deepcopy(EXAMPLE) | {"members": 0, "hours": 2}
    body["ignition"]["coordinates"] = PLACE
    return body | changes


def settings_of(client, **more):
    desk = client.app.state.fire
    known = {"data_dir": desk.data_dir, "resolved_database_url": desk.settings.resolved_database_url}
    return SimpleNamespace(**known, fire_threads=1, dask_scheduler=None, **more)


def work_off(client):
    """Run what waits, as a worker does, in this process."""
    settings = settings_of(client)
    jobs = FireJobs.open(settings.resolved_database_url())
    while (job := jobs.take("here")) is not None:
        fire_worker.run(settings, jobs, job, ("here", threading.Event()))
    jobs.close()


@pytest.fixture
def client(make_client):
    return make_client()


def post(client, body):
    return client.request("POST", ROOT, json=body)


def run(client, **changes):
    reply = post(client, asked(**changes))
    assert reply.status_code == 202, reply.text
    work_off(client)
    return reply.json()["links"]["self"]


def test_the_whole_life_of_a_simulation(client):
    reply = post(client, asked(members=4, name="Hill <b>"))
    assert reply.status_code == 202
    there = reply.headers["Location"]
    told = reply.json()
    assert (told["state"], told["ahead"], told["simulated"]) == ("queued", 0, True)
    assert "no such place exists" in told["assumptions"][0]
    assert client.get(f"{there}/summary").status_code == 409
    work_off(client)
    told = client.get(there).json()
    assert (told["state"], told["progress"], told["message"]) == ("done", 1.0, "")
    summary = client.get(told["links"]["summary"]).json()
    assert summary["area_ha"][0] < summary["area_ha"][-1]
    assert summary["uncertainty"]["members"] == 4
    assert summary["simulated"] is True
    lines = client.get(told["links"]["perimeters"])
    assert lines.headers["content-type"] == "application/geo+json"
    assert [one["properties"]["hours"] for one in lines.json()["features"]] == [1.0, 2.0]
    page = client.get(told["links"]["report"])
    assert "Hill &lt;b&gt;" in page.text
    assert "SIMULATED" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    for link in ("arrival", "burn_probability", "flame_length"):
        with rasterio.MemoryFile(client.get(told["links"][link]).content) as file, file.open() as raster:
            assert (raster.height, raster.width) == SMALL.grid.shape
            assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def test_results_come_in_parts_and_are_validated(client):
    there = run(client)
    whole = client.get(f"{there}/arrival.tif")
    part = client.get(f"{there}/arrival.tif", headers={"Range": "bytes=4-9"})
    assert (part.status_code, part.content) == (206, whole.content[4:10])
    again = client.get(f"{there}/arrival.tif", headers={"If-None-Match": whole.headers["etag"]})
    assert again.status_code == 304
    assert whole.headers["cache-control"] == "private, max-age=300"
    packed = client.get(f"{there}/arrival.tif", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in packed.headers


def test_tiles_show_the_fire_and_nothing_elsewhere(client):
    there = run(client, members=2)
    inside = tile_of(PLACE, 11)
    for layer in ("arrival", "burn_probability", "flame_length", "smoke"):
        drawn = client.get(f"{there}/tiles/{layer}/{inside}.png")
        assert (drawn.status_code, drawn.headers["content-type"]) == (200, "image/png")
        empty = client.get(f"{there}/tiles/{layer}/11/0/0.png")
        assert len(empty.content) < len(drawn.content)
        assert client.get(f"{there}/tiles/{layer}/legend").json()["layer"] == layer
    address = f"{there}/tiles/arrival/{inside}.png"
    assert client.get(address, headers={"If-None-Match": client.get(address).headers["etag"]}).status_code == 304
    assert client.get(f"{there}/tiles/smoke/{inside}.png?hour=3").status_code == 422
    assert client.get(f"{there}/tiles/arrival/{inside}.png?hour=1").status_code == 422
    assert client.get(f"{there}/tiles/rain/{inside}.png").status_code == 422


def tile_of(place, zoom):
    count = 2**zoom
    row = (1 - np.arcsinh(np.tan(np.radians(place[1]))) / np.pi) / 2 * count
    return f"{zoom}/{int((place[0] + 180) / 360 * count)}/{int(row)}"


def test_smoke_adds_up(client):
    there = run(client)
    told = client.get(f"{there}/smoke").json()
    assert (told["status"], told["simulated"]) == ("experimental", True)
    np.testing.assert_allclose(told["within_kg"] + told["left_kg"], told["emitted_kg"], rtol=1e-3)  # rounded sums
    rows = client.get(told["links"]["source"]).text.splitlines()
    assert rows[0] == "time,latitude,longitude,heat_mj,pm25_kg"
    kilograms = sum(float(row.split(",")[4]) for row in rows[1:])
    np.testing.assert_allclose(kilograms, told["emitted_kg"], rtol=1e-3)


def test_what_was_seen_is_fitted(client, monkeypatch):
    monkeypatch.setattr("brise.products.fire_calibration.PARTICLES", 12)
    monkeypatch.setattr("brise.products.fire_calibration.ROUNDS", 2)
    x, y = PLACE
    ring = [[x - 0.004, y - 0.002], [x + 0.012, y - 0.012], [x + 0.01, y + 0.003], [x - 0.004, y - 0.002]]
    seen = {"time": "2026-11-23T11:30Z", "perimeter": {"type": "Polygon", "coordinates": [ring]}}
    there = run(client, observed=[seen], members=3)
    told = client.get(f"{there}/summary").json()
    assert len(told["calibration"]["jaccard_after"]) == 1
    assert told["calibration"]["restart"]["time"].startswith("2026-11-23T11:30")
    assert told["uncertainty"]["members"] == 3


def test_the_share_reads_and_does_not_delete(client):
    told = post(client, asked(listed=True)).json()
    there, share = told["links"]["self"], told["links"]["share"]
    assert there != share
    by_share = client.get(share).json()
    assert told["id"] not in str(by_share)
    refused = client.request("DELETE", share)
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")
    listed = client.get(ROOT).json()["results"]
    assert [one["links"]["self"] for one in listed] == [share]
    assert told["id"] not in str(listed)
    assert client.request("DELETE", there).status_code == 204


def test_unlisted_simulations_are_not_listed_and_pages_follow(client):
    post(client, asked())
    shares = [post(client, asked(listed=True)).json()["links"]["share"] for _ in range(3)]
    first = client.get(f"{ROOT}?limit=2").json()
    second = client.get(f"{ROOT}?limit=2&before={first['next']}").json()
    found = [one["links"]["self"] for page in (first, second) for one in page["results"]]
    assert (found, second["next"]) == (shares[::-1], None)
    assert client.get(f"{ROOT}?before=soon").status_code == 422


def test_delete_cancels_then_removes(client):
    there = post(client, asked()).json()["links"]["self"]
    assert client.request("DELETE", there).status_code == 204
    assert client.get(there).json()["state"] == "cancelled"
    work_off(client)
    assert client.get(there).json()["state"] == "cancelled"
    assert client.request("DELETE", there).status_code == 204
    assert client.get(there).status_code == 404
    other = run(client)
    folder = client.app.state.fire.data_dir / "fire"
    assert len(list(folder.iterdir())) == 1
    assert client.request("DELETE", other).status_code == 204
    assert list(folder.iterdir()) == []


def wrong(path, value):
    """The example with one value changed."""
    body = asked()
    part = body
    *way, last = path
    for step in way:
        part = part[step]
    part[last] = value
    return body


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (wrong(["landscape"], "moon"), "moon"),
        (wrong(["hours"], 97), "96"),
        (wrong(["hours"], 0), "greater than 0"),
        (wrong(["members"], 1001), "1000"),
        (wrong(["members"], -1), "greater than or equal to 0"),
        (wrong(["start"], "yesterday"), "yesterday"),
        (wrong(["ignition", "coordinates"], [0.0, 0.0]), "outside the landscape"),
        (wrong(["ignition", "coordinates"], [28.3, -260]), "greater than or equal to -90"),
        (wrong(["ignition", "coordinates"], ["a", "b"]), "valid number"),
        (wrong(["ignition"], {"type": "Circle", "coordinates": [1, 2]}), "Circle"),
        (wrong(["ignition", "crs"], {"type": "name", "properties": {"name": "http://x"}}), "Extra inputs"),
        (wrong(["weather", "wind_speed_m_s"], [5, float("nan")]), "finite"),
        (wrong(["weather", "wind_speed_m_s"], [5, None]), "valid number"),
        (wrong(["weather", "wind_speed_m_s"], [5, 500]), "less than or equal to 120"),
        (wrong(["weather", "wind_speed_m_s"], [5]), "has 1 values for 2 times"),
        (wrong(["weather", "temperature_c"], [20, None]), "temperature"),
        (wrong(["weather", "time"], ["2026-11-23T10:00Z", "2026-11-23T09:00Z"]), "rise"),
        (wrong(["weather", "time"], ["2026-11-20T10:00Z", "2026-11-20T13:00Z"]), "weather"),
        (wrong(["weather", "time"], ["2026-11-24T10:00Z", "2026-11-24T13:00Z"]), "after the fire"),
        (wrong(["weather"], "guess"), "forecast"),
        (wrong(["weather"], "forecast"), "give a stream"),
        (wrong(["moisture_percent"], {"1h": 900}), "400"),
        (wrong(["options"], {"crown": "canopy"}), "finney"),
        (wrong(["options"], {"fuel_factors": {"x": 2}}), "pattern"),
        (wrong(["observed"], [{"time": "2026-11-23T20:00Z", "perimeter": {"type": "Polygon", "coordinates": [
            [[28.28, -26.5], [28.29, -26.5], [28.29, -26.49], [28.28, -26.5]]]}}]), "outside the 2 h"),
        (wrong(["colour"], "red"), "Extra inputs"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_value(client, body, said):
    reply = client.request("POST", ROOT, content=json.dumps(body), headers={"content-type": "application/json"})
    assert reply.status_code == 422, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert said in reply.text
    assert client.get("/health").status_code == 200
    assert FireJobs.open(client.app.state.fire.settings.resolved_database_url()).counts()["queued"] == 0


def test_ignition_in_water_names_it(client, small_landscape):
    grid, fuel = small_landscape.grid, small_landscape.fuel
    row, column = 60, 80
    kept = fuel[row - 3 : row + 4, column - 3 : column + 4].copy()
    fuel[row - 3 : row + 4, column - 3 : column + 4] = demonstration.WATER
    try:
        x, y = grid.west + (column + 0.5) * grid.cell_m, grid.north - (row + 0.5) * grid.cell_m
        (longitude,), (latitude,) = rasterio.warp.transform(grid.crs, "EPSG:4326", [x], [y])
        body = asked(ignition={"type": "Point", "coordinates": [longitude, latitude]})
        reply = post(client, body)
    finally:
        fuel[row - 3 : row + 4, column - 3 : column + 4] = kept
    assert reply.status_code == 422
    assert "nothing burns at the ignition" in reply.text
    assert "water" in reply.text


def install(client, name, fuel, cell=30.0, crs="EPSG:32735"):
    folder = client.app.state.fire.data_dir / fire_landscapes.FOLDER / name
    folder.mkdir(parents=True)
    size = {"width": fuel.shape[1], "height": fuel.shape[0], "count": 1, "dtype": "int16"}
    more = {"transform": Affine(cell, 0, 622_000, 0, -cell, 7_073_500), "sparse_ok": True, "tiled": True}
    with rasterio.open(folder / "fuel.tif", "w", driver="GTiff", crs=crs, **size, **more) as raster:
        if fuel.size < 1e6:
            raster.write(fuel, 1)
    return folder


def test_a_landscape_of_a_hundred_million_cells_is_refused_unread(client):
    class Huge:
        shape, size = (10_000, 10_000), 100_000_000

    install(client, "huge", Huge())
    reply = post(client, asked(landscape="huge"))
    assert reply.status_code == 422
    assert "100,000,000 cells, over this server's limit of 4,000,000" in reply.text
    told = {one["name"]: one for one in client.get("/v1/fire-landscapes").json()["results"]}
    assert (told["huge"]["usable"], told["demonstration"]["usable"]) == (False, True)
    assert told["demonstration"]["simulated"] is True


def test_unknown_fuels_and_no_reference_system_are_named(client):
    install(client, "odd", np.full((40, 40), 77, np.int16))
    reply = post(client, asked(landscape="odd"))
    assert (reply.status_code, "77" in reply.text) == (422, True)
    install(client, "nowhere", np.full((40, 40), 102, np.int16), crs=None)
    reply = post(client, asked(landscape="nowhere"))
    assert (reply.status_code, "coordinate reference system" in reply.text) == (422, True)


def test_an_installed_landscape_burns(client):
    install(client, "grass", np.full((120, 140), 102, np.int16))
    there = run(client, landscape="grass", ignition={"type": "Point", "coordinates": [28.24, -26.465]})
    told = client.get(there).json()
    assert (told["state"], told["simulated"], told["message"]) == ("done", False, "")
    assert any("slope" in line.lower() for line in told["assumptions"])


def test_work_and_queue_are_limited(client, make_client, monkeypatch):
    monkeypatch.setattr(fire_request, "MAX_WORK", 1_000_000)
    reply = post(client, asked(members=100))
    assert reply.status_code == 422
    assert "cells x 100 members x 2 hours" in reply.text
    monkeypatch.undo()
    few = make_client(fire_jobs_per_client=2)
    assert [post(few, asked()).status_code for _ in range(3)] == [202, 202, 429]
    refused = post(few, asked())
    assert "2 of your simulations wait or run" in refused.text
    assert refused.headers["Retry-After"] == "5"


def test_too_large_a_body_and_no_json(client):
    large = client.request("POST", ROOT, content=b"[" * 300_000, headers={"content-type": "application/json"})
    assert large.status_code == 413
    assert client.request("POST", ROOT, content=b"{", headers={"content-type": "application/json"}).status_code == 400


@pytest.mark.parametrize("path", ["", "/summary", "/arrival.tif", "/smoke", "/tiles/arrival/1/0/0.png"])
def test_what_was_never_asked_is_not_found(client, path):
    reply = client.get(f"{ROOT}/AAAAAAAAAAAAAAAAAAAAAA{path}")
    assert (reply.status_code, reply.headers["content-type"]) == (404, "application/problem+json")


def test_a_failing_job_says_why_and_the_next_one_runs(client, monkeypatch):
    post(client, asked())
    monkeypatch.setattr("brise.service.jobs.fire_simulation.forecast", lambda *_: 1 / 0)
    work_off(client)
    monkeypatch.undo()
    monkeypatch.setattr(demonstration, "site", lambda: demonstration.landscape(SMALL))
    jobs = FireJobs.open(client.app.state.fire.settings.resolved_database_url())
    assert jobs.counts()["failed"] == 1
    assert client.get(run(client)).json()["state"] == "done"
