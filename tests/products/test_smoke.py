"""The smoke of a fire: every kilogram is accounted for, it goes with the wind, and sources are checked."""

import numpy as np
import pytest

from brise.conventions.errors import InputError
from brise.conventions.fire import FireWeather
from brise.formulas.fire import demonstration
from brise.formulas.fire.emissions import emission
from brise.products import smoke
from brise.products.fire_run import FireResult

START = np.datetime64("2026-11-23T10:00:00")


def weather(speed=5.0, wind_from=270.0, hours=8):
    time = START + np.arange(-1, hours) * np.timedelta64(3600, "s")
    unknown = np.full(len(time), np.nan)
    values = (np.full(len(time), one) for one in (speed, wind_from))
    return FireWeather(time, *values, "10m", unknown, unknown, unknown, unknown)


def source(hours=3, places=4, **changes):
    given = {
        "latitude": np.linspace(-26.5, -26.49, places), "longitude": np.full(places, 28.3),
        "heat": np.full((hours, places), 2e11), "pm25": np.full((hours, places), 100.0),
    } | changes  # fmt: skip
    return smoke.Source(START, given["latitude"], given["longitude"], given["heat"], given["pm25"], 500.0)


@pytest.fixture(scope="module")
def west_wind():
    return smoke.compute(source(), weather())


def test_every_kilogram_is_over_the_map_or_blown_off_it(west_wind):
    np.testing.assert_allclose(west_wind.emitted, 400.0)
    np.testing.assert_allclose(west_wind.within + west_wind.left, 1200.0, rtol=1e-9)  # algebra
    calm = smoke.compute(source(hours=1), weather(speed=0.5))
    np.testing.assert_allclose(calm.within, 400.0, rtol=1e-3)  # none has gone so far in an hour at 1 m/s


def test_it_goes_where_the_wind_blows(west_wind):
    hour = west_wind.pm25[1]
    east_of = west_wind.grid.longitude > 28.35
    assert hour[:, east_of].sum() > 50 * hour[:, west_wind.grid.longitude < 28.25].sum()
    assert west_wind.grid.latitude[hour.sum(axis=1).argmax()] == pytest.approx(-26.495, abs=0.011)
    assert west_wind.time[0] == START + np.timedelta64(1, "h")


def test_twice_the_particles_twice_the_smoke(west_wind):
    double = smoke.compute(source(pm25=np.full((3, 4), 200.0)), weather())
    np.testing.assert_allclose(double.pm25, 2 * west_wind.pm25, rtol=1e-5)  # float32


def test_hotter_fires_leave_less_at_the_ground_near_by(west_wind):
    hot = smoke.compute(source(heat=np.full((3, 4), 2e13)), weather())
    assert hot.plume[0] > west_wind.plume[0]
    assert hot.pm25.max() < west_wind.pm25.max()


def test_hours_add_up_on_the_way(west_wind):
    assert west_wind.pm25[2].sum() > west_wind.pm25[0].sum()
    ended = smoke.compute(source(pm25=np.array([[100.0] * 4, [0.0] * 4, [0.0] * 4])), weather())
    assert ended.pm25[0].max() > 10 * ended.pm25[2].max()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"heat": np.full((3, 4), np.nan)}, "heat of hour 0 at place 0 is nan"),
        ({"pm25": np.full((3, 4), -1.0)}, "pm25 of hour 0 at place 0 is -1.0"),
        ({"pm25": np.zeros((2, 4))}, "heat of shape"),
    ],
)
def test_what_no_fire_gives_off_is_refused(changes, said):
    with pytest.raises(InputError, match=said):
        smoke.compute(source(**changes), weather())


def test_a_fire_becomes_a_source_with_all_that_burned():
    plan = demonstration.Plan(
        demonstration.FireGrid(demonstration.utm(35, south=True), 622e3, 7_073_500.0, 30.0, 60, 80)
    )
    made = demonstration.landscape(plan)
    arrival = np.full(made.grid.shape, np.nan, np.float32)
    arrival[10:40, 20:60] = np.linspace(0, 179, 40, dtype=np.float32)
    nothing = np.full(made.grid.shape, np.nan, np.float32)
    result = FireResult(made.grid, START, 3.0, arrival, nothing, nothing, nothing, nothing,
                        np.zeros(made.grid.shape, np.int8), np.full(made.grid.shape, 0.5, np.float32))  # fmt: skip
    found = smoke.source_of(made, result, lambda x, y: (x / 1e5, y / 1e5))
    crown = made.canopy_density * np.maximum(made.canopy_height - made.canopy_base, 0) * 0.5
    burned = np.isfinite(arrival)
    _, heat, pm25 = emission(made.fuel[burned], crown[burned])
    np.testing.assert_allclose(found.pm25.sum(), pm25.sum() * 900.0, rtol=1e-6)  # float32 canopies
    np.testing.assert_allclose(found.heat.sum(), heat.sum() * 900.0, rtol=1e-6)
    assert found.pm25.shape[0] == 3
    nowhere = FireResult(made.grid, START, 3.0, nothing, *[nothing] * 4, result.crown, nothing)
    assert smoke.source_of(made, nowhere, lambda x, y: (x, y)) is None
