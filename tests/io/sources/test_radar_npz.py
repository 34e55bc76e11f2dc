import io
import pickle
import zipfile
from datetime import UTC, datetime

import numpy as np
import pytest

from brise.conventions.errors import DecodeError
from brise.conventions.grids import Grid
from brise.conventions.rain import check_frames
from brise.io.sources import radar_npz
from brise.io.sources.radar import Options

RECEIVED_AT = datetime(2026, 3, 1, 18, 0, tzinfo=UTC)
RATE = np.random.default_rng(3).integers(0, 900, (4, 20, 30)).astype(np.uint16)
RATE[:, :2, :3] = 65535
RATE[0, 5, 5] = 50_001  # 500.01 mm/h


def read(payload, **options):
    return radar_npz.decode(payload, RECEIVED_AT, Options(**options))


def test_frames_places_and_times(make):
    frames = read(make.npz(RATE))
    assert [str(frame.time)[11:16] for frame in frames] == ["12:00", "12:05", "12:10", "12:15"]
    expected = np.where(RATE > 50_000, np.nan, RATE / 100)
    np.testing.assert_allclose(np.stack([frame.rate for frame in frames]), expected, rtol=1e-6)  # float32
    np.testing.assert_allclose(frames[0].latitudes, 52.5 - 0.01 * np.arange(20), atol=1e-9)
    np.testing.assert_allclose(frames[0].longitudes, 4 + 0.01 * np.arange(30), atol=1e-9)
    sequence = check_frames(frames)
    assert sequence.step_minutes == 5
    assert not sequence.degraded


def test_a_grid_takes_its_part(make):
    whole = read(make.npz(RATE))
    part = read(make.npz(RATE), grid=Grid("part", 52.45, 4.1, 0.01, 6, 25))
    np.testing.assert_array_equal(part[1].rate[:, :20], whole[1].rate[5:11, 10:])
    assert np.isnan(part[1].rate[:, 20:]).all()


def test_half_the_resolution_is_averaged(make):
    frame = read(make.npz(RATE), grid=Grid("coarse", 52.485, 4.015, 0.02, 8, 12))[2]
    fine = RATE[2].astype(float) / 100
    fine[RATE[2] == 65535] = np.nan
    blocks = fine[1:17, 1:25].reshape(8, 2, 12, 2)
    known = np.isfinite(blocks).sum(axis=(1, 3))
    expected = np.where(known >= 2, np.nansum(blocks, axis=(1, 3)) / np.maximum(known, 1), np.nan)
    np.testing.assert_allclose(frame.rate, expected, rtol=1e-6)  # float32


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate": None}, "no array rate; it holds"),
        ({"rate": RATE.astype(np.float32)}, "rate is float32"),
        ({"rate": RATE[:3]}, r"uint16 \(4, 20, 30\)"),
        ({"rate": RATE[:0], "times": np.array([], "U19")}, "0 frames; 1 to 600"),
        ({"times": np.array(["noon"] * 4)}, "time 'noon' is not ISO 8601"),
        ({"times": np.array(["2027-03-01T12:00:00"] * 4)}, "2027-03-01T12:00:00Z cannot be"),
        ({"lats": np.linspace(50, 51, 20)}, "latitudes must fall"),
        ({"lats": np.r_[np.linspace(51, 50.9, 19), 50.0]}, "lats are not even"),
        ({"lats": np.arange(20)}, "lats and lons are int64"),
        ({"lons": np.array([{}] * 30)}, "lons is object"),
    ],
)
def test_what_is_wrong_is_named(make, changes, message):
    with pytest.raises(DecodeError, match=message):
        read(make.npz(RATE, **changes))


def test_corrupt_and_foreign_payloads_are_refused(make):
    whole = make.npz(RATE)
    spoilt = bytearray(whole)
    spoilt[200:240] = bytes(40)
    for broken in (whole[: len(whole) // 2], bytes(spoilt), b"PK\x03\x04", pickle.dumps({"rate": 1})):
        with pytest.raises(DecodeError, match="npz: "):
            read(broken)


def test_a_bomb_is_refused_before_room_is_made(monkeypatch):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<u2", "fortran_order": False, "shape": (10**5, 10**5, 10)})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rate.npy", header.getvalue() + bytes(100))
    with pytest.raises(DecodeError, match="200000000000 bytes, and the file holds"):
        read(packed.getvalue())
    monkeypatch.setattr(radar_npz, "MAX_BYTES", 2**20)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rate.npy", bytes(2**20 + 1))
    with pytest.raises(DecodeError, match="1048577 bytes when decompressed, more than the limit of 1048576"):
        read(packed.getvalue())


def test_real_archives(shared_data):
    payload = (shared_data / "radar" / "AU_20180616.npz").read_bytes()
    sequence = check_frames(read(payload))
    with np.load(io.BytesIO(payload)) as archive:
        packed = archive["rate"]
    assert sequence.rate.shape == packed.shape
    assert sequence.step_minutes == 6
    assert not sequence.degraded
    np.testing.assert_array_equal(np.isnan(sequence.rate), packed > 50_000)
