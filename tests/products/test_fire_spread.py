from dataclasses import replace

import numpy as np
import pytest
from tests.products.fire_cases import DRY, START, grass, middle, options, stream

from brise.conventions.errors import InputError
from brise.conventions.fire import FireStart
from brise.formulas.fire.fuel_models import fuel_arrays, fuel_model
from brise.formulas.fire.surface import surface_spread
from brise.formulas.fire.wind import twenty_foot_wind, wind_adjustment
from brise.products.fire_run import FireOptions
from brise.products.fire_spread import barred, simulate


def test_a_fire_in_uniform_grass_grows_as_its_ellipse():
    land = grass(201, 201)
    result = simulate(land, stream(), [middle(land)], options(0.75))
    fuel = fuel_arrays(102)
    wind = [float(twenty_foot_wind(5.0) * wind_adjustment(fuel.depth)), 0.0]
    fire = surface_spread(fuel, DRY, wind, [0.0, 0.0])
    half = (fire.rate + fire.backing) * 2700 / 2
    ellipse_ha = np.pi * half * half / fire.length_to_width / 1e4
    np.testing.assert_allclose(result.area_ha(45), ellipse_ha, rtol=0.02)  # whole cells counted
    np.testing.assert_allclose(np.nanmax(result.rate), fire.rate, rtol=0.01)  # the head runs east along a row
    head = result.direction[100, 110]
    np.testing.assert_allclose(head, 90.0, atol=0.5)
    np.testing.assert_allclose(result.flame_length[100, 110], fire.flame_length, rtol=0.01)
    np.testing.assert_allclose(result.intensity[100, 110], fire.intensity, rtol=0.01)
    assert result.intensity[100, 98] < 0.4 * result.intensity[100, 110]  # it backs there
    assert set(np.unique(result.crown)) == {0, 1}


def test_the_window_changes_nothing():
    land = grass(201, 201)
    small = simulate(land, stream(), [middle(land)], options(0.4, parts=1))
    far = [middle(land), FireStart((1010.0,), (4990.0,))]  # a second fire in the corner asks for the whole map
    both = simulate(land, stream(), far, options(0.4, parts=1))
    here = np.isfinite(small.arrival)
    np.testing.assert_allclose(both.arrival[here], small.arrival[here], rtol=2e-3, atol=0.02)


def test_wind_that_turns_turns_the_fire():
    land = grass(161, 161)
    turned = simulate(land, stream(2, wind_from=[270.0, 180.0]), [middle(land)], options(1.5, parts=1))
    kept = simulate(land, stream(2), [middle(land)], options(1.5, parts=1))
    assert np.argwhere(np.isfinite(turned.arrival))[:, 0].min() < np.argwhere(np.isfinite(kept.arrival))[:, 0].min() - 5
    np.testing.assert_array_equal(turned.arrival <= 60, kept.arrival <= 60)


def test_fire_rests_between_burn_periods():
    land = grass()
    hour = np.timedelta64(3600, "s")
    periods = ((START, START + hour // 4), (START + hour, START + hour + hour // 4))
    result = simulate(land, stream(), [middle(land)], options(2.0, burn_periods=periods))
    times = result.arrival[np.isfinite(result.arrival)]
    assert not ((times > 15.01) & (times < 60)).any()
    assert (times > 60).any()
    assert times.max() <= 75.01
    with pytest.raises(InputError, match="no burn period lies within 1 h"):
        simulate(land, stream(), [middle(land)], options(1.0, burn_periods=((START - 2 * hour, START - hour),)))


def test_of_an_area_across_the_edge_the_part_within_burns():
    land = grass()
    box = FireStart((900.0, 1100.0, 1100.0, 900.0), (5100.0, 5100.0, 4900.0, 4900.0), closed=True)
    result = simulate(land, stream(), [box], options(0.1, parts=1))
    assert (result.arrival[:4, :4] <= 0.01).all()
    away = FireStart((100.0, 200.0, 200.0), (5100.0, 5100.0, 4900.0), closed=True)
    with pytest.raises(InputError, match="outside the landscape"):
        simulate(land, stream(), [away], options(0.1, parts=1))


def test_barriers_hold():
    land = grass()
    x = 1000.0 + 20.0 * 50
    result = simulate(
        barred(land, [FireStart((x, x), (3390.0, 4990.0))]), stream(), [middle(land)], options(3.0, crown="none")
    )
    assert np.isnan(result.arrival[:, 51:]).all()
    assert np.isfinite(result.arrival[:, 45]).any()
    area = barred(land, [FireStart((1100.0, 1300.0, 1300.0, 1100.0), (4900.0, 4900.0, 4700.0, 4700.0), closed=True)])
    assert (area.fuel == 99).sum() >= 100


def test_moisture_follows_the_weather_and_the_sun():
    aspect = np.full((81, 81), 0.0, np.float32)
    aspect[:, 40:] = 180.0  # the west slope faces north, the east one south
    land = grass(slope=np.full((81, 81), 0.5, np.float32), aspect=aspect, code=8)
    air = {"temperature": np.full(4, 300.0), "relative_humidity": np.full(4, 0.3)}
    told = replace(options(2.0), moisture=None, place=(45.0, 0.0))
    result = simulate(land, stream(4, 0.0, **air), [middle(land)], told)
    assert any("follows the weather" in line for line in result.assumptions)
    assert any("Live moisture was not given" in line for line in result.assumptions)
    burned = np.isfinite(result.arrival)
    assert burned[:, 41:].sum() > 1.05 * burned[:, :39].sum()
    humid = simulate(land, stream(4, 0.0, **(air | {"relative_humidity": np.full(4, 0.9)})), [middle(land)], told)
    assert humid.area_ha(1e9) < 0.8 * result.area_ha(1e9)


def test_what_is_missing_is_assumed_and_said():
    land = grass()
    plain = replace(options(0.5), moisture=None)
    result = simulate(land, stream(), [middle(land)], plain)
    assert any("6%, 7%, 8%" in line for line in result.assumptions)
    assert result.provenance["moisture_at_start"]["1h"] == 0.06
    grown = simulate(land, stream(), [middle(land)], replace(plain, place=(51.0, 4.0)))
    assert any("herbs 60%" in line for line in grown.assumptions)  # July at 51 degrees north


def test_own_fuel_models_burn():
    heath = fuel_model("HEATH", (0.5, 0, 0, 0, 0), (6000.0, 1, 1, 1, 1), (0.5, 0.3))
    land = grass(code=1001)
    result = simulate(land, stream(), [middle(land)], options(0.5, models={1001: heath}))
    assert result.area_ha(30) > 1
    with pytest.raises(InputError, match=r"unknown fuel models 1001|nothing burns"):
        simulate(land, stream(), [middle(land)], options(0.5))


def test_crowns_burn_where_the_fire_is_hot_enough():
    tall = {
        "canopy_cover": 0.5, "canopy_height": 15.0, "canopy_base": 0.5, "canopy_density": 0.2,
    }  # fmt: skip
    land = grass(code=145, **{name: np.full((81, 81), value, np.float32) for name, value in tall.items()})
    weather = stream(1, 12.0)
    crowned = simulate(land, weather, [middle(land)], options(0.4))
    bare = simulate(land, weather, [middle(land)], options(0.4, crown="none"))
    linear = simulate(land, weather, [middle(land)], options(0.4, crown="scott_reinhardt"))
    assert crowned.crown.max() >= 2
    assert bare.crown.max() == 1
    assert linear.crown.max() >= 2
    assert np.nanmax(crowned.flame_length) > np.nanmax(bare.flame_length)
    assert np.nanmax(crowned.fraction) > 0.1
    assert np.nanmax(bare.fraction) == 0


def test_embers_jump_a_road():
    tall = {"canopy_cover": 0.5, "canopy_height": 15.0, "canopy_base": 0.5, "canopy_density": 0.2}
    land = grass(61, 61, code=145, **{name: np.full((61, 61), value, np.float32) for name, value in tall.items()})
    land.fuel[:, 35:37] = 91
    asked = options(2.0, embers=2.0, seed=1)
    jumped = simulate(land, stream(2, 15.0), [middle(land)], asked)
    held = simulate(land, stream(2, 15.0), [middle(land)], replace(asked, embers=0.0))
    assert np.isfinite(jumped.arrival[:, 37:]).any()
    assert np.isnan(held.arrival[:, 37:]).all()
    again = simulate(land, stream(2, 15.0), [middle(land)], asked)
    np.testing.assert_array_equal(again.arrival, jumped.arrival)


def test_rates_multiply():
    land = grass(161, 161)
    slow = simulate(land, stream(), [middle(land)], options(0.5))
    fast = simulate(land, stream(), [middle(land)], options(0.5, rate_factor=2.0))
    one = simulate(land, stream(), [middle(land)], options(0.5, fuel_factors={102: 2.0}))
    np.testing.assert_allclose(fast.area_ha(30) / slow.area_ha(30), 4.0, rtol=0.06)  # whole cells of a small fire
    assert one.area_ha(30) == fast.area_ha(30)


def test_a_fire_that_leaves_the_map_says_so():
    land = grass(31, 31)
    assert any(
        "edge of the landscape" in line for line in simulate(land, stream(), [middle(land)], options(3.0)).warnings
    )


def test_a_fire_that_meets_the_unknown_says_so():
    land = grass()
    land.fuel[:, 45:] = -1
    result = simulate(land, stream(), [middle(land)], options(1.0))
    assert any("fuel is unknown" in line for line in result.warnings)
    assert np.isnan(result.arrival[:, 45:]).all()


def test_fuel_too_wet_to_burn_is_an_answer():
    land = grass()
    result = simulate(land, stream(), [middle(land)], options(moisture=(0.4, 0.4, 0.4, 1.5, 1.5)))
    assert np.isnan(result.arrival).all()
    assert "too wet" in result.warnings[0]


def ignited(code_at_start, neighbours):
    land = grass(11, 11)
    land.fuel[4:7, 4:7] = neighbours
    land.fuel[5, 5] = code_at_start
    return simulate(land, stream(), [middle(land)], options(0.5))


def test_a_point_beside_the_fuel_moves_onto_it():
    moved = ignited(91, 102)
    assert "urban" in "".join(moved.assumptions)
    assert np.isnan(moved.arrival[5, 5])
    with pytest.raises(InputError, match=r"nothing burns at the ignition x .*: water \(NB8, 98\)"):
        ignited(98, 98)


def test_a_point_that_roads_shut_in_gets_out():
    neighbours = np.full((3, 3), 91)
    neighbours[0, 0] = 102
    out = ignited(102, neighbours)
    assert "corners" in "".join(out.assumptions)
    assert np.isfinite(out.arrival).sum() > 4


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (FireStart((0.0,), (4900.0,)), r"x 0\.0, y 4900\.0 is outside the landscape: x 1000\.0 to 2620\.0"),
        (FireStart((1500.0,), (4500.0,), time=START - np.timedelta64(60, "s")), "outside the simulation"),
    ],
)
def test_ignitions_are_checked(start, message):
    with pytest.raises(InputError, match=message):
        simulate(grass(), stream(), [start], options())


def test_no_ignition_is_refused():
    with pytest.raises(InputError, match="no ignition"):
        simulate(grass(), stream(), [], options())


def shifted(weather, hours):
    return replace(weather, time=weather.time + np.asarray(hours) * np.timedelta64(3600, "s"))


@pytest.mark.parametrize(
    ("weather", "message"),
    [
        (shifted(stream(), [2] * 4), "begins at .* 2.0 h after"),
        (shifted(stream(), [0, 0, 5, 5]), "gap of 6.0 h"),
        (shifted(stream(), [-40] * 4), "begins at 2025-06-29|goes on for|ends at"),
        (
            stream(4, temperature=np.array([300, np.nan, 300, 300]), relative_humidity=np.full(4, 0.3)),
            "temperature nan",
        ),
        (replace(stream(), moisture={"moisture_1h": np.array([0.1, np.nan, 0.1, 0.1])}), "moisture_1h nan"),
    ],
)
def test_weather_is_checked(weather, message):
    with pytest.raises(InputError, match=message):
        simulate(grass(), weather, [middle(grass())], replace(options(4.0), moisture=None))


def test_the_last_row_is_held_and_said():
    land = grass()
    result = simulate(land, stream(2), [middle(land)], options(4.0))
    assert any("last row was held" in line for line in result.assumptions)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"hours": 0.0}, "0.0 hours"),
        ({"length_to_width": "oval"}, "'oval' is unknown: one of behave"),
        ({"crown": "all"}, "crown method 'all'"),
        ({"members": -1}, "-1 members"),
        ({"rate_factor": 0.0}, "rate factor 0.0"),
        ({"foliar_moisture": 10.0}, "foliar moisture 1000%"),
        ({"moisture": (9.0, None, None, None, None)}, "fuel moisture 900.0%"),
        ({"parts": 2}, "2 parts"),
        ({"embers": -1.0}, "-1.0 embers"),
    ],
)
def test_options_are_checked(wrong, message):
    with pytest.raises(InputError, match=message):
        FireOptions(**({"start": START, "hours": 1.0} | wrong))
