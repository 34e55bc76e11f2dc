"""Published runs and the history of analyses."""

import errno
import os
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from brise.conventions.cubes import check_cube
from brise.conventions.errors import ConventionError, InputError, StoreError
from brise.conventions.grids import Grid
from brise.io.analyses import compact, read_analyses, read_analyses_at, store_analysis
from brise.io.cubes import current, history, open_cube, prune, publish

GRID = Grid("london", north=51.6, west=-0.3, step=0.1, rows=3, columns=4)
INIT = datetime(2023, 2, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def forecast_cube(grid: Grid = GRID, init_time: datetime = INIT, value: float = 10.0) -> xr.Dataset:
    leads = np.arange(5).astype("timedelta64[h]").astype("timedelta64[ns]")
    shape = (1, len(leads), grid.rows, grid.columns)
    attributes = {"units": "ug m-3", "standard_name": "mass_concentration_of_pm2p5_ambient_aerosol_particles_in_air"}
    middle = np.full(shape, value, np.float32)
    middle[0, 0, 0, 0] = np.nan
    return xr.Dataset(
        {
            "pm25": (("init_time", "lead_time", "latitude", "longitude"), middle, attributes),
            "pm25_quantile": (
                ("init_time", "lead_time", "quantile", "latitude", "longitude"),
                np.stack([middle - 1, middle + 1], axis=2),
                attributes,
            ),
        },
        {
            "init_time": [np.datetime64(init_time.replace(tzinfo=None), "ns")],
            "lead_time": leads,
            "quantile": [0.1, 0.9],
            "latitude": grid.latitude,
            "longitude": grid.longitude,
        },
    )


def publish_run(root, grid: Grid = GRID, init_time: datetime = INIT, value: float = 10.0):
    arrays = {
        "concentration": np.full((grid.cells, 1, 3, 5), value, np.float32),
        "nearest": np.arange(grid.cells * 3, dtype=np.int32).reshape(grid.cells, 1, 3),
    }
    meta = {"init_time": init_time.isoformat(), "variables": ["pm25"], "simulated": False}
    return publish(root, "air_quality", grid, arrays, meta, forecast_cube(grid, init_time, value))


def analysis(grid: Grid, times: list[datetime], value: float, *names: str) -> xr.Dataset:
    attributes = {"units": "ug m-3", "standard_name": "x"}
    shape = (len(times), grid.rows, grid.columns)
    cells = np.arange(grid.cells, dtype=np.float32).reshape(1, grid.rows, grid.columns)
    dims = ("time", "latitude", "longitude")
    return xr.Dataset(
        {name: (dims, np.broadcast_to(value + cells, shape).copy(), attributes) for name in names or ("pm25",)},
        {
            "time": np.array([time.replace(tzinfo=None) for time in times], "datetime64[ns]"),
            "latitude": grid.latitude,
            "longitude": grid.longitude,
        },
    )


class TestPublishing:
    def test_round_trip(self, tmp_path):
        path = publish_run(tmp_path)
        run = current(tmp_path, "air_quality")["london"]
        assert (run.path, run.grid) == (path, GRID)
        assert run.meta["domain"] == "london"
        assert run.meta["grid"] == {"name": "london", "north": 51.6, "west": -0.3, "step": 0.1, "rows": 3, "columns": 4}
        assert run.meta["simulated"] is False
        assert sorted(run.arrays) == ["concentration", "nearest"]
        assert isinstance(run.arrays["concentration"], np.memmap)
        assert run.arrays["concentration"].dtype == np.float32
        np.testing.assert_array_equal(run.arrays["nearest"][5, 0], [15, 16, 17])
        cube = check_cube(open_cube(run.path / "cube.zarr"))
        xr.testing.assert_identical(cube.load(), forecast_cube())

    def test_nothing_published(self, tmp_path):
        assert current(tmp_path, "air_quality") == {}
        (tmp_path / "air_quality" / "london").mkdir(parents=True)
        (tmp_path / "air_quality" / "a file").write_text("")
        assert current(tmp_path, "air_quality") == {}
        assert history(tmp_path, "air_quality", "london") == []

    def test_readers_follow_and_old_readers_go_on(self, tmp_path):
        publish_run(tmp_path, value=1.0)
        old = current(tmp_path, "air_quality")["london"]
        assert current(tmp_path, "air_quality")["london"] is old
        for value in (2.0, 3.0, 4.0):
            publish_run(tmp_path, init_time=INIT + value * HOUR, value=value)
        prune(tmp_path, "air_quality", INIT + 9 * HOUR)
        assert current(tmp_path, "air_quality")["london"].arrays["concentration"][0, 0, 0, 0] == 4.0
        assert not old.path.exists()
        np.testing.assert_array_equal(old.arrays["concentration"], 1.0)

    def test_several_domains(self, tmp_path):
        publish_run(tmp_path)
        publish_run(tmp_path, Grid("beijing", 40.2, 116.0, 0.1, 2, 2), value=80.0)
        found = current(tmp_path, "air_quality")
        assert {name: float(run.arrays["concentration"].max()) for name, run in found.items()} == {
            "beijing": 80.0,
            "london": 10.0,
        }

    def test_a_killed_writers_leftovers_are_ignored_and_cleared(self, tmp_path):
        publish_run(tmp_path)
        folder = tmp_path / "air_quality" / "london"
        half = folder / ".20230201T010000Z-1"
        half.mkdir()
        (half / "concentration.npy").write_bytes(b"half")
        (folder / ".current-1").write_text("half")
        assert list(current(tmp_path, "air_quality")) == ["london"]
        publish_run(tmp_path, value=11.0)
        assert sorted(path.name for path in folder.iterdir()) == [".lock", "current", "runs"]

    def test_disk_full_keeps_the_old_run(self, tmp_path, monkeypatch):
        publish_run(tmp_path, value=1.0)

        def full(*_args, **_kwargs):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("xarray.Dataset.to_zarr", full)
        with pytest.raises(StoreError, match=r"london: cannot be written: .*No space left on device"):
            publish_run(tmp_path, value=2.0)
        assert current(tmp_path, "air_quality")["london"].arrays["concentration"].max() == 1.0
        assert len(history(tmp_path, "air_quality", "london")) == 1
        assert not [path for path in (tmp_path / "air_quality" / "london").glob(".*") if path.is_dir()]

    def test_refusals(self, tmp_path):
        grid = Grid("../etc", 51.6, -0.3, 0.1, 3, 4)
        with pytest.raises(InputError, match="cannot name a folder"):
            publish_run(tmp_path, grid)
        with pytest.raises(InputError, match="nearest has 5 cells, the grid 12"):
            publish(tmp_path, "air_quality", GRID, {"nearest": np.zeros(5)}, {"init_time": "x"}, forecast_cube())
        with pytest.raises(InputError, match="has no zone"):
            publish(tmp_path, "air_quality", GRID, {}, {"init_time": "2023-02-01T00:00:00"}, forecast_cube())
        with pytest.raises(ConventionError, match="has units"):
            publish(tmp_path, "air_quality", GRID, {}, {}, forecast_cube().assign(no2=xr.Variable((), 1.0)))

    def test_a_damaged_run_is_an_error_not_a_guess(self, tmp_path):
        path = publish_run(tmp_path)
        (path / "meta.json").write_text("{")
        with pytest.raises(StoreError, match="cannot be read"):
            current(tmp_path, "air_quality")
        (path / "meta.json").unlink()
        with pytest.raises(StoreError, match="cannot be read"):
            current(tmp_path, "air_quality")
        with pytest.raises(StoreError, match="cannot be read"):
            open_cube(path / "nothing.zarr")


class TestRetention:
    def test_cubes_stay_longer_than_point_major_arrays(self, tmp_path):
        paths = [publish_run(tmp_path, init_time=INIT + n * HOUR) for n in range(5)]
        assert prune(tmp_path, "air_quality", INIT + 2 * HOUR) == 2
        past = history(tmp_path, "air_quality", "london")
        assert [run.init_time for run in past] == [INIT + n * HOUR for n in (2, 3, 4)]
        assert [path.exists() for path in paths] == [False, False, True, True, True]
        assert [bool(list(path.glob("*.npy"))) for path in paths[2:]] == [False, True, True]
        assert float(open_cube(past[0].cube)["pm25"].max()) == 10.0

    def test_only_the_last_run_for_a_time_is_kept(self, tmp_path):
        paths = [publish_run(tmp_path, value=value) for value in (1.0, 2.0, 3.0)]
        assert [float(open_cube(run.cube)["pm25"].max()) for run in history(tmp_path, "air_quality", "london")] == [3.0]
        assert prune(tmp_path, "air_quality", INIT) == 1
        assert [path.exists() for path in paths] == [False, True, True]

    def test_of_older_runs_only_those_of_chosen_hours_are_kept(self, tmp_path):
        for n in range(10):
            publish_run(tmp_path, init_time=INIT + n * HOUR)
        prune(tmp_path, "air_quality", INIT - HOUR, every_h=6)
        kept = [run.init_time for run in history(tmp_path, "air_quality", "london")]
        assert kept[-2:] == [INIT + 8 * HOUR, INIT + 9 * HOUR]  # the visible one and the one before
        assert {time.hour % 6 for time in kept[:-2]} == {0}
        assert len(kept) in (3, 4)

    def test_the_visible_run_stays_however_old(self, tmp_path):
        publish_run(tmp_path, init_time=INIT + HOUR)
        publish_run(tmp_path, init_time=INIT)  # a replay that began anew
        prune(tmp_path, "air_quality", INIT + 99 * HOUR)
        assert current(tmp_path, "air_quality")["london"].meta["init_time"] == INIT.isoformat()

    def test_days_of_analyses(self, tmp_path):
        for day in range(3):
            store_analysis(tmp_path, "air_quality", "london", analysis(GRID, [INIT + day * 24 * HOUR], 1.0))
        assert prune(tmp_path, "air_quality", INIT - HOUR, INIT + 30 * HOUR) == 1
        found = read_analyses(tmp_path, "air_quality", "london", (INIT - HOUR, INIT + 99 * HOUR), (51.6, -0.3))
        assert found.index.tolist() == [pd.Timestamp(INIT + day * 24 * HOUR) for day in (1, 2)]


class TestAnalyses:
    def read(self, root, point=(51.6, -0.3), hours=72):
        return read_analyses(root, "air_quality", "london", (INIT - HOUR, INIT + hours * HOUR), point)

    def test_hours_join_their_day(self, tmp_path):
        for hour in (0, 2, 1, 23, 24):
            store_analysis(tmp_path, "air_quality", "london", analysis(GRID, [INIT + hour * HOUR], float(hour)))
        files = sorted(path.name[:10] for path in (tmp_path / "air_quality/london/analyses").iterdir())
        assert files == ["2023-02-01", "2023-02-02"]
        found = self.read(tmp_path)
        assert found["pm25"].tolist() == [0.0, 1.0, 2.0, 23.0, 24.0]
        assert found.index[-1] == pd.Timestamp(INIT + 24 * HOUR)

    def test_start_is_not_included_and_end_is(self, tmp_path):
        times = [INIT + hour * HOUR for hour in range(30)]  # across midnight in one cube
        store_analysis(tmp_path, "air_quality", "london", analysis(GRID, times, 1.0))
        found = read_analyses(tmp_path, "air_quality", "london", (INIT + HOUR, INIT + 25 * HOUR), (51.6, -0.3))
        assert found.index.tolist() == [pd.Timestamp(time) for time in times[2:26]]

    def test_an_hour_again_replaces_even_with_unknown(self, tmp_path):
        store_analysis(tmp_path, "air_quality", "london", analysis(GRID, [INIT, INIT + HOUR], 1.0))
        store_analysis(tmp_path, "air_quality", "london", analysis(GRID, [INIT], np.nan))
        np.testing.assert_array_equal(self.read(tmp_path)["pm25"], [np.nan, 1.0])

    def test_arrays_may_come_and_go(self, tmp_path):
        store_analysis(tmp_path, "air_quality", "london", analysis(GRID, [INIT], 1.0, "pm25", "no2"))
        store_analysis(tmp_path, "air_quality", "london", analysis(GRID, [INIT + HOUR], 2.0, "pm25", "o3"))
        found = self.read(tmp_path)
        assert found["pm25"].tolist() == [1.0, 2.0]
        np.testing.assert_array_equal(found["no2"], [1.0, np.nan])
        np.testing.assert_array_equal(found["o3"], [np.nan, 2.0])
        assert found["o3"].dtype == np.float32

    def test_the_cell_that_holds_the_point(self, tmp_path):
        store_analysis(tmp_path, "air_quality", "london", analysis(GRID, [INIT], 0.0))
        assert self.read(tmp_path, (51.44, -0.04))["pm25"].tolist() == [11.0]  # third row, last column, as Grid.cell
        assert GRID.cell(51.44, -0.04) == 11
        assert self.read(tmp_path, (51.44, 359.96))["pm25"].tolist() == [11.0]
        assert self.read(tmp_path, (51.6, 0.2)).empty
        assert self.read(tmp_path, (48.0, -0.3)).empty

    def test_the_grid_may_change(self, tmp_path):
        fine = Grid("london", 51.65, -0.35, 0.05, 6, 8)
        store_analysis(tmp_path, "air_quality", "london", analysis(GRID, [INIT, INIT + HOUR], 0.0))
        store_analysis(tmp_path, "air_quality", "london", analysis(fine, [INIT + HOUR, INIT + 25 * HOUR], 100.0))
        found = self.read(tmp_path, (51.6, -0.3))
        assert found["pm25"].tolist() == [0.0, 109.0, 109.0]  # the newer grid wins the hour that both have

    def test_months_that_are_past_are_put_together(self, tmp_path):
        days = range(0, 40, 3)  # from 1 February into March
        for day in days:
            names = ("pm25", "no2") if day else ("pm25",)
            cube = analysis(GRID, [INIT + day * 24 * HOUR + hour * HOUR for hour in (0, 1)], float(day), *names)
            store_analysis(tmp_path, "air_quality", "london", cube)
        before = self.read(tmp_path, hours=1000)
        folder = tmp_path / "air_quality/london/analyses"
        assert compact(tmp_path, "air_quality", "london", INIT + 35 * 24 * HOUR) == 10
        assert sorted(path.name.partition(".")[0] for path in folder.iterdir())[0] == "2023-02"
        assert len(list(folder.iterdir())) == 5
        pd.testing.assert_frame_equal(self.read(tmp_path, hours=1000), before)
        assert compact(tmp_path, "air_quality", "london", INIT + 35 * 24 * HOUR) == 0
        late = analysis(GRID, [INIT + HOUR], 77.0, "pm25", "no2")  # an hour of a month that is closed already
        store_analysis(tmp_path, "air_quality", "london", late)
        assert self.read(tmp_path, hours=1)["pm25"].tolist() == [0.0, 77.0]
        assert compact(tmp_path, "air_quality", "london", INIT + 35 * 24 * HOUR) == 1
        assert self.read(tmp_path, hours=1)["pm25"].tolist() == [0.0, 77.0]

    def test_many_points_at_once(self, tmp_path):
        store_analysis(tmp_path, "air_quality", "london", analysis(GRID, [INIT, INIT + 24 * HOUR], 0.0))
        points = [(51.6, -0.3), (48.0, 0.0), (51.44, -0.04), (51.6, -0.3)]
        found = read_analyses_at(tmp_path, "air_quality", "london", (INIT - HOUR, INIT + 24 * HOUR), points)
        np.testing.assert_array_equal(found["pm25"], [[0, np.nan, 11, 0]] * 2)
        np.testing.assert_array_equal(found["held"], [[True, False, True, True]] * 2)
        assert (
            found["time"].to_numpy().tolist()
            == analysis(GRID, [INIT, INIT + 24 * HOUR], 0.0)["time"].to_numpy().tolist()
        )

    def test_none_and_refusals(self, tmp_path):
        assert self.read(tmp_path).empty
        with pytest.raises(InputError, match="expected time, latitude, longitude"):
            store_analysis(tmp_path, "air_quality", "london", forecast_cube())
        folder = tmp_path / "air_quality" / "london" / "analyses"
        store_analysis(tmp_path, "air_quality", "london", analysis(GRID, [INIT], 1.0))
        next(folder.iterdir()).write_bytes(b"no zip")
        with pytest.raises(StoreError, match="cannot be read"):
            self.read(tmp_path)

    def test_disk_full_keeps_the_day(self, tmp_path, monkeypatch):
        store_analysis(tmp_path, "air_quality", "london", analysis(GRID, [INIT], 1.0))

        def full(*_args, **_kwargs):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(StoreError, match="No space left"):
            store_analysis(tmp_path, "air_quality", "london", analysis(GRID, [INIT + HOUR], 2.0))
        assert self.read(tmp_path)["pm25"].tolist() == [1.0]
