"""Samples of personal trackers: what passes, and each refusal."""

import numpy as np
import pandas as pd
import pytest

from brise.conventions.errors import ConventionError
from brise.conventions.trackers import (
    MEASURED,
    SAMPLE_COLUMNS,
    ReadReport,
    SampleFlag,
    check_samples,
    flag_names,
    measured,
    suspect_bit,
    suspects,
)
from brise.conventions.variables import VARIABLES


def _frame(**columns):
    base = {"time": pd.to_datetime(["2026-05-01T10:00", "2026-05-01T10:01"], utc=True), "pm25": [3.0, np.nan]}
    return pd.DataFrame(base | columns)


def test_what_is_absent_is_unknown():
    out = check_samples(_frame(reported_plume_pm25=[7, 8]))
    assert list(out.columns) == [
        *list(SAMPLE_COLUMNS)[:7],
        "pm25",
        "reported_plume_pm25",
        "flags",
        "suspect",
    ]
    assert str(out["time"].dtype) == "datetime64[s, UTC]"
    assert out["latitude"].isna().all()
    assert out["period_s"].tolist() == [60, 60]
    assert measured(out) == ["pm25"]


def test_naive_times_are_utc():
    out = check_samples(pd.DataFrame({"time": ["2026-05-01 10:00:00"]}))
    assert out["time"][0] == pd.Timestamp("2026-05-01T10:00Z")


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"latitude": [91.0, 0.0], "longitude": [1.0, 1.0]}, "not on Earth"),
        ({"latitude": [1.0, 2.0], "longitude": [np.nan, 1.0]}, "only one of latitude"),
        ({"pm25": [3.0, 1e9]}, "pm25 is outside its range in 1 rows, first row 1"),
        ({"period_s": [60, 0]}, "period_s is not positive"),
        ({"owner": ["a", "b"]}, "unknown column 'owner'"),
        ({"time": [pd.NaT, pd.Timestamp("2026-05-01")]}, "time is absent"),
    ],
)
def test_refusals(columns, why):
    with pytest.raises(ConventionError, match=why):
        check_samples(_frame(**columns))


def test_without_time():
    with pytest.raises(ConventionError, match="no column time"):
        check_samples(pd.DataFrame({"pm25": [1.0]}))


def test_every_measured_quantity_is_a_variable_and_has_its_bit():
    assert set(MEASURED) <= set(VARIABLES)
    assert len({suspect_bit(name) for name in MEASURED}) == len(MEASURED)
    out = check_samples(_frame(suspect=[suspect_bit("pm25"), suspect_bit("no2")]))
    assert suspects(out, "pm25").tolist() == [True, False]


def test_flags_have_names():
    assert flag_names(0) == ""
    assert flag_names(sum(SampleFlag)) == "|".join(f.name.lower() for f in SampleFlag)


def test_a_report_keeps_the_first_example():
    report = ReadReport()
    report.refuse("not_a_number", 2, "a.csv line 3: x")
    report.refuse("not_a_number", 1, "a.csv line 9: y")
    report.refuse("duplicate", 0, "never")
    report.note("times taken as UTC")
    report.note("times taken as UTC")
    assert report.rejected == {"not_a_number": 3}
    assert report.examples == {"not_a_number": "a.csv line 3: x"}
    assert report.notes == ["times taken as UTC"]
