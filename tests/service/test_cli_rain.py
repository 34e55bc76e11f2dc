"""`brise nowcast`: a file of frames in, a file of the next two hours out; bad input is one line and a status."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from brise.conventions.grids import Grid
from brise.service import cli

GRID = Grid("sea", 51.0, 0.0, 0.01, 40, 44)
START = datetime(2026, 11, 23, 12, tzinfo=UTC)


def drifting(rows: int, columns: int) -> np.ndarray:
    """(4, Y, X) mm/h: patches of rain that move 2 pixels east a step, a third of it wet."""
    field = gaussian_filter(np.random.default_rng(3).normal(size=(rows, columns + 20)), 4, mode="wrap")
    rate = np.maximum(np.expm1(1.5 * (field / field.std() - 0.4)), 0).astype(np.float32)
    return np.stack([rate[:, 6 - 2 * step : 6 - 2 * step + columns] for step in range(4)])


def run(monkeypatch, capsys, *arguments, status=0):
    monkeypatch.setattr("sys.argv", ["brise", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code or 0) == status
    return capsys.readouterr()


@pytest.fixture
def frames(tmp_path):
    times = [START + timedelta(minutes=5 * step) for step in range(4)]
    rate = drifting(GRID.rows, GRID.columns)
    path = tmp_path / "frames.npz"
    packed = (rate * 100).astype(np.uint16)
    stamps = np.array([f"{time:%Y-%m-%dT%H:%M:%S}" for time in times])
    np.savez(path, rate=packed, times=stamps, lats=GRID.latitude, lons=GRID.longitude, step=np.float64(5))
    return path


def test_frames_become_a_forecast_that_can_be_read_as_frames(monkeypatch, capsys, tmp_path, frames):
    out = tmp_path / "next.npz"
    heard = run(monkeypatch, capsys, "nowcast", frames, "--out", out, "--members", 2)
    assert "rain to 120 minutes by" in heard.out
    with np.load(out) as made:
        assert made["rate"].shape == (24, GRID.rows, GRID.columns)
        assert made["members"].shape == (24, 2, GRID.rows, GRID.columns)
        assert made["times"][-1] == "2026-11-23T14:15:00"
        near = made["rate"][0].astype(float)
        known = near < 65535
        newest = np.load(frames)["rate"][-1].astype(float)
        # five minutes ahead rain is about where it was: far better than a forecast of the field upside down
        assert np.abs(near - newest)[known].mean() < 0.7 * np.abs(near - newest[::-1])[known].mean()
    again = run(monkeypatch, capsys, "nowcast", out, "--out", tmp_path / "further.npz")
    assert "rain to 120 minutes" in again.out


def test_a_corrupt_file_among_good_ones_is_named(monkeypatch, capsys, tmp_path, frames):
    bad = tmp_path / "bad.h5"
    bad.write_bytes(b"\x89HDF\r\n\x1a\n and then nothing")
    heard = run(monkeypatch, capsys, "nowcast", frames, bad, "--out", tmp_path / "next.npz")
    assert any(line.startswith("brise: left out bad.h5") for line in heard.err.splitlines())
    assert (tmp_path / "next.npz").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file"), (b"rubbish", "no radar file that is known"), (b"PK\x03\x04", "left out in.npz")],
)
def test_bad_input_is_one_line_and_nothing_is_written(monkeypatch, capsys, tmp_path, content, message):
    path = tmp_path / "in.npz"
    if content is not None:
        path.write_bytes(content)
    heard = run(monkeypatch, capsys, "nowcast", path, "--out", tmp_path / "next.npz", status=2)
    lines = [line for line in heard.err.splitlines() if line.startswith("brise: ")]
    assert len(lines) == 1
    assert message in lines[0]
    assert not (tmp_path / "next.npz").exists()
