"""Rain nowcasts in the store: compact, whole, and forgotten in time."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from brise.conventions.errors import ConventionError
from brise.conventions.grids import Grid
from brise.io import cubes, rain_runs

GRID = Grid("bay", 51.6, -0.2, 0.01, 3, 4)
INIT = datetime(2026, 11, 23, 14, tzinfo=UTC)
LEADS = [0, 5, 10]


def publish(root, init=INIT, rate=1.234):
    def field(value):
        out = np.full((GRID.rows, GRID.columns), value, np.float32)
        out[0, 0] = np.nan
        return out

    fields = {
        "rate": [[field(rate + lead) for lead in LEADS] for _ in range(3)],
        "chance": [[field(share) for _ in LEADS] for share in (1.0, 0.5)],
        "totals": [[field(0.3), field(0.0), field(700.0), field(1.0)]],
    }
    return rain_runs.publish(root, GRID, fields, {"init_time": init.isoformat(), "leads": LEADS})


def test_a_run_is_read_as_it_was_written_to_a_hundredth(tmp_path):
    publish(tmp_path)
    run = rain_runs.current(tmp_path)["bay"]
    assert {name: array.dtype.name for name, array in run.arrays.items()} == {
        "rate": "uint16", "chance": "uint8", "totals": "uint16",
    }  # fmt: skip
    np.testing.assert_allclose(rain_runs.decode(run.arrays["rate"][5, 0]), [1.23, 6.23, 11.23], rtol=1e-6)  # float32
    assert np.isnan(rain_runs.decode(run.arrays["rate"][0])).all()
    assert np.isnan(rain_runs.decode(run.arrays["chance"][0])).all()
    assert rain_runs.decode(run.arrays["chance"][1, :, 0]).tolist() == [1.0, 0.5]
    np.testing.assert_allclose(rain_runs.decode(run.arrays["totals"][1, 0, 2]), 655.34, rtol=1e-6)  # the most there is


def test_the_cube_is_kept_for_verification_and_old_ones_go(tmp_path):
    for hours in (0, 6, 7, 30):
        publish(tmp_path, INIT - timedelta(hours=30 - hours))
    rain_runs.prune(tmp_path, INIT)
    kept = cubes.history(tmp_path, rain_runs.PRODUCT, "bay")
    # 14:00 is the visible run and 15:00 (a day before) the one before it; of the rest, sixth hours of the last day
    assert [past.init_time.hour for past in kept] == [15, 14]
    cube = cubes.open_cube(kept[-1].cube)
    assert cube["rain_rate"].dims == ("lead_time", "latitude", "longitude")
    np.testing.assert_allclose(cube["rain_rate"].to_numpy()[1, 1, 1], 6.234, rtol=1e-6)


def test_an_impossible_rate_is_refused_and_the_old_run_stays(tmp_path):
    before = publish(tmp_path)
    with pytest.raises(ConventionError, match="rain_rate spans"):
        publish(tmp_path, INIT + timedelta(minutes=5), rate=600.0)
    assert rain_runs.current(tmp_path)["bay"].name == before.name
