from dataclasses import replace

import numpy as np
import pytest
from tests.products.fire_cases import START, grass, middle, options, stream

from brise.conventions.errors import InputError
from brise.products.fire_dead_moisture import dead_moistures
from brise.products.fire_spread import simulate
from brise.products.fire_sun import Exposures, Shadows, shadows_of

PLACE = (45.0, 0.0)
FLAT = Exposures(np.zeros((2, 1)), np.zeros(1), np.zeros((2, 1)))
LAWS = ("nelson", "fosberg")


def days(count, rain=()):
    """Hourly days that end with the fire's start: 12 to 28 degrees, 80 to 30 %."""
    hours = count * 24
    time = START + np.arange(-hours + 24, 24) * np.timedelta64(3600, "s")
    clock = (time - time.astype("datetime64[D]")) / np.timedelta64(3600, "s") + 0.5
    wave = np.cos((clock - 15) / 24 * 2 * np.pi)
    wet = np.zeros(hours)
    wet[list(rain)] = 2.0
    found = stream(hours, 2.5, temperature=293.15 + 8 * wave, relative_humidity=0.55 - 0.25 * wave, rain=wet)
    return replace(found, time=time), clock


def moist(weather, law, exposures=FLAT, **how):
    asked = options(24.0, moisture=None, dead_moisture=law, **({"place": PLACE} | how))
    return dead_moistures(weather, asked, exposures)[0][:, :, 0]


@pytest.mark.parametrize("law", LAWS)
def test_the_day_dries_fine_fuel_most(law):
    weather, clock = days(6)
    found = moist(weather, law)[-48:-24]
    swing = found.max(axis=0) - found.min(axis=0)
    assert swing[0] > 0.08 > swing[2]
    assert 12 <= clock[-48:-24][found[:, 0].argmin()] <= 17
    assert 0.02 <= found[:, 0].min() < 0.06
    assert 3 < clock[-48:-24][found[:, 0].argmax()] < 9


@pytest.mark.parametrize("law", LAWS)
def test_rain_before_the_fire_is_remembered(law):
    dry, wet = (moist(days(6, rain)[0], law) for rain in ((), range(-34, -28)))
    assert wet[-29, 0] > 0.3
    gap = (wet - dry)[-24]  # four hours after the rain
    assert gap[0] < gap[1] < wet[-29, 1]
    np.testing.assert_allclose(wet[:-40], dry[:-40], rtol=1e-12)


def test_weather_long_before_is_forgotten():
    weather, _ = days(34)
    late = replace(weather, **{
        name: getattr(weather, name)[-32 * 24 :]
        for name in ("time", "wind_speed", "wind_from", "temperature", "relative_humidity", "rain", "cloud")
    })  # fmt: skip
    for law in LAWS:
        np.testing.assert_allclose(moist(weather, law)[-24:], moist(late, law)[-24:], atol=2e-3)


def test_both_laws_agree_on_fine_fuel_where_there_is_no_sun():
    weather, _ = days(6)
    nelson, fosberg = (moist(weather, law, place=None)[-72:-24] for law in LAWS)
    np.testing.assert_allclose(nelson[:, 0], fosberg[:, 0], atol=0.025)  # as their isotherms do


def ridge():
    """A wall of 300 m runs north to south along the middle of flat ground."""
    heights = np.zeros((41, 81), np.float32)
    heights[:, 40:42] = 300.0
    return grass(41, 81, 30.0, elevation=heights)


def test_a_ridge_casts_its_shadow_west_in_the_morning_and_east_in_the_evening():
    found = shadows_of(ridge(), options(place=PLACE))
    classes = found.within((0, 41, 0, 81)).reshape(41, 81)[20]
    morning, evening = np.divmod(classes, 3)
    assert morning[36] == 2
    assert evening[36] == 0
    assert evening[45] == 2
    assert morning[45] == 0
    assert morning[0] < 2  # a kilometre away only a low sun is hidden
    turned = shadows_of(ridge(), options(place=PLACE), north=90.0)  # the grid's north is true east
    morning, evening = np.divmod(turned.within((0, 41, 0, 81)).reshape(41, 81)[20], 3)
    np.testing.assert_array_equal(morning, evening)  # so the wall runs true east, and both halves of the day are alike


def test_no_shadows_without_relief_or_place():
    assert shadows_of(grass(elevation=np.zeros((81, 81), np.float32)), options(place=PLACE)) is None
    assert shadows_of(ridge(), options()) is None
    assert shadows_of(grass(), options(place=PLACE)) is None


def test_a_large_landscape_is_thinned():
    thin = Shadows(np.array([[0, 4]], np.int8), 3)
    assert thin.within((0, 2, 1, 6)).tolist() == [0, 0, 4, 4, 4] * 2


@pytest.mark.parametrize("law", LAWS)
def test_fuel_in_a_morning_shadow_stays_moister(law):
    weather, clock = days(3)
    shade = Exposures(np.zeros((2, 1)), np.zeros(1), np.array([[28.0], [0.0]]))
    more = moist(weather, law, shade) - moist(weather, law)
    early = (clock > 5) & (clock < 8)
    assert (more[early, 0] > 0.003).all()
    np.testing.assert_allclose(more[clock == 15.5, 0], 0.0, atol=0.004)


def test_a_fire_told_by_which_law():
    weather, _ = days(3)
    land = ridge()
    start = replace(middle(land), x=(1000.0 + 30.0 * 20,))
    for law in LAWS:
        asked = options(1.0, moisture=None, dead_moisture=law, place=PLACE, parts=1)
        result = simulate(land, weather, [start], asked)
        assert any(law.title() in line and "shadows of ridges" in line for line in result.assumptions)
        assert result.provenance["dead_moisture"] == law
    with pytest.raises(InputError, match="dead moisture 'guess' is unknown"):
        options(dead_moisture="guess")
