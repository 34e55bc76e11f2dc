"""What is flagged in a tracker's rows, and what must not be."""

import numpy as np
import pytest

from brise.conventions.trackers import SampleFlag, suspect_bit
from brise.formulas.tracker_cleaning import WARM_UP_S, clock_jumps, doubts

MINUTES = 600


def judge(time=None, given=None, **columns):
    time = np.arange(MINUTES) * 60 + 1_700_000_000 if time is None else time
    return doubts(
        time,
        {k: np.asarray(v, float) for k, v in columns.items()},
        np.zeros(len(time), np.int64) if given is None else given,
        60,
    )


def rows(found, flag):
    return np.flatnonzero(found.flags & flag)


@pytest.fixture
def air():
    rng = np.random.default_rng(4)
    return {
        "no2": rng.integers(5, 60, MINUTES),
        "voc": rng.integers(100, 200, MINUTES),
        "pm25": rng.gamma(4, 2, MINUTES),
    }


def test_the_first_quarter_of_an_hour_of_gases_is_warm_up(air):
    found = judge(**air)
    assert rows(found, SampleFlag.WARM_UP).tolist() == list(range(15))
    assert (found.suspect[:15] == suspect_bit("no2") | suspect_bit("voc")).all()
    assert (found.suspect[15:] == 0).all()


def test_after_a_pause_cells_warm_up_again(air):
    time = np.arange(MINUTES) * 60 + 1_700_000_000
    time[300:] += 20 * 60
    assert rows(judge(time, **air), SampleFlag.WARM_UP).tolist() == [*range(15), *range(300, 300 + WARM_UP_S // 60)]
    assert 300 in rows(judge(time, **air), SampleFlag.DROPOUT)


def test_a_few_lost_minutes_are_a_dropout_and_no_warm_up(air):
    time = np.arange(MINUTES) * 60 + 1_700_000_000
    time[300:] += 180
    found = judge(time, **air)
    assert rows(found, SampleFlag.DROPOUT).tolist() == [0, 300]
    assert rows(found, SampleFlag.WARM_UP).max() == 14


def test_zeros_of_cells_that_were_not_ready(air):
    air["voc"][100] = 0
    air["no2"][100] = 0
    air["no2"][200] = 0  # between rows that have some
    air["no2"][300:320] = 0  # clean air
    air["pm25"][400] = np.nan
    air["no2"][400] = 0
    found = judge(**air)
    assert set(rows(found, SampleFlag.DROPOUT)) == {0, 100, 200, 400}
    assert found.suspect[100] == suspect_bit("no2") | suspect_bit("voc")
    assert found.suspect[310] == 0


def test_stuck_values(air):
    air["pm25"][200:265] = 12.34  # an hour
    air["pm25"][300:359] = 12.34  # less than one
    air["no2"][300:400] = 30  # a whole number for less than three hours
    air["voc"][300:500] = 150
    found = judge(**air)
    stuck = {name: np.flatnonzero((found.suspect & suspect_bit(name)) != 0) for name in ("pm25", "no2", "voc")}
    assert stuck["pm25"].tolist() == list(range(200, 265))
    assert (stuck["no2"] < 15).all()
    assert stuck["voc"][15:].tolist() == list(range(300, 500))


def test_spikes(air):
    air["pm25"][200] = 900.0
    air["pm25"][300:305] = 900.0  # smoke stays
    found = judge(**air)
    assert rows(found, SampleFlag.SPIKE).tolist() == [200]


def test_channels_and_clocks_that_were_flagged_make_values_suspect(air):
    given = np.zeros(MINUTES, np.int64)
    given[50], given[60] = SampleFlag.CHANNELS_DISAGREE, SampleFlag.CLOCK_JUMP
    found = judge(given=given, **air)
    assert found.suspect[50] == suspect_bit("pm25")
    assert found.suspect[60] == suspect_bit("pm25") | suspect_bit("no2") | suspect_bit("voc")


def test_nothing_is_nothing():
    assert len(judge(np.zeros(0, np.int64), no2=[]).flags) == 0


def test_two_exports_one_below_the_other_are_no_clock_jump():
    new, old = np.arange(1000, 2000) * 60, np.arange(0, 900) * 60
    assert not clock_jumps(np.r_[new, old] + 10**9, None)[0].any()
    mask, seen = clock_jumps(new + 10**9, None)
    back, _ = clock_jumps(new[500:] + 10**9 - 3600, seen)
    assert not mask.any()
    assert back.all()
    assert clock_jumps(np.zeros(0, np.int64), seen) == (pytest.approx([]), seen)
