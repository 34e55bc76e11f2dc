"""Rain in the cycle: good frames, bad frames, no frames; and what is published of them."""

import os
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from brise.conventions.errors import InputError, StoreError
from brise.conventions.grids import Grid
from brise.io import rain_runs
from brise.models.rain_forecast import QUANTILES, THRESHOLDS, RainForecast
from brise.service.clock import Clock, write_clock
from brise.service.jobs.ingest import open_tables
from brise.service.jobs.inspect import ask
from brise.service.jobs.rain import RainJob, radar_feed
from brise.service.jobs.rain_file import nowcast_files
from brise.service.jobs.rain_radar import FolderRadar, SimulatedRadar, read_file
from brise.service.settings import Settings

NOW = datetime(2026, 11, 23, 14, 10, tzinfo=UTC)
GRID = Grid("bay", 51.5, 0.0, 0.01, 48, 56)
STEP = timedelta(minutes=5)


def nowcaster(rain, step_minutes, leads):
    """Persistence with a spread: enough for the machinery around a model."""
    value = np.repeat(rain[-1:], len(leads), axis=0)
    quantiles = np.stack([value * share for share in (0.2, 0.6, 1.0, 1.4, 2.0)])
    chance = np.stack([np.where(np.isnan(value), np.nan, 0.9 * (value >= limit)) for limit in THRESHOLDS])
    return RainForecast(np.asarray(leads), value, quantiles.astype(np.float32), chance.astype(np.float32))


def rate(back: int, grid: Grid = GRID) -> np.ndarray:
    """Of `back` steps ago."""
    rows, columns = np.mgrid[: grid.rows, : grid.columns]
    return (1.2 + np.sin(rows / 6) * np.cos((columns + 2 * back) / 7)).astype(np.float32)


def write(folder, back, field=None, grid=GRID, age=None):
    """One frame a file, as a provider drops them."""
    folder.mkdir(parents=True, exist_ok=True)
    field = rate(back, grid) if field is None else field
    packed = np.where(np.isnan(field), 65535, np.nan_to_num(field) * 100).astype(np.uint16)
    path = folder / f"frame_{1000 - back:04d}_{grid.rows}.npz"
    times = np.array([f"{NOW - back * STEP:%Y-%m-%dT%H:%M:%S}"])
    np.savez(path, rate=packed[None], times=times, lats=grid.latitude, lons=grid.longitude, step=np.float64(5))
    stamp = (NOW - (back if age is None else age) * STEP).timestamp()
    os.utime(path, (stamp, stamp))
    return path


@pytest.fixture
def place(tmp_path):
    settings = Settings(data_dir=tmp_path / "data", radar_dir=tmp_path / "radar")
    settings.data_dir.mkdir()
    settings.radar_dir.mkdir()
    stop_clock(settings)
    with open_tables(settings) as tables:
        yield settings, tables, RainJob(settings, radar_feed(settings, False), (nowcaster, "for tests"))


def stop_clock(settings):
    """The data's clock stands (nearly) at NOW."""
    write_clock(settings.data_dir, Clock(NOW.timestamp(), 1.79e9, 1e-9))


def published(settings):
    return rain_runs.current(settings.data_dir / "products")


def here(settings):
    return ask(settings, "/v1/rain/nowcast", {"latitude": 51.3, "longitude": 0.3})


def test_frames_become_a_run_that_the_api_tells(place):
    settings, tables, job = place
    for back in range(4):
        write(settings.radar_dir, back)
    assert job.turn(tables, NOW) == 1
    run = published(settings)["radar"]
    assert run.meta["simulated"] is False
    assert run.meta["degraded"] is False
    assert run.meta["notes"] == []
    assert run.meta["sources"][0]["name"] == "npz"
    assert run.arrays["rate"].shape == (GRID.cells, 3, 25)
    answer = here(settings)
    assert answer["status"] == "ok"
    cell = GRID.cell(51.3, 0.3)
    # stored in hundredths, once when written by this test and once when published
    np.testing.assert_allclose(answer["rain_rate"]["value"][0], rate(0).ravel()[cell], atol=0.011)
    assert answer["rain_rate"]["q10"][5] <= answer["rain_rate"]["value"][5] <= answer["rain_rate"]["q90"][5]
    assert answer["totals"][1]["q90"] > answer["totals"][0]["q10"] > 0
    done = tables.runs.read_runs("rain/radar")
    assert [one.state for one in done] == ["done"]
    assert done[0].counts["cells"] == GRID.cells


def test_nothing_new_is_nothing_done_and_a_new_frame_is_a_new_run(place):
    settings, tables, job = place
    for back in range(1, 4):
        write(settings.radar_dir, back)
    assert job.turn(tables, NOW) == 1
    assert job.turn(tables, NOW) == 0
    write(settings.radar_dir, 0)
    assert job.turn(tables, NOW) == 1
    assert published(settings)["radar"].meta["init_time"].startswith(f"{NOW:%Y-%m-%dT%H:%M}")


def test_folders_within_are_areas_of_their_own(place):
    settings, tables, job = place
    for name in ("north", "south"):
        for back in range(2):
            write(settings.radar_dir / name, back)
    assert job.turn(tables, NOW) == 2
    assert set(published(settings)) == {"north", "south"}


def missing(settings):
    for back in (0, 1, 3):
        write(settings.radar_dir, back)


def repeated(settings):
    for back in range(4):
        write(settings.radar_dir, back)
    (settings.radar_dir / "again.npz").write_bytes((settings.radar_dir / "frame_1000_48.npz").read_bytes())


def blank(settings):
    for back in range(4):
        write(settings.radar_dir, back, np.full((48, 56), np.nan) if back == 1 else None)


def wrong_grid(settings):
    for back in range(4):
        write(settings.radar_dir, back)
    write(settings.radar_dir, 2, grid=Grid("other", 40.0, 5.0, 0.01, 20, 20))


def corrupt(settings):
    for back in range(4):
        write(settings.radar_dir, back)
    (settings.radar_dir / "bad.npz").write_bytes(b"PK but no archive")
    (settings.radar_dir / "note.txt").write_text("not a radar file")


def gappy(settings):
    for back in range(4):
        field = rate(back)
        if back == 0:
            field[:40] = np.nan
        write(settings.radar_dir, back, field)


@pytest.mark.parametrize(
    ("drop", "told"),
    [
        (missing, "no frame for"),
        (repeated, "more than once"),
        (blank, "every pixel is missing"),
        (wrong_grid, "wrong grid"),
        (corrupt, "left out bad.npz"),
        (gappy, "the newest frame knows 17 %"),
    ],
)
def test_bad_frames_degrade_the_nowcast_and_are_named(place, drop, told):
    settings, tables, job = place
    drop(settings)
    assert job.turn(tables, NOW) == 1
    answer = here(settings)
    assert told in answer["reason"] or told in " ".join(answer["provenance"]["notes"])
    assert answer["provenance"]["degraded"] is True
    assert answer["status"] in ("degraded", "unknown")


def test_files_may_come_in_any_order(place):
    settings, tables, job = place
    for back, age in ((0, 3), (1, 0), (2, 2), (3, 1)):
        write(settings.radar_dir, back, age=age)
    assert job.turn(tables, NOW) == 1
    assert here(settings)["status"] == "ok"


def test_dry_frames_are_no_fault(place):
    settings, tables, job = place
    for back in range(4):
        write(settings.radar_dir, back, np.zeros((48, 56), np.float32))
    assert job.turn(tables, NOW) == 1
    answer = here(settings)
    assert (answer["status"], answer["words"]["key"]) == ("ok", "rain.none")
    assert answer["totals"][1] == {"minutes": 120, "unit": "mm", "chance": 0, "q10": 0, "q50": 0, "q90": 0}


def test_frames_that_know_nothing_fail_that_run_alone(place):
    settings, tables, job = place
    write(settings.radar_dir, 0, np.full((48, 56), np.nan))
    for back in range(2):
        write(settings.radar_dir / "good", back)
    assert job.turn(tables, NOW) == 1
    assert set(published(settings)) == {"good"}
    failed = [one for one in tables.runs.read_runs() if one.state == "failed"]
    assert "none of 1" in failed[0].message
    assert "known pixel" in failed[0].message


def test_old_frames_make_no_nowcast(place):
    settings, tables, job = place
    for back in range(30, 33):
        write(settings.radar_dir, back)
    assert job.turn(tables, NOW) == 0
    assert "newest frame is of" in next(one for one in tables.runs.read_sources() if one.source == "npz").last_error
    assert here(settings)["status"] == "unknown"


def test_a_model_that_breaks_stops_neither_areas_nor_cycle(place):
    settings, tables, job = place

    def broken(rain, step_minutes, leads):
        if rain.shape[1] == 20:
            raise ZeroDivisionError("a bug")
        return nowcaster(rain, step_minutes, leads)

    job.nowcaster = (broken, "broken")
    for back in range(2):
        write(settings.radar_dir / "a", back, grid=Grid("a", 40.0, 5.0, 0.01, 20, 20))
        write(settings.radar_dir / "b", back)
    assert job.turn(tables, NOW) == 1
    assert set(published(settings)) == {"b"}
    assert tables.runs.read_runs("rain/a")[0].message == "not understood: a bug"


def test_a_disk_that_fails_is_tried_again(place, monkeypatch):
    settings, tables, job = place
    write(settings.radar_dir, 0)
    write(settings.radar_dir, 1)
    with monkeypatch.context() as patch:
        patch.setattr(rain_runs, "publish", lambda *_: (_ for _ in ()).throw(StoreError("disk full")))
        with pytest.raises(StoreError, match="disk full"):
            job.turn(tables, NOW)
    assert job.turn(tables, NOW) == 1


def test_no_folder_is_no_crash_and_no_radar_is_no_work(place):
    settings, tables, job = place
    settings.radar_dir.rmdir()
    assert job.turn(tables, NOW) == 0
    plain = Settings(data_dir=settings.data_dir)
    assert radar_feed(plain, False) is None
    assert RainJob(plain, None, (nowcaster, "x")).turn(tables, NOW) == 0
    assert isinstance(radar_feed(plain, True), SimulatedRadar)


def test_an_area_setting_cuts_frames_and_too_large_ones_are_named(place, monkeypatch):
    settings, _, _ = place
    path = write(settings.radar_dir, 0)
    scene = FolderRadar(settings.radar_dir, (51.2, 0.1, 51.4, 0.3)).scenes(NOW)[0]
    assert scene.frames[0].rate.shape == (21, 21)
    assert FolderRadar(settings.radar_dir, (0.0, 0.0, 1.0, 1.0)).scenes(NOW)[0].frames[0].rate.shape == (48, 56)
    monkeypatch.setattr("brise.service.jobs.rain_radar.MOST_CELLS", 100)
    assert FolderRadar(settings.radar_dir).scenes(NOW) == []
    assert read_file(path.with_name("gone.npz"), NOW)[1] == ["left out gone.npz: No such file or directory"]


def test_the_simulated_radar_is_labelled(tmp_path):
    settings = Settings(data_dir=tmp_path)
    stop_clock(settings)
    job = RainJob(settings, SimulatedRadar(("london",), 48), (nowcaster, "for tests"))
    with open_tables(settings) as tables:
        assert job.turn(tables, NOW) == 1
    answer = ask(settings, "/v1/rain/nowcast", {"latitude": 51.51, "longitude": -0.13})
    assert answer["provenance"]["simulated"] is True
    assert answer["provenance"]["sources"][0]["attribution"].startswith("Simulated rain")


def test_a_file_of_rates_quantiles_chances_and_members(tmp_path):
    paths = [write(tmp_path / "in", back) for back in range(3)]
    bad = tmp_path / "in" / "bad.h5"
    bad.write_bytes(b"nothing known")
    out = tmp_path / "out.npz"
    notes = nowcast_files([*paths, bad], out, nowcaster, count=3, seed=1)
    assert notes[0].startswith("left out bad.h5: no radar file that is known")
    with np.load(out) as made:
        assert made["rate"].shape == (24, 48, 56)
        assert made["quantiles"].shape == (len(QUANTILES), 24, 48, 56)
        assert made["members"].shape == (24, 3, 48, 56)
        assert made["times"][0] == f"{NOW + STEP:%Y-%m-%dT%H:%M:%S}"
        assert list(made["notes"]) == notes
        assert made["chance"].max() == 90
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.npz"]


def test_a_file_that_cannot_be_made_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        nowcast_files([tmp_path / "none.npz"], tmp_path / "out.npz", nowcaster)
    bad = tmp_path / "bad.npz"
    bad.write_bytes(b"PK")
    with pytest.raises(InputError, match=r"left out bad\.npz"):
        nowcast_files([bad], tmp_path / "out.npz", nowcaster)
    with pytest.raises(InputError, match="no radar file was given"):
        nowcast_files([], tmp_path / "out.npz", nowcaster)
    good = write(tmp_path / "in", 0)
    with pytest.raises(StoreError, match="cannot be written"):
        nowcast_files([good], tmp_path / "nowhere" / "out.npz", nowcaster)
    assert not (tmp_path / "out.npz").exists()
