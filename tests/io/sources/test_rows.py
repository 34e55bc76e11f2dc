"""The door every row passes: units, order of refusals, accounting."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brise.conventions.observations import Flag
from brise.io.sources.rows import NAT, Reading, collect, merge, number, seconds, station, to_storage, variable_name

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
HERE = station("x:1", 50, 10, kind="reference")


def reading(value=5.0, minutes=0, **changes):
    fields = {"station_id": "x:1", "parameter": "pm25", "unit": "µg/m³", "value": value, "period_s": 3600}
    fields["time"] = int((NOW + timedelta(minutes=minutes)).timestamp())
    return Reading(**fields | changes)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (reading(float("nan")), "not_a_number"),
        (reading(float("inf")), "not_a_number"),
        (reading(-900), "sentinel"),
        (reading(-999000), "sentinel"),
        (reading(minutes=2), "impossible_time"),
        (reading(time=NAT), "impossible_time"),
        (reading(time=0), "impossible_time"),
        (reading(parameter="um003"), "unknown_variable"),
        (reading(unit="ppm"), "unknown_unit"),
        (reading(10_001), "out_of_range"),
        (reading(-21), "out_of_range"),
        (reading(refused="indoor"), "indoor"),
    ],
)
def test_reasons(row, reason):
    batch = collect([row, reading(6.0, minutes=-60)], [HERE], NOW)
    assert batch.rejected == {reason: 1}
    assert (batch.read, len(batch.observations)) == (2, 1)


@pytest.mark.parametrize(("latitude", "longitude"), [(None, 10), ("x", 10), (91, 10), (10, 181), (0, 0)])
def test_places_that_are_none(latitude, longitude):
    batch = collect([reading()], [station("x:1", latitude, longitude, kind="reference")], NOW)
    assert batch.rejected == {"no_coordinates": 1}
    assert batch.stations.empty


def test_edges_that_hold():
    rows = [reading(-899.9, parameter="eastward_wind", unit="m/s"), reading(0.0, minutes=1), reading(-20, minutes=-60)]
    batch = collect(rows, [HERE], NOW)
    assert batch.rejected == {"out_of_range": 1}  # -899.9 is not yet a sentinel
    assert sorted(batch.observations["value"]) == [-20, 0]


def test_repeats_and_corrections():
    rows = [reading(5.0), reading(5.0), reading(7.0), reading(7.0, period_s=900), reading(7.0, flag=Flag.SUSPECT)]
    batch = collect(rows, [HERE, station("x:1", 1, 1, kind="mobile")], NOW)
    assert batch.rejected == {"duplicate": 2, "superseded": 1}
    assert sorted(batch.observations["value"]) == [7.0, 7.0]
    assert batch.stations["latitude"].tolist() == [50.0]


def test_nothing_is_a_batch_too():
    assert collect([], [], NOW).observations.empty
    assert merge([]).read == 0


def test_merge_adds_up():
    one = collect([reading(), reading(-999, minutes=-60)], [HERE], NOW)
    two = collect([reading(-999), reading(3, minutes=-120)], [HERE], NOW)
    both = merge([one, two, collect([], [], NOW)])
    assert (both.read, both.rejected, len(both.observations), len(both.stations)) == (4, {"sentinel": 2}, 2, 1)


def test_units():
    assert to_storage("pm25", "mg/m³") == (1000.0, 0.0)
    assert to_storage("relative_humidity", "%") == (0.01, 0.0)
    assert to_storage("pressure", "hPa") == (100.0, 0.0)
    assert to_storage("pm25", "ppb") is None
    assert to_storage("temperature", "µg/m³") is None
    scale, offset = to_storage("temperature", "f")
    np.testing.assert_allclose(77.0 * scale + offset, 298.15, rtol=1e-12)  # float64 algebra
    # Both micro signs, U+00B5 and U+03BC, and plain ASCII.
    assert {to_storage("o3", unit) for unit in ("\u00b5g/m³", "\u03bcg/m³", "UG/M3")} == {(1.0, 0.0)}
    # At Mexico City's height a part per billion weighs a quarter less.
    high, low = to_storage("o3", "ppb", 298.15, 77_200.0)[0], to_storage("o3", "ppb")[0]
    np.testing.assert_allclose(high / low, 77_200 / 101_325, rtol=1e-12)


@given(st.integers(631_238_400, 4_102_444_800).map(lambda s: datetime.fromtimestamp(s, UTC)))
def test_times_come_back(moment):
    assert seconds(moment.isoformat()) == int(moment.timestamp()) == seconds(moment) == seconds(moment.timestamp())


def test_times_and_numbers_that_are_none():
    assert seconds("2024-05-01T12:00:00+02:00") == int((NOW - timedelta(hours=2)).timestamp())
    assert [seconds(x) for x in ("", None, "2024-13-01", float("nan"), 1e12, True)] == [NAT] * 6
    assert all(np.isnan(number(x)) for x in (None, "-", "", [], "inf", False))
    assert variable_name(" PM2.5 ") == "pm25"
