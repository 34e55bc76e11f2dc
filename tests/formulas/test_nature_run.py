"""The simulated atmosphere: conservation, determinism, cycles."""

from dataclasses import replace

import numpy as np
import pytest

from brise.conventions.errors import InputError
from brise.formulas.boundary_layer import LID_M
from brise.formulas.cities import CITIES
from brise.formulas.emissions import HOUR_PROFILES, SETTLED_KM2, activity, local_clock, population_density
from brise.formulas.nature_run import (
    BLOCK_H,
    SPECIES,
    Domain,
    Run,
    _breathe,
    make_domain,
    simulate,
    swirl_faces,
)
from brise.formulas.photochemistry import photolysis_rate, photostationary_no2, titration_rate
from brise.formulas.synthetic_weather import red_noise
from brise.formulas.transport import GHOST, advect, courant_weights, diffuse, pad

MONDAY = np.datetime64("2024-01-08T00", "h")
INSIDE = (slice(None), slice(GHOST, -GHOST), slice(GHOST, -GHOST))


def domain(name: str = "london", size: int = 12) -> Domain:
    city = CITIES[name]
    place = np.array([city.latitude]), np.array([city.longitude]), np.array([5e6])
    return make_domain(city, *place, size=size)


@pytest.fixture(scope="module")
def pair() -> tuple[Domain, Domain]:
    return domain("london"), domain("mexico_city")


@pytest.fixture(scope="module")
def fortnight(pair: tuple[Domain, Domain]) -> Run:
    return simulate(pair, MONDAY, MONDAY + np.timedelta64(14 * 24, "h"))


def noisy(rng: np.random.Generator) -> np.ndarray:
    field = rng.lognormal(0, 2, (3, 9, 11, 2))
    field[rng.random(field.shape) < 0.3] = 0.0
    return field


def closed(rng: np.random.Generator) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    south, east = rng.uniform(-0.45, 0.45, (10, 11, 2)), rng.uniform(-0.45, 0.45, (9, 12, 2))
    south[[0, -1]] = 0
    east[:, [0, -1]] = 0
    return courant_weights(south), courant_weights(east)


def test_a_closed_box_keeps_its_mass() -> None:
    rng = np.random.default_rng(1)
    field, weights = noisy(rng), closed(rng)
    padded = pad(field, np.full((3, 2), 7.0))
    for _ in range(200):
        advect(padded, weights[0], 1)
        advect(padded, weights[1], 2)
        diffuse(padded, np.full((2, 2), 0.2))
    after = padded[INSIDE].sum(axis=(1, 2))
    np.testing.assert_allclose(after, field.sum(axis=(1, 2)), rtol=1e-12)  # float64 algebra


def test_transport_never_turns_negative() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        padded = pad(noisy(rng), np.zeros((3, 2)))
        for axis, weights in zip((1, 2), closed(rng), strict=True):
            advect(padded, weights, axis)
        diffuse(padded, np.full((2, 2), 0.25))
        assert padded[INSIDE].min() >= -1e-12  # rounding of sums of thousands


def test_transport_moves_with_the_wind_and_lets_outside_air_in() -> None:
    field = np.zeros((1, 5, 20, 1))
    field[0, 2, 3] = 1.0
    padded = pad(field, np.zeros((1, 1)))
    weights = courant_weights(np.full((5, 21, 1), 0.5))
    for _ in range(20):
        advect(padded, weights, 2)
    moved = padded[INSIDE][0, 2, :, 0]
    centre = float((moved * np.arange(20)).sum() / moved.sum())
    np.testing.assert_allclose(centre, 13.0, atol=0.05)  # 3 + 20 x 0.5; the limiter shifts the tail a little
    padded = pad(field, np.full((1, 1), 4.0))
    for _ in range(100):
        advect(padded, weights, 2)
    np.testing.assert_allclose(padded[INSIDE], 4.0, rtol=1e-6)  # flushed 50 times over 20 cells


def test_eddies_pile_up_nothing(pair: tuple[Domain, Domain]) -> None:
    east, south = (face.astype(float) for face in swirl_faces(pair))
    for n, place in enumerate(pair):
        dy, dx = place.spacing_m
        net = np.diff(east[..., n], axis=2) / dx + np.diff(south[..., n], axis=1) / dy
        assert np.abs(net).max() * 600 < 1e-6  # float32 faces of about 1 m/s over 10 km
        assert 0.2 < np.abs(east[..., n]).max() < 1.1


def test_breathing_keeps_the_column() -> None:
    rng = np.random.default_rng(3)
    mixed, residual = rng.random((2, 3, 4, 5, 2))
    before, after = np.array([300.0, 1200.0]), np.array([1100.0, 250.0])
    column = mixed * before + residual * (LID_M - before)
    own = residual.mean(axis=(1, 2))
    kept = replace_renewal(mixed, residual, own, before, after)
    np.testing.assert_allclose(kept, column, rtol=1e-6)  # the growth factors are float32


def replace_renewal(mixed, residual, own, before, after):
    """Column after one step, with the renewal by regional air taken back."""
    share = np.float32(-np.expm1(-1 / 10.0))
    _breathe(mixed, residual, own, before, after)
    residual = (residual - share * own[:, None, None, :]) / (1 - share)
    return mixed * after + residual * (LID_M - after)


def test_photostationary_identity_and_conservation() -> None:
    rng = np.random.default_rng(4)
    nox, ox = rng.lognormal(2, 1.5, (2, 5000))
    ratio = photolysis_rate(rng.uniform(0.05, 1, 5000)) / titration_rate(rng.uniform(260, 310, 5000), 1e5)
    no2 = photostationary_no2(nox, ox, ratio)
    no, o3 = nox - no2, ox - no2
    assert min(no.min(), o3.min(), no2.min()) >= 0
    np.testing.assert_allclose(no + no2, nox, rtol=1e-12)  # NOx and Ox are kept: float64 algebra
    np.testing.assert_allclose(o3 + no2, ox, rtol=1e-12)
    np.testing.assert_allclose(no * o3, ratio * no2, rtol=1e-7)  # the scarcer of NO, O3 loses digits to subtraction
    dark = photostationary_no2(nox, ox, 0.0)
    np.testing.assert_allclose(dark, np.minimum(nox, ox), rtol=1e-7)  # root of a difference of squares


def test_photolysis_needs_light() -> None:
    np.testing.assert_array_equal(photolysis_rate([-0.5, 0.0]), [0.0, 0.0])
    clear, cloudy = photolysis_rate(0.8, [0.0, 1.0])
    np.testing.assert_allclose(cloudy, 0.4 * clear, rtol=1e-12)


def test_people_are_kept_when_spread() -> None:
    place = domain("london", size=60)
    dy, dx = place.spacing_m
    people = ((place.density - 25.0) * dy * dx / 1e6).sum()
    np.testing.assert_allclose(people, 5e6, rtol=0.02)  # cell width varies with latitude inside the grid
    assert place.density.max() < 1.5 * SETTLED_KM2
    np.testing.assert_allclose(place.industry.sum(), place.density.sum(), rtol=1e-9)
    nothing = population_density(place.grid, *np.empty((3, 0)))
    np.testing.assert_array_equal(nothing, 25.0)


def test_hours_follow_the_local_clock() -> None:
    hours = np.arange(7 * 24) + 464_808  # a week from Tuesday 2023-01-10T00Z
    busy = activity(hours, "America/New_York", (5, 6), 0.6)
    hour, weekday = local_clock(hours, "America/New_York")
    workday = [busy[(hour == h) & (weekday < 5), 0].mean() for h in range(24)]
    assert int(np.argmax(workday[:12])) in (7, 8)
    assert int(np.argmax(workday[12:])) + 12 in (17, 18)
    sunday, tuesday = busy[weekday == 6, 0].mean(), busy[weekday == 1, 0].mean()
    np.testing.assert_allclose(sunday / tuesday, 0.6, rtol=1e-9)
    np.testing.assert_allclose(HOUR_PROFILES.mean(axis=1), 1.0, rtol=1e-12)


def test_red_noise_has_unit_variance_and_forgets() -> None:
    series = red_noise(np.arange(6_000.0), np.full(40, 30.0), np.random.default_rng(5))
    np.testing.assert_allclose(series.std(axis=0).mean(), 1.0, atol=0.06)  # 40 series of 200 memories each
    lagged = (series[30:] * series[:-30]).mean()
    np.testing.assert_allclose(lagged, np.exp(-1), atol=0.08)


def test_fields_are_finite_positive_and_of_the_right_shape(fortnight: Run) -> None:
    assert set(fortnight.fields) == set(SPECIES)
    for values in fortnight.fields.values():
        assert values.shape == (14 * 24, 2, 12, 12)
        assert np.isfinite(values).all()
        assert values.min() >= 0
    assert (fortnight.fields["pm10"] >= fortnight.fields["pm25"]).all()
    assert fortnight.time[0] == MONDAY + np.timedelta64(1, "h")
    assert ((fortnight.weather.relative_humidity > 0) & (fortnight.weather.relative_humidity <= 1)).all()
    assert (fortnight.weather.mixing_height < LID_M).all()


def test_same_seed_same_air_other_seed_other_air(pair: tuple[Domain, Domain]) -> None:
    end = MONDAY + np.timedelta64(6, "h")
    first, again, other = (simulate(pair, MONDAY, end, seed) for seed in (0, 0, 1))
    for name in SPECIES:
        np.testing.assert_array_equal(first.fields[name], again.fields[name])
    assert np.abs(first.fields["pm25"] - other.fields["pm25"]).mean() > 0.5


def test_an_hour_is_the_same_whenever_the_run_starts(pair: tuple[Domain, Domain], fortnight: Run) -> None:
    start = MONDAY + np.timedelta64(75, "h")
    late = simulate(pair, start, start + np.timedelta64(5, "h"))
    for name in SPECIES:
        np.testing.assert_array_equal(late.fields[name], fortnight.fields[name][75:80])
    onward = simulate(pair, late.time[-1], late.time[-1] + np.timedelta64(3, "h"), state=late.state)
    np.testing.assert_array_equal(onward.fields["o3"], fortnight.fields["o3"][80:83])
    np.testing.assert_array_equal(onward.weather.temperature, fortnight.weather.temperature[80:83])


def test_a_domain_is_the_same_alone(pair: tuple[Domain, Domain], fortnight: Run) -> None:
    alone = simulate(pair[1:], MONDAY, MONDAY + np.timedelta64(3, "h"))
    np.testing.assert_allclose(alone.fields["no2"][:, 0], fortnight.fields["no2"][:3, 1], rtol=1e-5)  # float32


def test_a_state_of_another_hour_is_ignored(pair: tuple[Domain, Domain], fortnight: Run) -> None:
    wrong = replace(fortnight.state, hour=fortnight.state.hour + 1)
    run = simulate(pair, MONDAY, MONDAY + np.timedelta64(2, "h"), state=wrong)
    np.testing.assert_array_equal(run.fields["co"], fortnight.fields["co"][:2])


def test_blocks_join_without_a_seam(fortnight: Run) -> None:
    hours = fortnight.time.astype("datetime64[h]").astype(int) - 1
    edges = np.flatnonzero(np.diff(hours // BLOCK_H))
    assert len(edges) == 2
    for name in ("pm25", "o3", "co"):
        jumps = np.abs(np.diff(np.log(fortnight.fields[name] + 5.0), axis=0)).mean(axis=(2, 3))
        assert (jumps[edges] < np.quantile(jumps, 0.99, axis=0) * 1.5).all(), name


def test_daily_cycles_have_the_right_sign(fortnight: Run, pair: tuple[Domain, Domain]) -> None:
    hours = fortnight.time.astype("datetime64[h]").astype(int) - 1
    for n, place in enumerate(pair):
        hour, _ = local_clock(hours, place.city.timezone)
        city = {k: v[:, n, 5:7, 5:7].mean(axis=(1, 2)) for k, v in fortnight.fields.items()}
        mean = {k: np.array([v[hour == h].mean() for h in range(24)]) for k, v in city.items()}
        assert mean["o3"][13:17].mean() > 1.2 * mean["o3"][4:8].mean()
        assert mean["no"][7:10].mean() > mean["no"][2:5].mean()
        assert mean["no2"][18:21].mean() > mean["no2"][12:15].mean()
        height = np.array([fortnight.weather.mixing_height[hour == h, n].mean() for h in range(24)])
        assert height[13:16].mean() > (1.1, 2.0)[n] * height[3:6].mean()  # January: hardly any sun in London
        warm = np.array([fortnight.weather.temperature[hour == h, n].mean() for h in range(24)])
        assert 13 <= int(warm.argmax()) <= 16


def test_the_city_stands_out_of_its_region(fortnight: Run) -> None:
    for name in ("no2", "co", "pm25"):
        field = fortnight.fields[name].mean(axis=0)
        assert (field[:, 5:7, 5:7].mean(axis=(1, 2)) > 1.1 * field[:, :2].mean(axis=(1, 2))).all()


def test_simulate_refuses_nonsense(pair: tuple[Domain, Domain]) -> None:
    with pytest.raises(InputError, match="not after start"):
        simulate(pair, MONDAY, MONDAY)
    with pytest.raises(InputError, match="have 2 shapes"):
        simulate((pair[0], domain("paris", size=10)), MONDAY, MONDAY + np.timedelta64(1, "h"))
    with pytest.raises(InputError, match="have 0 shapes"):
        simulate((), MONDAY, MONDAY + np.timedelta64(1, "h"))
