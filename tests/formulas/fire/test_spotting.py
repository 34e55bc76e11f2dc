"""Spotting: BEHAVE's own distances, where embers fall, what they light, and the fires that they start."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from brise.conventions.errors import InputError
from brise.formulas.fire.front import Clock, Ignition, Spread, front
from brise.formulas.fire.front_spotting import Embers, Spotted, Spotting, front_with_spotting
from brise.formulas.fire.spotting import (
    LOCATIONS,
    TREES,
    Brand,
    ignition_probability,
    landing,
    over_hills,
    pile_brand,
    spotting_distance,
    surface_brand,
    torching_brand,
)

FOOT, MILE, WIND, COVER = 0.3048, 1609.344, 5 * 0.44704, 30 * 0.3048


def test_behaves_own_three_cases() -> None:
    """Ridge top a mile from the valley and 2,000 ft above it, 5 mph, 30 ft of cover: the figures of its test suite."""

    def miles(brand: Brand) -> float:
        return float(over_hills(spotting_distance(brand, WIND, COVER), "ridge_top", MILE, 2000 * FOOT) / MILE)

    spruces = torching_brand("engelmann_spruce", 20 * 0.0254, 30 * FOOT, 15)
    # 1e-6: its printed digits
    assert_allclose(miles(pile_brand(5 * FOOT)), 0.021330, atol=1e-6)
    assert_allclose(miles(surface_brand(8.523320 * FOOT, WIND)), 0.164401, atol=1e-6)
    assert_allclose(miles(spruces), 0.222396, atol=1e-6)


def test_distances_grow_with_wind_and_fire_and_end_without_them() -> None:
    wind = np.linspace(0.0, 30.0, 31)
    for species in TREES:
        one, many = (torching_brand(species, 0.4, 20.0, count) for count in (1, 10))
        far = spotting_distance(one, wind, 10.0)
        assert far[0] == 0.0
        assert (np.diff(far) > 0).all()
        assert (spotting_distance(many, wind[1:], 10.0) > far[1:]).all()
    assert spotting_distance(surface_brand(3.0, 0.0), 0.0, 0.0) == 0.0
    assert spotting_distance(surface_brand(0.0, 10.0), 10.0, 5.0) == 0.0
    lengths = spotting_distance(surface_brand(np.linspace(0.5, 10, 20), 10.0), 10.0, 1.0)
    assert (np.diff(lengths) > 0).all()
    for location in LOCATIONS:
        assert over_hills(500.0, location, 0.0, 0.0) == 500.0


def test_embers_fall_farther_from_hotter_fires_and_damp_fuel_does_not_light() -> None:
    middle, wide = landing(np.array([5e6, 20e6, 40e6]), 15.0)
    assert (np.diff(middle) > 0).all()
    assert (wide > 0).all()
    assert np.isfinite(landing(0.0, 0.0)).all()
    moisture = np.linspace(0.0, 0.5, 51)
    chance = ignition_probability(303.15, moisture)
    assert (np.diff(chance) <= 0).all()
    assert chance[0] <= 1.0
    assert chance[-1] == 0.0
    assert (ignition_probability(313.15, moisture) >= chance).all()


FLAT = np.zeros((120, 120))
TABLE = Spread(0.0, FLAT + 0.1, FLAT, FLAT)
START = [Ignition([100], [60], 0.0)]
EMBERS = Embers(FLAT + 0.05, FLAT + 8e6, FLAT + 0.5, (0.0, 12.0))
CLOCK = Clock(0.0, 4 * 3600.0)


def spot(table: Spread = TABLE, embers: Embers = EMBERS, clock: Clock = CLOCK, **how: float) -> Spotted:
    return front_with_spotting([table], START, clock, 30.0, Spotting([embers], **how), np.random.default_rng(3))


def test_spot_fires_join_the_front_and_a_seed_repeats_them() -> None:
    alone = front([TABLE], START, CLOCK, 30.0)
    found, again = spot(), spot()
    np.testing.assert_array_equal(found.front.arrival, again.front.arrival)
    assert len(found.times) > 3
    assert (found.times >= 1200.0).all()
    assert np.isfinite(found.front.arrival).sum() > np.isfinite(alone.arrival).sum()
    sooner = np.nan_to_num(found.front.arrival, nan=np.inf) <= np.nan_to_num(alone.arrival, nan=np.inf) * (1 + 1e-5)
    assert sooner.all()  # embers never slow a fire; 1e-5: float32
    y, x = np.rint(found.rows).astype(int), np.rint(found.columns).astype(int)
    # each spot fire has lit its cell by its time, and 0.71 cells of 30 m at 0.1 m/s
    assert (found.front.arrival[y, x] <= found.times + 215.0).all()
    assert found.rows.mean() < 100  # north of the fire, where the wind blows
    assert spot(embers=Embers(FLAT, FLAT + 8e6, FLAT + 0.5, (0.0, 12.0))).thrown == 0
    assert len(spot(embers=Embers(FLAT + 0.05, FLAT + 8e6, FLAT, (0.0, 12.0))).times) == 0


def test_embers_are_bounded_in_number_and_reach() -> None:
    few = spot(most=10)
    assert few.thrown == 10
    assert few.left_out > 0
    start, near = np.array([100.0, 60.0]), spot(farthest=150.0)
    # the fire itself gets 48 cells far; 150 m are five cells
    assert len(near.times) > 0
    assert (np.hypot(near.rows - start[0], near.columns - start[1]) < 48 + 5 + 1).all()
    assert near.rows.min() > spot().rows.min()


def test_embers_cross_a_river_and_wait_for_the_day() -> None:
    rate = FLAT + 0.1
    rate[85:88] = 0.0
    river = Spread(0.0, rate, FLAT, FLAT)
    many = Embers(FLAT + 1.0, FLAT + 8e6, FLAT + 0.5, (0.0, 12.0))
    assert np.isnan(front([river], START, CLOCK, 30.0).arrival[:85]).all()
    found = spot(river, many)
    assert np.isfinite(found.front.arrival[:85]).any()
    assert np.isnan(found.front.arrival[85:88]).all()
    nights = Clock(0.0, 30000.0, ((0.0, 6000.0), (20000.0, 30000.0)))
    rested = spot(river, many, nights)
    assert not ((rested.times > 6000.0) & (rested.times < 20000.0)).any()
    assert (rested.times == 20000.0).any()


def test_a_later_table_throws_its_own_embers() -> None:
    calm = Embers(FLAT, FLAT, FLAT, (0.0, 0.0))
    later = Spread(7200.0, FLAT + 0.1, FLAT, FLAT)
    rng = np.random.default_rng(3)
    found = front_with_spotting([TABLE, later], START, CLOCK, 30.0, Spotting([calm, EMBERS]), rng)
    assert found.thrown > 0
    assert (found.times >= 7200.0 + 1200.0).all()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="species 'oak' is unknown: one of engelmann_spruce"):
        torching_brand("oak", 0.3, 10.0)
    with pytest.raises(InputError, match="location 'moon' is unknown"):
        over_hills(1.0, "moon", 1.0, 1.0)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="1 tables of spread, and embers for 0"):
        front_with_spotting([TABLE], START, CLOCK, 30.0, Spotting([]), np.random.default_rng(0))
    with pytest.raises(InputError, match=r"delay is 0\.0, and must be above 0"):
        spot(delay=0.0)
    with pytest.raises(InputError, match=r"count has shape \(5,\), the rates \(120, 120\)"):
        spot(embers=Embers(np.zeros(5), FLAT, FLAT, (0.0, 1.0)))
    with pytest.raises(InputError, match="chance of table 0 is NaN, negative or infinite in 14400 cells"):
        spot(embers=Embers(FLAT, FLAT, FLAT + np.nan, (0.0, 1.0)))
