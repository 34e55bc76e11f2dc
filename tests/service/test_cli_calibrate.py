"""`brise tracker calibrate`: a table in, corrected values with intervals out."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from brise.conventions.errors import InputError
from brise.service.cli import app
from brise.service.jobs.tracker_calibrate import calibrate_file


def test_law_and_references_side_by_side(tmp_path):
    time = pd.date_range("2025-01-01", periods=120, freq="h")
    truth = 10 + 5 * np.sin(np.arange(120) / 9)
    table = pd.DataFrame({"time": time, "sensor": "a", "raw": 2 * truth, "rh": 50, "temperature": 15.0, "note": "x"})
    other = table.assign(sensor="b", reference=truth)
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    pd.concat([table, other]).to_csv(path, index=False)
    done = CliRunner().invoke(app, ["tracker", "calibrate", str(path), "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) | {"corrections": 0} == {
        "rows": 240, "sensors": 2, "calibrated": 1, "corrections": 0,
    }  # fmt: skip
    found = pd.read_csv(out)
    assert list(found["note"]) == ["x"] * 240
    assert ((found["q10"] <= found["corrected"]) & (found["corrected"] <= found["q90"])).all()
    own = found[found["sensor"] == "b"]
    assert np.abs(own["corrected"] - truth).max() < 0.5  # what holds the slope at its prior
    assert "beside a reference" in own["correction"].iloc[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("raw\n1\n", "no column 'time'"),
        ("time,raw\n", "no row"),
        ("time,raw\nyesterday,1\n", "row 2: time 'yesterday'"),
        ("time,raw\n2025-01-01,1\n2025-01-02,much\n", "row 3: raw 'much'"),
    ],
)
def test_bad_tables_are_named(tmp_path, text, problem):
    path = tmp_path / "in.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=problem):
        calibrate_file(path, tmp_path / "out.csv", "purpleair")


def test_unknown_makes_and_absent_files(tmp_path):
    with pytest.raises(InputError, match="'teapot'"):
        calibrate_file(tmp_path / "in.csv", tmp_path / "out.csv", "teapot")
    with pytest.raises(InputError, match="cannot be read"):
        calibrate_file(tmp_path / "in.csv", tmp_path / "out.csv", "purpleair")
