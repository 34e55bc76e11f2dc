"""The air-quality run: shapes, honesty at the edges, degradation, provenance."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import h3
import numpy as np
import pandas as pd
import pytest

from brise.conventions.errors import InputError
from brise.conventions.grids import Grid
from brise.models.background import Background
from brise.products.air_quality import HOURS, Inputs, compute, fit_domain, leave_one_out
from brise.products.crowd_map import FED, Cell, CrowdMap, with_crowd
from brise.products.domains import domains

INIT = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def hours(make_network):
    return make_network(days=25, stations=6, variables=("pm25", "no2"))


@pytest.fixture(scope="module")
def grid(hours):
    (only,) = domains(hours.latitude, hours.longitude)
    return replace(only, step=0.05, rows=only.rows // 5 + 1, columns=only.columns // 5 + 1)


@pytest.fixture(scope="module")
def inputs(hours, grid):
    stations = pd.DataFrame({"station_id": hours.station_id, "name": "a station", "kind": "reference"})
    stations = stations.assign(source="test", attribution="us", licence="CC0")
    return Inputs(hours, stations, INIT, fit_domain(hours, grid), indices=("us_aqi", "european_aqi"))


@pytest.fixture(scope="module")
def run(inputs, grid):
    return compute(inputs, grid)


def test_shapes_types_and_meta(run, grid, inputs):
    assert run.concentration.shape == (grid.cells, 2, 3, 121)
    assert run.concentration.dtype == np.float32
    assert run.index.shape == (grid.cells, 2, 5, 121)
    assert run.nearest.shape == (grid.cells, 2, 3)
    assert run.meta["hours"] == list(HOURS)
    assert HOURS[24] == 0
    assert run.meta["variables"] == ["pm25", "no2"]
    assert run.meta["init_time"] == "2024-03-01T00:00:00Z"
    assert run.meta["stations"][0]["latest"]["pm25"] == "2024-03-01T00:00:00Z"
    assert run.meta["grid"]["rows"] == grid.rows
    assert not run.meta["simulated"]


def test_values_lie_inside_their_interval_and_above_zero(run):
    value, low, high = (run.concentration[:, :, side] for side in range(3))
    assert np.isfinite(value).all()
    assert (low >= 0).all()
    assert (low <= high).all()
    # The expectation of a skewed error may leave the interval only where the interval is nearly closed.
    assert ((value >= low) & (value <= high)).mean() > 0.99


def test_uncertainty_grows_with_the_lead(run):
    width = (run.concentration[:, 0, 2] - run.concentration[:, 0, 1]).mean(axis=0)
    assert width[24] < width[30] < width[60]


def test_the_forecast_goes_on_from_the_analysis(run):
    step = np.abs(np.diff(run.concentration[:, 0, 0], axis=1)).mean(axis=0)
    assert step[24] < 3 * step[:24].mean()


def test_indices_are_of_the_concentrations(run):
    category = run.index[:, 1, 1]
    assert np.isfinite(category[:, 24:]).all()
    assert np.isnan(run.index[:, 1, 0]).all()  # the European index is a category only
    assert set(np.unique(category[:, 24:])) <= set(range(6))


def test_the_cubes_hold_the_same_numbers(run, grid):
    field = run.cube["pm25"].to_numpy()
    assert run.cube["pm25"].dims == ("lead_time", "latitude", "longitude")
    np.testing.assert_array_equal(field.reshape(97, -1).T, run.concentration[:, 0, 0, 24:])
    np.testing.assert_array_equal(run.analysis["no2"].to_numpy().reshape(25, -1).T, run.concentration[:, 1, 0, :25])
    np.testing.assert_array_equal(
        run.cube["no2_quantile"].isel(quantile=1).to_numpy().reshape(97, -1).T, run.concentration[:, 1, 2, 24:]
    )


def test_same_inputs_same_run(inputs, grid, run):
    again = compute(inputs, grid)
    np.testing.assert_array_equal(again.concentration, run.concentration)
    np.testing.assert_array_equal(again.index, run.index)
    assert again.meta == run.meta


def test_nothing_after_init_time_is_read(inputs, grid, hours):
    row = len(hours.time) - 25
    init = INIT - pd.Timedelta(hours=24)
    values = {name: np.where(np.arange(len(m))[:, None] > row, 999.0, m) for name, m in hours.values.items()}
    earlier = replace(inputs, init_time=init)
    later = replace(earlier, hours=replace(hours, values=values))
    np.testing.assert_array_equal(compute(earlier, grid).concentration, compute(later, grid).concentration)


def test_far_from_every_station_is_unknown(inputs, grid):
    wide = Grid("wide", 53.0, 0.0, 0.5, 16, 10)
    run = compute(inputs, wide)
    known = np.isfinite(run.concentration[:, 0, 0]).all(axis=1)
    assert 0 < known.sum() < wide.cells / 2
    assert np.isnan(run.index[~known]).all()


def test_a_background_fills_what_stations_do_not_reach(inputs):
    wide = Grid("wide", 53.0, 0.0, 0.5, 16, 10)
    latitude, longitude = wide.points()
    time = np.datetime64("2024-03-01T00:00:00", "s") + np.arange(-48, 97) * np.timedelta64(3600, "s")
    field = np.full((len(time), wide.cells), 30.0)
    background = Background("a model", time, latitude, longitude, {"pm25": field, "so2": field})
    run = compute(replace(inputs, background=background), wide)
    assert run.meta["background"] == "a model"
    assert run.meta["variables"] == ["pm25", "no2", "so2"]
    assert np.isfinite(run.concentration[:, 0, 0]).all()
    # Only the background speaks of SO2, without an interval.
    np.testing.assert_allclose(run.concentration[:, 2, 0], 30.0, rtol=1e-6)
    assert np.isnan(run.concentration[:, 2, 1]).all()
    assert (run.nearest[:, 2] == -1).all()


def test_a_silent_hour_is_unknown_and_the_rest_stands(inputs, grid, hours):
    values = {name: matrix.copy() for name, matrix in hours.values.items()}
    values["pm25"][-12:-4] = np.nan
    run = compute(replace(inputs, hours=replace(hours, values=values)), grid)
    analysed = np.isfinite(run.concentration[:, 0, 0, :25]).all(axis=0)
    assert analysed[[0, 24]].all()
    assert not analysed[18]
    assert np.isfinite(run.concentration[:, 0, 0, 25:]).all()


def test_a_pollutant_without_any_measurement_is_left_out(inputs, grid, hours):
    values = {name: m if name != "no2" else np.full_like(m, np.nan) for name, m in hours.values.items()}
    run = compute(replace(inputs, hours=replace(hours, values=values)), grid)
    assert run.meta["variables"] == ["pm25"]


def test_no_measurement_at_all_says_so(inputs, grid, hours):
    run = compute(replace(inputs, hours=replace(hours, values={}), fitted={}), grid)
    assert run.concentration.shape == (grid.cells, 0, 3, 121)
    assert np.isnan(run.index).all()
    assert "no station" in run.meta["notes"][0]


def test_no_index_when_none_is_asked(inputs, grid):
    assert compute(replace(inputs, indices=()), grid).index.shape == (grid.cells, 0, 5, 121)


def test_simulated_is_labelled(inputs, grid):
    run = compute(replace(inputs, simulated=True), grid)
    assert run.meta["simulated"]
    assert "simulated" in run.cube.attrs["source"]


def test_one_simulated_station_labels_all(inputs, grid):
    kinds = ["simulated", *inputs.stations["kind"][1:]]
    run = compute(replace(inputs, stations=inputs.stations.assign(kind=kinds)), grid)
    assert run.meta["simulated"]
    assert "simulated" in run.cube.attrs["source"]


def test_a_background_speaks_where_no_station_has_reported(inputs, grid, hours):
    latitude, longitude = grid.points()
    time = np.datetime64("2024-03-01T00:00:00", "s") + np.arange(-48, 97) * np.timedelta64(3600, "s")
    background = Background("a model", time, latitude, longitude, {"pm25": np.full((len(time), grid.cells), 30.0)})
    values = {name: matrix.copy() for name, matrix in hours.values.items()}
    values["pm25"][-48:] = np.nan
    run = compute(replace(inputs, hours=replace(hours, values=values), background=background), grid)
    np.testing.assert_allclose(run.concentration[:, 0, 0, 24:], 30.0, rtol=1e-6)  # single precision
    assert np.isnan(run.concentration[:, 0, 1:, 24:]).all()  # without an interval
    assert (run.nearest[:, 0] == -1).all()


def test_the_dirtiest_air_is_published(inputs, grid, hours):
    values = {name: matrix.copy() for name, matrix in hours.values.items()}
    values["pm25"][-6:] = 9_000.0
    run = compute(replace(inputs, hours=replace(hours, values=values)), grid)  # intervals reach beyond the range
    assert np.nanmax(run.concentration[:, 0]) <= 10_000.0
    assert run.concentration[:, 0, 0, 24].max() > 5_000.0


def test_leaving_a_station_out_errs_about_as_much_as_said(inputs, grid):
    found = leave_one_out(inputs, grid, "pm25")
    assert set(found["station_id"]) <= set(inputs.hours.station_id)
    ratio = (found["measured"] - found["value"]) / found["sd"]
    assert 0.3 < ratio.std() < 2.0  # one day, six stations, parameters learnt over 25 days
    inside = ((found["measured"] >= found["q10"]) & (found["measured"] <= found["q90"])).mean()
    assert inside > 0.5


def test_leaving_out_does_not_read_the_station(inputs, grid, hours):
    values = {name: matrix.copy() for name, matrix in hours.values.items()}
    values["pm25"][:, 0] = 500.0
    changed = replace(inputs, hours=replace(hours, values=values))
    one, two = (leave_one_out(each, grid, "pm25").query("station_id == 'test:0'") for each in (inputs, changed))
    both = one.merge(two, on="time")
    np.testing.assert_array_equal(both["value_x"], both["value_y"])


def test_bad_inputs_are_named(inputs, grid):
    with pytest.raises(InputError, match="unknown index 'nope'; known are us_aqi"):
        compute(replace(inputs, indices=("nope",)), grid)
    with pytest.raises(InputError, match="the history ends at 2024-03-01T00:00:00, init_time is 2024-03-02T00:00:00"):
        compute(replace(inputs, init_time=INIT + pd.Timedelta(days=1)), grid)
    with pytest.raises(InputError, match="station 'test:0' has hours but is not described"):
        compute(replace(inputs, stations=inputs.stations.iloc[1:]), grid)


def test_the_crowd_is_heard_a_little_and_a_wrong_cell_moves_no_reference(inputs, grid, hours, run):
    """Three owners who say 500 beside a reference station that says otherwise, and the same where no station is."""
    at = hours.station_id.tolist().index(sorted(hours.station_id)[0])
    beside = h3.latlng_to_cell(hours.latitude[at], hours.longitude[at], FED)
    wrong = Cell(beside, "pm25", INIT - timedelta(hours=1), INIT, 500.0, 20.0, 3)
    wider = with_crowd(
        hours, inputs.stations.assign(latitude=0.0, longitude=0.0), CrowdMap(INIT, {("hour", FED): [wrong]})
    )
    fed = compute(replace(inputs, hours=wider[0], stations=wider[1]), grid)
    column = list(run.meta["variables"]).index("pm25")
    now = HOURS.index(0)
    before, after = (one.concentration[:, column, 0, now] for one in (run, fed))
    y, x = grid.points()
    cell = int(np.argmin((y - hours.latitude[at]) ** 2 + (x - hours.longitude[at]) ** 2))
    assert after[cell] - before[cell] < 0.15 * (500 - before[cell])
    assert (after >= before - 1).all()
    assert after[cell] > before[cell]
    assert np.nanmedian(np.abs(after - before)) < 0.02 * 500
