"""Quality control: each test alone, the joined verdict, real episodes kept, injected faults found."""

import numpy as np
import pytest

from brise.conventions.errors import InputError
from brise.conventions.observations import Flag
from brise.conventions.variables import VARIABLES
from brise.formulas import quality_control as qc

PASS, UNKNOWN, SUSPECT, FAIL = (int(flag) for flag in (Flag.PASS, Flag.NOT_EVALUATED, Flag.SUSPECT, Flag.FAIL))


@pytest.fixture
def city():
    """Two days of PM2.5 at 30 stations within 20 km: a shared daily course, each station's own level and noise."""
    rng = np.random.default_rng(3)
    hours, stations = 48, 30
    course = 25 + 15 * np.sin(np.arange(hours) / 24 * 2 * np.pi)
    values = course[:, None] * rng.uniform(0.7, 1.5, stations) * rng.lognormal(0, 0.12, (hours, stations))
    return values, 51.5 + rng.uniform(-0.1, 0.1, stations), rng.uniform(-0.15, 0.15, stations)


def verdict(city, name="pm25"):
    values, latitude, longitude = city
    return qc.assess(values, latitude, longitude, name)


def test_clean_air_passes(city):
    assert (verdict(city) == PASS).mean() > 0.998


def test_gaps_are_not_evaluated(city):
    city[0][5:9, 3] = np.nan
    flags = verdict(city)
    np.testing.assert_array_equal(flags == UNKNOWN, np.isnan(city[0]))


@pytest.mark.parametrize("name", VARIABLES)
def test_range_on_both_sides_of_every_limit(name):
    row = VARIABLES[name]
    edge = np.array([[row.minimum, row.maximum, row.minimum - 1, row.maximum * 1.01 + 1]])
    flags = qc.range_flags(edge, name)[0]
    assert flags[2] == flags[3] == FAIL
    assert flags[0] == PASS
    assert flags[1] in (PASS, SUSPECT)


@pytest.mark.parametrize("name", qc.RULES)
def test_ceiling_is_suspect_not_fail(name):
    ceiling = qc.RULES[name].ceiling
    assert qc.range_flags([[ceiling, ceiling + 1]], name).tolist() == [[PASS, SUSPECT]]


@pytest.mark.parametrize("code", qc.SENTINELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sentinels_fail(code, dtype):
    assert qc.sentinel_flags(np.array([[code, 42.0]], dtype), "so2").tolist() == [[FAIL, PASS]]


def test_a_cap_is_suspect_for_particles_only():
    assert qc.sentinel_flags([[999.0, 985.0, 998.0]], "pm10").tolist() == [[SUSPECT, SUSPECT, PASS]]
    assert qc.sentinel_flags(np.array([[999.9, 1999.9]], np.float32), "pm25").tolist() == [[SUSPECT, SUSPECT]]
    assert qc.sentinel_flags([[999.0]], "co").tolist() == [[PASS]]


def test_minus_one_counts_only_in_a_row():
    x = np.array([[-1.0, -1.0], [-1.0, 2.0], [-1.0, -1.0], [4.0, -1.0], [-1.0, 3.0]])
    assert qc.sentinel_flags(x, "pm25").tolist() == [[3, 1], [3, 1], [3, 1], [1, 1], [1, 1]]


@pytest.mark.parametrize("name", qc.RULES)
def test_flat_line_on_both_sides_of_its_thresholds(name):
    rules = qc.RULES[name]

    def worst(length, level):
        x = np.arange(60.0)[:, None] + 2 * level
        x[10 : 10 + length] = level
        flags = qc.flat_line_flags(x, name)
        assert (np.delete(flags, np.s_[10 : 10 + length], axis=0) == PASS).all()
        assert len(set(flags[10 : 10 + length].ravel().tolist())) == 1  # the whole run, not only its end
        return flags[10, 0]

    loud, quiet = rules.quiet + 1, rules.quiet
    assert [worst(n, loud) for n in (rules.flat_suspect - 1, rules.flat_suspect)] == [PASS, SUSPECT]
    assert [worst(n, loud) for n in (rules.flat_fail - 1, rules.flat_fail)] == [SUSPECT, FAIL]
    assert worst(23, quiet) == PASS
    assert worst(24, quiet) == (SUSPECT if rules.flat_quiet else PASS)


def test_flat_line_sees_through_gaps_and_not_across_stations():
    x = np.full((14, 2), 50.0)
    x[1::2, 0] = np.nan  # seven known equal hours
    x[:, 1] = np.arange(14)
    x[:3, 1] = 50.0  # follows the first station's 50s when laid end to end
    flags = qc.flat_line_flags(x, "pm25")
    assert (flags[::2, 0] == SUSPECT).all()
    assert (flags[:, 1] == PASS).all()


def test_a_completed_spike_that_nobody_shares_fails(city):
    city[0][30, 4] = 700
    flags = verdict(city)
    assert flags[30, 4] == FAIL
    assert (np.delete(flags[30], 4) == PASS).all()


def test_a_spike_with_a_shoulder_is_suspect(city):
    city[0][29:32, 4] = 120, 900, 130  # a plume comes and goes
    flags = verdict(city)
    assert flags[30, 4] == SUSPECT


def test_a_code_fails_and_does_not_disturb_its_neighbours(city):
    before = verdict(city)
    city[0][30, 4] = 9999
    flags = verdict(city)
    assert flags[30, 4] == FAIL
    flags[30, 4] = before[30, 4]
    np.testing.assert_array_equal(flags, before)


def test_a_dip_to_zero_that_nobody_shares_is_flagged(city):
    city[0][30, 4] = 0
    assert verdict(city)[30, 4] >= SUSPECT


def test_the_newest_hour_is_suspect_at_most(city):
    city[0][-1, 4] = 700
    assert verdict(city)[-1, 4] == SUSPECT


def test_a_shared_episode_passes(city):
    city[0][30] *= 12
    assert (verdict(city)[30] == PASS).all()


def test_a_jump_is_seen_over_a_short_gap_not_over_a_long_one():
    x = np.array([[1.0], [np.nan], [np.nan], [5.0], [np.nan], [np.nan], [np.nan], [1.0]], np.float32)
    assert np.flatnonzero(qc.steps(x, 2.0)).tolist() == [3]
    y = np.array([[1.0], [5.0], [np.nan], [1.0]], np.float32)
    assert np.flatnonzero(qc.spikes(y, 2.0)).tolist() == [1]
    assert np.flatnonzero(qc.spikes(-y, 2.0)).tolist() == [1]
    assert not qc.spikes(y[:2], 2.0).any()  # nothing known after it


def test_a_lone_station_spike_is_suspect():
    values = np.full((24, 1), 12.0) + np.random.default_rng(0).normal(0, 1, (24, 1))
    values[12] = 600
    flags = qc.assess(values, [10.0], [10.0], "pm25")
    assert flags[12, 0] == SUSPECT
    assert (np.delete(flags, 12) == PASS).all()


def test_a_station_that_leaves_its_neighbours_is_suspect(city):
    city[0][36:, 7] = city[0][36:, 7] * 6 + 60
    flags = verdict(city)
    assert (flags[36:, 7] >= SUSPECT).mean() > 0.9
    assert (flags[:36, 7] == PASS).all()


def test_a_kerbside_habit_is_no_fault(city):
    city[0][:, 7] *= 4
    assert (verdict(city)[:, 7] == PASS).mean() > 0.9


def test_neighbours_need_shared_hours_company_and_nearness(city):
    values, latitude, longitude = city
    values[-1, 4] = 60_000 / 60  # a step, and far from the neighbours
    short = qc.assess(values[-10:], latitude, longitude, "pm25")
    assert short[-1, 4] == PASS  # fewer than twelve hours: no habit known yet
    few = [4, 0, 1]
    assert qc.assess(values[:, few], latitude[few], longitude[few], "pm25")[-1, 0] == PASS  # two neighbours
    apart = np.arange(30) * 2.0 - 30
    assert qc.assess(values, apart, longitude, "pm25")[-1, 4] == PASS  # 220 km from the next


def test_many_stations_at_one_spot_find_each_other_not_themselves():
    near = qc.neighbours(np.full(20, 51.5), np.full(20, 0.0), 8, 60.0)
    assert near.shape == (20, 8)
    assert not (near == np.arange(20)[:, None]).any()
    assert (near < 20).all()


def test_neighbours_are_the_nearest():
    rng = np.random.default_rng(8)
    latitude, longitude = rng.uniform(50, 51, 40), rng.uniform(179.5, 180.5, 40)  # across the date line
    near = qc.neighbours(latitude, (longitude + 180) % 360 - 180, 5, 1e4)
    xy = np.stack([latitude, longitude * np.cos(np.radians(50.5))], axis=1)
    distance = np.linalg.norm(xy[:, None] - xy, axis=-1) + np.diag(np.full(40, np.inf))
    agreement = np.mean([len(set(a) & set(b)) / 5 for a, b in zip(near, np.argsort(distance)[:, :5], strict=True)])
    assert agreement > 0.97  # the flat-earth check itself is off by 1 %


def test_a_repeated_series_is_suspect_once(city):
    values, latitude, longitude = city
    values[:, 9], latitude[9], longitude[9] = values[:, 2], latitude[2] + 0.001, longitude[2]
    flags = qc.assess(values, latitude, longitude, "pm25")
    assert (flags[:, 9] == SUSPECT).all()
    assert (flags[:, 2] == PASS).all()


def test_not_every_equality_is_a_repetition():
    same = [51.5, 51.5], [0.0, 0.0]
    course = np.arange(24.0)[:, None] * [1, 1]
    assert qc.duplicate_series(course, *same).tolist() == [False, True]
    assert not qc.duplicate_series(course[:11], *same).any()  # too short
    assert not qc.duplicate_series(np.full((24, 2), 3.0), *same).any()  # constant: says nothing
    assert not qc.duplicate_series(np.add(course, [[0, 0.1]]), *same).any()
    assert not qc.duplicate_series(course, [51.5, 51.51], [0.0, 0.0]).any()  # 1.1 km apart
    assert not qc.duplicate_series(np.where(np.arange(24)[:, None] < [24, 11], course, np.nan), *same).any()


@pytest.mark.parametrize("shape", [(0, 0), (5, 0), (0, 3), (1, 1), (1, 5), (48, 1)])
def test_any_size_is_answered(shape):
    flags = qc.assess(np.full(shape, 7.3), np.zeros(shape[1]), np.zeros(shape[1]), "pm25")
    assert flags.shape == shape
    assert flags.dtype == np.int8


def test_nothing_known_is_not_evaluated(city):
    _, latitude, longitude = city
    flags = qc.assess(np.full((48, 30), np.nan), latitude, longitude, "o3")
    assert (flags == UNKNOWN).all()


def test_a_variable_without_rules_gets_the_range():
    flags = qc.assess([[290.0, 400.0, np.nan]], [0.0, 1.0, 2.0], [0.0, 1.0, 2.0], "temperature")
    assert flags.tolist() == [[PASS, FAIL, UNKNOWN]]


def test_bad_input_is_refused():
    with pytest.raises(InputError, match=r"expected \(T, S\)"):
        qc.assess(np.zeros(5), np.zeros(5), np.zeros(5), "pm25")
    with pytest.raises(InputError, match=r"expected \(T, S\)"):
        qc.assess(np.zeros((5, 3)), np.zeros(2), np.zeros(3), "pm25")
    with pytest.raises(InputError, match="unknown variable 'dust'"):
        qc.assess(np.zeros((5, 3)), np.zeros(3), np.zeros(3), "dust")


def test_input_is_left_alone(city):
    before = city[0].copy()
    verdict(city)
    np.testing.assert_array_equal(city[0], before)


def blocks(shared_data, file, column, **only):
    """Two-day (T, S) windows of a file of real hours."""
    import pandas as pd

    frame = pd.read_parquet(shared_data / "air" / file)
    for key, value in only.items():
        frame = frame[frame[key] == value]
    table = frame.pivot_table(index="time_utc", columns="station_id", values=column, observed=True)
    table = table.reindex(pd.date_range(table.index[0], table.index[-1], freq="h"))
    place = frame.drop_duplicates("station_id").set_index("station_id").loc[table.columns]
    values = table.to_numpy()
    for start in range(0, len(values) - 47, 48):
        yield values[start : start + 48], place["lat"].to_numpy(), place["lon"].to_numpy()


def shares(windows, name, above):
    """Shares flagged suspect and fail among the hours above a level."""
    flags = np.concatenate([qc.assess(x, *place, name)[x > above] for x, *place in windows])
    assert len(flags) > 500
    return (flags == SUSPECT).mean(), (flags == FAIL).mean()


def test_real_smoke_is_kept(shared_data):
    suspect, fail = shares(
        blocks(shared_data, "us_smoke_2015_2018.parquet", "pm25_ugm3", event="Camp_Fire"), "pm25", 150
    )
    assert suspect < 0.02
    assert fail < 0.002


def test_real_winter_haze_is_kept(shared_data):
    windows = list(blocks(shared_data, "beijing_2013_2017.parquet", "pm25_ugm3"))[-230:]  # December 2015 on
    suspect, fail = shares(windows, "pm25", 250)
    assert suspect < 0.01
    assert fail < 0.002


def test_real_traffic_is_kept(shared_data):
    windows = list(blocks(shared_data, "london_2020_2023.parquet", "no2_ugm3"))[:120]
    suspect, fail = shares(windows, "no2", 80)
    assert suspect < 0.005
    assert fail < 0.002
