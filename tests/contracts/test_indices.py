"""What every index of the registry keeps, present and future."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brise.conventions.errors import InputError
from brise.conventions.variables import VARIABLES
from brise.formulas.indices.registry import INDICES

each_index = pytest.mark.parametrize("index", INDICES.values(), ids=INDICES.keys())

CLEAN = {"pm25": 4.0, "pm10": 9.0, "pm1": 3.0, "no2": 8.0, "o3": 40.0, "so2": 3.0, "co": 250.0, "nh3": 5.0, "pb": 0.05}
CLEAN["voc"] = 100.0


def steady(index, scale=1.0, hours=36):
    return {name: np.full(hours, CLEAN[name] * scale) for name in index.pollutants}


@each_index
def test_record_is_complete(index):
    assert INDICES[index.name] is index
    assert set(index.pollutants) <= set(VARIABLES)
    assert set(index.averaging) == set(index.pollutants)
    assert all((index.title, index.rule_set, index.region))
    assert re.search(r"20\d\d", index.rule_set), "the rule set names its year"


@each_index
def test_bands_are_contiguous_and_cover_everything(index):
    assert index.bands[0].lower == 0
    assert index.bands[-1].upper == np.inf
    for band, following in zip(index.bands[:-1], index.bands[1:], strict=True):
        assert band.lower < band.upper == following.lower
    assert len(index.bands) <= 127  # positions are int8


@each_index
def test_colours_and_keys(index):
    assert all(re.fullmatch(r"#[0-9a-f]{6}", band.colour) for band in index.bands)
    assert all(band.key.startswith(f"{index.name}.") for band in index.bands)
    assert all(re.fullmatch(rf"{index.name}\.[a-z0-9_]+\.advice", band.advice) for band in index.bands)
    assert len({band.colour for band in index.bands}) == len(index.bands)


def test_keys_are_unique_over_all_indices():
    keys = [band.key for index in INDICES.values() for band in index.bands]
    assert len(set(keys)) == len(keys)


@each_index
@pytest.mark.parametrize("shape", [(36,), (3, 36), (2, 3, 36), (0, 36)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shapes_and_types(index, shape, dtype):
    air = {name: np.full(shape, CLEAN[name], dtype) for name in index.pollutants}
    result = index.compute(air)
    assert set(result.sub) == set(index.pollutants)
    for array in (result.value, result.category, result.dominant, *result.sub.values()):
        assert array.shape == shape
    assert result.category.dtype == result.dominant.dtype == np.int8


@each_index
def test_category_dominant_and_value_agree(index):
    rng = np.random.default_rng(4)
    air = {name: CLEAN[name] * rng.gamma(1, 4, (50, 36)) for name in index.pollutants}
    air["pm25"][rng.random((50, 36)) < 0.3] = np.nan
    result = index.compute(air)
    known = result.category >= 0
    assert known.any()
    np.testing.assert_array_equal(known, result.dominant >= 0)
    np.testing.assert_array_equal(known & index.has_value, ~np.isnan(result.value))
    assert result.category.max() < len(index.bands)
    largest = np.fmax.reduce(list(result.sub.values()))
    for i, name in enumerate(index.pollutants):
        picked = result.dominant == i
        np.testing.assert_array_equal(result.sub[name][picked], largest[picked])
    if index.has_value:
        lower, upper = (np.array([getattr(band, side) for band in index.bands]) for side in ("lower", "upper"))
        value, at = result.value[known], result.category[known]
        assert ((value >= lower[at]) & (value <= upper[at] + 1e-3)).all()  # 1e-3: the edge's stated tolerance


@each_index
@pytest.mark.parametrize("nothing", [np.nan, np.inf, -np.inf, -1e4, 1e9])
def test_what_cannot_be_a_measurement_is_unknown(index, nothing):
    result = index.compute({name: np.full(36, nothing) for name in index.pollutants})
    assert (result.category == -1).all()
    assert (result.dominant == -1).all()
    assert np.isnan(result.value).all()
    assert all(np.isnan(x).all() for x in result.sub.values())


@each_index
def test_just_beyond_noise_is_unknown_and_noise_is_zero(index):
    for name in index.pollutants:
        noise = VARIABLES[name].noise
        beyond = index.compute({name: np.full(36, -noise - 0.01)})
        assert np.isnan(beyond.sub[name]).all()
        within, zero = (index.compute({name: np.full(36, level)}) for level in (-noise, 0.0))
        np.testing.assert_array_equal(within.sub[name], zero.sub[name])
        assert not np.isnan(zero.sub[name][-1])


@each_index
def test_only_other_variables_is_unknown(index):
    result = index.compute({"temperature": np.full((2, 5), 290.0)})
    assert result.category.shape == (2, 5)
    assert (result.category == -1).all()


@each_index
def test_bad_input_is_refused(index):
    with pytest.raises(InputError, match="at least one pollutant"):
        index.compute({})
    with pytest.raises(InputError, match="one shape"):
        index.compute({"pm25": np.zeros(5), "no2": np.zeros(6)})
    with pytest.raises(InputError, match="one shape"):
        index.compute({"pm25": np.float64(3)})


@each_index
def test_input_is_left_alone_and_future_hours_change_nothing(index):
    rng = np.random.default_rng(5)
    air = {name: CLEAN[name] * rng.gamma(2, 1, 48) for name in index.pollutants}
    before = {name: x.copy() for name, x in air.items()}
    whole = index.compute(air)
    early = index.compute({name: x[:30] for name, x in air.items()})
    for name, x in air.items():
        np.testing.assert_array_equal(x, before[name])
    np.testing.assert_array_equal(whole.category[:30], early.category)


@each_index
@settings(derandomize=True, deadline=None)
@given(data=st.data())
def test_more_of_any_pollutant_never_lowers_the_index(index, data):
    name = data.draw(st.sampled_from(index.pollutants))
    scale = data.draw(st.floats(0.01, 20))
    levels = np.sort(CLEAN[name] * scale * np.array([1.0, data.draw(st.floats(1, 10))]))
    low, high = (
        index.compute(steady(index) | {name: np.full(36, min(level, VARIABLES[name].maximum))}) for level in levels
    )
    assert high.category[-1] >= low.category[-1]
    # 1e-9: running totals of 36 hours in float64, where an index is not rounded
    assert high.sub[name][-1] >= low.sub[name][-1] * (1 - 1e-9)
    assert not high.value[-1] < low.value[-1] * (1 - 1e-9)


@each_index
@settings(derandomize=True, deadline=None)
@given(level=st.floats(0, 400), pollutant=st.data())
def test_no_level_lacks_a_band(index, level, pollutant):
    name = pollutant.draw(st.sampled_from(index.pollutants))
    result = index.compute(steady(index) | {name: np.full(36, level)})
    assert 0 <= result.category[-1] < len(index.bands)
