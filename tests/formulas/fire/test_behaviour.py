"""Fuel models, surface fire, ellipse, wind and crowns: edges, limits, unknowns, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from brise.conventions.errors import InputError
from brise.formulas.fire import crown, ellipse
from brise.formulas.fire.fuel_models import FUEL_MODELS, NUMBERS, fuel_arrays, fuel_model
from brise.formulas.fire.surface import fuel_bed, spread, surface_spread, wind_limit_of
from brise.formulas.fire.wind import crown_fill, wind_adjustment

DRY = np.array([0.04, 0.05, 0.06, 0.6, 0.9])


def test_the_fifty_three_models() -> None:
    assert len(FUEL_MODELS) == 53
    assert NUMBERS["GR2"] == 102
    assert NUMBERS["NB8"] == 98
    assert [n for n, m in FUEL_MODELS.items() if m.dynamic] == [
        101, 102, 103, 104, 105, 106, 107, 108, 109, 121, 122, 123, 124, 141, 149, 161, 163,
    ]  # fmt: skip


def test_unknown_codes_are_named_and_counted() -> None:
    with pytest.raises(InputError, match=r"unknown fuel models 0, 150 in 3 of 5 cells"):
        fuel_arrays([[0, 150, 150, 102, 98]])


@pytest.mark.parametrize(
    ("load", "savr", "bed", "message"),
    [
        ((0.1, 0, 0), (6000,) * 5, (0.3, 0.2), "five classes"),
        ((0.1, 0, 0, -1, 0), (6000,) * 5, (0.3, 0.2), "load must be finite"),
        ((0.1, 0, 0, 0, 0), (6000,) * 5, (0.0, 0.2), "depth 0.0 m"),
        ((0.1, 0, 0, 0, 0), (0,) * 5, (0.3, 0.2), "surface-to-volume"),
        ((0, 0, 0, 0, 0), (6000,) * 5, (0.3, 0.2), "some load"),
    ],
)
def test_impossible_fuel_models_are_refused(load, savr, bed, message) -> None:
    with pytest.raises(InputError, match=message):
        fuel_model("own", load, savr, bed)


def test_an_own_model_joins_the_standard_ones() -> None:
    own = fuel_model("own", (0.3, 0, 0, 0, 0), (6000,) * 5, (0.3, 0.25))
    fire = surface_spread(fuel_arrays([300, 1], {**FUEL_MODELS, 300: own}), DRY, np.zeros((2, 1)), np.zeros((2, 1)))
    assert (fire.rate > 0).all()


def test_bare_ground_does_not_burn_and_unknown_moisture_is_unknown() -> None:
    fire = surface_spread(fuel_arrays([98, 102]), DRY, [[5.0], [0.0]], [[0.0], [0.3]])
    assert fire.rate[0] == fire.intensity[0] == fire.flame_length[0] == fire.residence_time[0] == 0
    wet = np.array([0.05, np.nan, np.nan, np.nan, np.nan])  # FM1 has nothing but 1 h fuel, GR2 has herbs
    fire = surface_spread(fuel_arrays([1, 102]), wet, [[5.0], [0.0]], [[0.0], [0.3]])
    assert fire.rate[0] > 0
    assert np.isnan(fire.rate[1])


def test_fuel_too_wet_to_burn_stops() -> None:
    fire = surface_spread(fuel_arrays([1]), np.full(5, 0.12), [[3.0], [0.0]], np.zeros((2, 1)))
    assert_allclose(fire.rate, 0.0, atol=1e-12)  # FM1 goes out at 12 %


def test_grids_and_lists_agree_with_single_cells() -> None:
    codes = np.array([[101, 4], [165, 98]])
    moisture = np.broadcast_to(DRY[:, None, None], (5, 2, 2))
    whole = surface_spread(fuel_arrays(codes), moisture, np.full((2, 2, 2), 1.5), np.full((2, 2, 2), 0.2))
    for at, code in np.ndenumerate(codes):
        one = surface_spread(fuel_arrays(code), DRY, [1.5, 1.5], [0.2, 0.2])
        assert_allclose([whole.rate[at], whole.direction[at]], [one.rate, one.direction], rtol=1e-12)


@pytest.mark.parametrize("shape", ellipse.FORMULAS)
def test_one_wind_and_slope_serve_a_whole_grid(shape) -> None:
    codes = np.array([[101, 4], [165, 98], [10, 122]])
    few = surface_spread(fuel_arrays(codes), DRY, [1.5, 0.5], [0.2, -0.3], shape)
    many = surface_spread(
        fuel_arrays(codes),
        DRY,
        np.ones((2, 3, 2)) * [[[1.5]], [[0.5]]],
        np.ones((2, 3, 2)) * [[[0.2]], [[-0.3]]],
        shape,
    )
    for name in ("rate", "direction", "length_to_width", "intensity"):
        assert_allclose(getattr(few, name), getattr(many, name), rtol=1e-12)


def test_flammaps_ellipse_on_flat_ground_is_behaves() -> None:
    flat = [
        surface_spread(fuel_arrays(122), DRY, [2.0, 1.0], [0.0, 0.0], s).length_to_width for s in ("behave", "flammap")
    ]
    assert_allclose(flat[0], flat[1], rtol=1e-9)


def test_a_table_of_beds_gives_the_same_fire() -> None:
    cells = np.array([[1, 0], [2, 2]])
    bed = fuel_bed(fuel_arrays([101, 122, 10]), DRY).take(cells)
    fire = spread(bed, np.ones((2, 2, 2)), np.zeros((2, 2, 2)))
    direct = surface_spread(fuel_arrays(np.array([101, 122, 10])[cells]), DRY, np.ones((2, 2, 2)), np.zeros((2, 2, 2)))
    assert_allclose(fire.rate, direct.rate, rtol=1e-12)


@given(st.floats(0, 2 * np.pi), st.floats(0.0, 15.0), st.floats(0.0, 1.0))
def test_turning_wind_and_slope_turns_the_fire(turn: float, wind: float, slope: float) -> None:
    def fire(by: float):
        blow = wind * np.array([np.sin(0.7 + by), np.cos(0.7 + by)])
        return surface_spread(fuel_arrays(122), DRY, blow, slope * np.array([np.sin(by), np.cos(by)]))

    still, turned = fire(0.0), fire(turn)
    assert_allclose(turned.rate, still.rate, rtol=1e-9)
    if still.effective_wind > 1e-3:
        off = turned.direction - still.direction - turn
        assert_allclose([np.sin(off), np.cos(off)], [0.0, 1.0], atol=1e-6)


def test_wind_limits() -> None:
    calm = np.zeros(2)
    gale = [0.0, 30.0]
    free = surface_spread(fuel_arrays(101), DRY, gale, calm)
    held = surface_spread(fuel_arrays(101), DRY, gale, calm, "behave", "rothermel")
    looser = surface_spread(fuel_arrays(101), DRY, gale, calm, "behave", "andrews")
    assert held.rate < looser.rate < free.rate
    assert_allclose(held.effective_wind, wind_limit_of(held.reaction_intensity), rtol=1e-12)
    with pytest.raises(InputError, match="wind limit 'some' is unknown"):
        wind_limit_of(1.0, "some")  # type: ignore[arg-type]


def test_ellipse_shapes() -> None:
    for formula in ellipse.FORMULAS:
        ratio = ellipse.length_to_width([0.0, 1.0, 2.0, 1e4], formula)
        assert ratio[0] == 1.0
        assert (np.diff(ratio) > 0).all()
        assert ratio[-1] == 8.0
    assert np.isnan(ellipse.length_to_width(np.nan))
    with pytest.raises(InputError, match="formula 'round' is unknown"):
        ellipse.length_to_width(1.0, "round")  # type: ignore[arg-type]


@given(st.floats(1.0, 8.0), st.floats(0.0, np.pi))
def test_the_two_rates_are_one_ellipse(ratio: float, angle: float) -> None:
    """The rate along a normal is the largest projection of the rays on it."""
    rays = np.linspace(-np.pi, np.pi, 20_001)
    projected = ellipse.rate_towards(1.0, ratio, rays) * np.cos(rays - angle)
    # 2e4 rays: the maximum of a smooth curve sampled every 3e-4 rad
    assert_allclose(ellipse.normal_rate(1.0, ratio, angle), projected.max(), rtol=1e-4)


def test_shelter_needs_enough_crowns() -> None:
    assert_allclose(wind_adjustment(0.3, 20.0, 0.1, 0.5), wind_adjustment(0.3), rtol=1e-12)
    assert wind_adjustment(0.3, 20.0, 0.9, 0.5) < wind_adjustment(0.3)
    assert_allclose(wind_adjustment(0.0), 0.0, atol=0)
    assert np.isnan(wind_adjustment(np.nan))
    assert np.isnan(wind_adjustment(0.3, np.nan, 0.5, 0.5))
    assert_allclose(crown_fill([0.0, 0.9], 1.0), [0.0, 0.3], rtol=1e-12)


def canopy(base: float, density: float) -> crown.Canopy:
    return crown.Canopy(*(np.array([v]) for v in (base, 15.0, density, 1.0)))


def test_kinds_of_fire() -> None:
    bed = crown.rothermel_bed(DRY[:, None])
    wind, flat = np.array([[0.0], [12.0]]), np.zeros((2, 1))
    full = crown.rothermel_run(bed, wind, flat)
    surface = surface_spread(fuel_arrays([165]), DRY, 0.2 * wind, flat)
    below = crown.rate_when_active(fuel_bed(fuel_arrays([165]), DRY), bed, 0.2, 0.2, 0.0)
    for method in crown.METHODS:
        kinds = [
            crown.crown_fire(surface, canopy(*c), full, method, below).kind.item()
            for c in ((0.0, 0.2), (10.0, 0.2), (1.0, 0.01), (1.0, 0.4), (np.nan, 0.2))
        ]
        assert kinds == [crown.SURFACE, crown.SURFACE, crown.PASSIVE, crown.ACTIVE, -1]
    active = crown.crown_fire(surface, canopy(1.0, 0.4), full, "scott_reinhardt", below)
    assert_allclose(active.rate, full.rate, rtol=1e-12)
    assert_allclose(active.length_to_width, full.length_to_width, rtol=1e-12)
    assert active.intensity > surface.intensity
    assert active.flame_length > surface.flame_length


def test_crown_refusals() -> None:
    surface = surface_spread(fuel_arrays([165]), DRY, np.zeros((2, 1)), np.zeros((2, 1)))
    run = crown.CrownRun(np.ones(1), np.zeros(1), np.ones(1))
    with pytest.raises(InputError, match="crown method 'own' is unknown"):
        crown.crown_fire(surface, canopy(1, 0.1), run, "own")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="wants when_active"):
        crown.crown_fire(surface, canopy(1, 0.1), run, "scott_reinhardt")
