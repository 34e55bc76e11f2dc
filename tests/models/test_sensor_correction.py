"""Corrections of sensors: laws, calibrations beside a reference, and their skill on real pairs."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from brise.conventions.errors import InputError
from brise.formulas.calibration import GROWTH, barkjohn, growth_factor, purpleair_pm25, read_calibration
from brise.models.sensor_correction import CORRECTED, RAW, correct, interval
from brise.models.sensor_correction_constants import LAWS
from brise.models.sensor_correction_fit import PLAIN, Pairs, Recipe, design, fit, spread_of, unseen
from brise.models.sensor_correction_rolling import fit_against_reference, rolling

HOURS = pd.date_range("2024-03-01", periods=24 * 40, freq="h", tz="UTC")


def counter(drift=0.0, seed=3):
    """A sensor that reads 1.8 times too much and 4 too much, wet air aside; and what a reference beside it says."""
    rng = np.random.default_rng(seed)
    n = len(HOURS)
    truth = np.exp(2.3 + 0.7 * np.sin(np.arange(n) / 17) + 0.3 * rng.standard_normal(n))
    humidity = 0.6 + 0.25 * np.sin(np.arange(n) / 24 * 2 * np.pi)
    gain = 1.8 + drift * np.arange(n) / n
    raw = (gain * truth + 4 + 0.5 * rng.standard_normal(n)) * growth_factor(humidity)
    samples = pd.DataFrame({"time": HOURS, "pm25": raw, "relative_humidity": humidity, "temperature": 285.0})
    return samples, pd.Series(truth, HOURS)


def rmse(a, b):
    return float(np.sqrt(np.nanmean((np.asarray(a) - np.asarray(b)) ** 2)))


def test_every_pollutant_of_the_samples_gets_a_value_an_uncertainty_and_a_name():
    samples = pd.DataFrame({name: [10.0, np.nan] for name in CORRECTED}, index=[7, 9])
    found = correct(samples)
    assert list(found.values) == list(found.uncertainty) == list(found.names) == list(CORRECTED)
    assert found.values.index.tolist() == [7, 9]
    assert set(found.names.values()) == {RAW}  # no humidity, no make: nothing to correct by
    assert found.values.loc[9].isna().all()
    assert found.uncertainty.loc[9].isna().all()
    assert (found.uncertainty.loc[7] > 0).all()


def test_particles_of_an_unknown_make_are_dried():
    samples = pd.DataFrame({"pm1": [20.0, 20.0], "no2": [20.0, 20.0], "relative_humidity": [0.3, 0.9]})
    found = correct(samples)
    np.testing.assert_allclose(found.values["pm1"], 20 / growth_factor([0.3, 0.9]), rtol=1e-12)
    assert found.names == {"pm1": GROWTH, "no2": RAW}
    assert found.values["no2"].tolist() == [20.0, 20.0]


@pytest.mark.parametrize("make", list(LAWS))
@pytest.mark.parametrize("humidity", [0.0, 0.3, 0.9, 1.0, np.nan])
@pytest.mark.parametrize("temperature", [243.0, 285.0, 318.0, np.nan])
def test_laws_rise_with_what_was_counted_and_stay_between_their_bounds(make, humidity, temperature):
    raw = np.linspace(0, 1500, 3001)
    samples = pd.DataFrame({"pm25": raw, "relative_humidity": humidity, "temperature": temperature})
    low, value, high = interval(samples, make)
    assert (np.diff(value) >= -1e-9).all()
    assert ((low >= 0) & (low <= value) & (value <= high)).all()
    assert (value <= 15 + 1.1 * raw).all()


def test_in_smoke_a_purpleair_is_corrected_as_published():
    samples = pd.DataFrame({"pm25": [700.0, 900.0], "relative_humidity": [0.3, 0.3], "temperature": [295.0, 295.0]})
    np.testing.assert_allclose(interval(samples, "purpleair")[1], barkjohn([700.0, 900.0], 0.3), rtol=1e-12)


def test_no_law_of_an_unknown_make():
    with pytest.raises(InputError, match="'teapot'"):
        interval(pd.DataFrame({"pm25": [1.0]}), "teapot")


def test_a_sensor_beside_a_reference_learns_its_error_and_how_far_to_be_trusted():
    samples, truth = counter()
    half = len(samples) // 2
    own = fit_against_reference(samples[:half], truth, "pm25")
    later = samples[half:]
    found, before = correct(later, [own]), correct(later)
    reference = truth.to_numpy()[half:]
    assert rmse(found.values["pm25"], reference) < 0.2 * rmse(before.values["pm25"], reference)
    inside = np.abs(found.values["pm25"] - reference) <= 1.2816 * found.uncertainty["pm25"]
    assert 0.7 < inside.mean() < 0.97  # beyond its span the uncertainty grows
    assert "480 hours beside a reference, 2024-03-01" in found.names["pm25"]


def test_windows_follow_a_drift():
    samples, truth = counter(drift=1.5)
    one = correct(samples, [fit_against_reference(samples, truth, "pm25")]).values["pm25"]
    windows = rolling(samples, truth, "pm25", every=timedelta(days=8))
    assert len(windows) == 5
    assert windows[0].slope > windows[-1].slope  # the gain grew
    assert rmse(correct(samples, windows).values["pm25"], truth) < 0.8 * rmse(one, truth)


def test_a_few_bad_hours_do_not_move_it():
    samples, truth = counter()
    spoilt = samples.copy()
    spoilt.loc[::25, "pm25"] = 900.0
    clean, other = (fit_against_reference(one, truth, "pm25") for one in (samples, spoilt))
    reference = truth.to_numpy()
    assert rmse(correct(samples, [other]).values["pm25"], reference) < 3 * rmse(
        correct(samples, [clean]).values["pm25"], reference
    )


def test_too_few_hours_or_days_are_refused():
    samples, truth = counter()
    with pytest.raises(InputError, match="47 hours on 2 days"):
        fit_against_reference(samples[:47], truth, "pm25")
    with pytest.raises(InputError, match="at least 48 on 3 days"):
        fit_against_reference(samples[:48], truth, "pm25")
    with pytest.raises(InputError, match="0 hours"):
        fit_against_reference(samples, truth.shift(freq="500D"), "pm25")
    with pytest.raises(InputError, match="'co2' is not calibrated"):
        fit_against_reference(samples, truth, "co2")


def test_a_gas_sensor_learns_what_else_moves_it():
    rng = np.random.default_rng(1)
    n = len(HOURS)
    no2, ozone, kelvin = rng.gamma(4, 8, n), rng.gamma(4, 10, n), 285 + 8 * np.sin(np.arange(n) / 24 * 2 * np.pi)
    samples = pd.DataFrame(
        {"time": HOURS, "no2": 0.6 * no2 + 0.4 * ozone - 0.8 * (kelvin - 285), "o3": ozone, "temperature": kelvin}
    )
    truth = pd.Series(no2, HOURS)
    own = fit_against_reference(samples, truth, "no2", also=("temperature", "o3", "relative_humidity"))
    assert [name for name, _, _ in own.terms] == ["temperature", "o3"]  # what has no value is left out
    assert rmse(correct(samples, [own]).values["no2"], no2) < 1.5  # 0.2 and less if nothing held it at its prior


def test_calibrations_survive_their_json():
    samples, truth = counter()
    own = fit_against_reference(samples, truth, "pm25")
    assert read_calibration(json.loads(json.dumps(own.to_json()))) == own
    with pytest.raises(InputError, match="not as written"):
        read_calibration({**own.to_json(), "slope": "steep"})


def test_a_calibration_is_less_sure_outside_its_span():
    samples, truth = counter()
    own = fit_against_reference(samples[:480], truth, "pm25")
    late = pd.DataFrame({"time": [own.end, own.end + timedelta(days=60)], "pm25": 20.0, "relative_humidity": 0.5})
    error = correct(late, [own]).uncertainty["pm25"]
    np.testing.assert_allclose(error[1] / error[0], 1.5, rtol=1e-9)  # by its half in 60 days
    assert own.start == datetime(2024, 3, 1, tzinfo=UTC)


def test_fits_refuse_what_they_cannot_use():
    few = Pairs(*(np.ones(5) for _ in range(4)), np.array(["a"] * 5))
    with pytest.raises(InputError, match="3 terms cannot be fitted to 5 pairs"):
        fit(few, Recipe(PLAIN))
    with pytest.raises(InputError, match="unknown term 'moon'"):
        design(("moon",), np.ones(2), np.ones(2), np.ones(2))


def purpleair_pairs(folder):
    table = pd.read_csv(folder / "calibration" / "purpleair_vs_aqs_daily_2021_2023.csv")
    numbers = [table["A_B_Avg"], table["humidity_a"] / 100, table["temp_Celsius"] + 273.15, table["conc"]]
    return Pairs(*(one.to_numpy(float) for one in numbers), table["sensor_index"].to_numpy(str)), table["DAILY"]


def test_sensors_left_out_are_corrected_better_than_by_barkjohn(shared_data):
    pairs, _ = purpleair_pairs(shared_data)
    said = unseen(pairs, pairs.sensor, Recipe())
    published = purpleair_pm25(pairs.raw, pairs.humidity)
    assert rmse(said, pairs.reference) < 0.35 * rmse(pairs.raw, pairs.reference)  # 2.3 against 7.3
    assert rmse(said, pairs.reference) < 0.9 * rmse(published, pairs.reference)  # against 2.8


def test_months_left_out_profit_from_the_sensors_own_pairs(shared_data):
    pairs, day = purpleair_pairs(shared_data)
    month = day.str[5:7].to_numpy(str)
    alone, own = (unseen(pairs, month, Recipe(PLAIN, effects=held)) for held in (None, 10.0))
    assert rmse(own, pairs.reference) < 0.9 * rmse(alone, pairs.reference)  # 1.9 against 2.2
    spread = spread_of(own[::2], pairs.reference[::2])
    low, high = spread.interval(own[1::2])
    inside = (pairs.reference[1::2] >= low) & (pairs.reference[1::2] <= high)
    assert 0.75 < inside.mean() < 0.85
