"""What every radar source promises, checked over the registry; and what many files at once do."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from tests.io.sources import radar_payloads as make

from brise.conventions.errors import DecodeError, InputError
from brise.conventions.grids import Grid
from brise.conventions.rain import check_frames
from brise.io.sources.radar import Options, decode_all, rates, stamp
from brise.io.sources.radar_registry import RADARS

RECEIVED_AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
PAYLOADS = {
    "fmi": lambda: make.geotiff(np.full((40, 50), 100, np.uint8), 350_000.0, 6_720_000.0, 1000.0),
    "geotiff": lambda: make.geotiff(np.full((40, 50), 2.5, np.float32), 4.0, 52.4, 0.01, 4326),
    "mrms": lambda: make.mrms(np.full((40, 50), 2.5), reference=0.0),
    "npz": lambda: make.npz(np.full((2, 40, 50), 250, np.uint16)),
    "odim": make.odim,
}
READ = {name: radar for name, radar in RADARS.items() if radar.decode is not None}


@pytest.mark.parametrize("radar", RADARS.values(), ids=RADARS)
def test_terms_are_declared(radar):
    assert RADARS[radar.name] is radar
    for text in (radar.title, radar.licence, radar.attribution):
        assert text.strip()
    assert radar.terms_url == "" or radar.terms_url.startswith("https://")
    assert timedelta(minutes=1) <= radar.interval <= timedelta(minutes=30)
    assert (radar.decode is None) != (radar.simulate is None)


def test_every_reader_has_a_payload():
    assert set(PAYLOADS) == set(READ)


@pytest.mark.parametrize("name", READ)
def test_frames_are_whole_and_named(name):
    frames = READ[name].decode(PAYLOADS[name](), RECEIVED_AT, Options())
    assert frames
    for frame in frames:
        assert frame.source == name
        assert not frame.simulated
        assert frame.time <= np.datetime64("2026-03-01T12:05:00")
        assert (frame.rate > 0).any()
        assert abs(frame.grid(name).step - 0.01) < 1e-6


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of tags that are cut, before it raises
@pytest.mark.parametrize("name", READ)
def test_broken_payloads_raise_one_error(name):
    rng = np.random.default_rng(1)
    whole = PAYLOADS[name]()
    for size in (0, 3, 20, 200, len(whole) // 2, len(whole) * 3 // 4):
        with pytest.raises(DecodeError):
            READ[name].decode(whole[:size], RECEIVED_AT, Options())
    for _ in range(40):  # whatever is overwritten: a frame, or this error
        spoilt = bytearray(whole)
        place = int(rng.integers(0, len(whole) - 8))
        spoilt[place : place + 8] = rng.bytes(8)
        try:
            READ[name].decode(bytes(spoilt), RECEIVED_AT, Options())
        except DecodeError as error:
            assert name in str(error) or "odim" in str(error)  # noqa: PT017


def test_one_corrupt_file_among_many_is_named_and_the_rest_is_read():
    names = [f"radar_12{5 * i:02d}.h5" for i in range(5)]
    payloads = [(name, PAYLOADS["odim"]()) for name in names]
    payloads[2] = (names[2], payloads[2][1][:3000])
    frames, notes = decode_all(RADARS["odim"], payloads, RECEIVED_AT)
    assert len(frames) == 4
    assert len(notes) == 1
    assert notes[0].startswith("left out radar_1210.h5: odim: ")
    assert check_frames(frames, step_minutes=5).degraded  # all four are of 12:05


def test_a_files_name_may_tell_its_time():
    untimed = make.geotiff(np.full((40, 50), 100, np.uint8), 350_000.0, 6_720_000.0, 1000.0, when=None)
    names = ("202603011200_fmi.tif", "composite-20260301-120500.tif", "no_time_99999999999999.tif")
    frames, notes = decode_all(RADARS["fmi"], [(name, untimed) for name in names], RECEIVED_AT)
    assert [str(frame.time) for frame in frames] == ["2026-03-01T12:00:00", "2026-03-01T12:05:00"]
    assert notes == ["left out no_time_99999999999999.tif: fmi: the TIFF has no DateTime tag; give its time"]


def test_nothing_is_read_of_a_simulated_radar():
    with pytest.raises(InputError, match="simulated_radar has no files to read"):
        decode_all(RADARS["simulated_radar"], [("x", b"y")], RECEIVED_AT)


def test_the_simulated_radar_says_so_and_makes_a_sequence():
    radar = RADARS["simulated_radar"]
    grid = Grid("demo", 52.0, 4.0, 0.01, 64, 96)
    frames = [radar.simulate(grid, RECEIVED_AT + i * radar.interval) for i in range(4)]
    sequence = check_frames(frames)
    assert sequence.simulated
    assert sequence.rate.shape == (4, 64, 96)
    assert sequence.sources == ("simulated_radar",)
    assert "no radar saw it" in radar.attribution


def test_other_quantities_and_times_are_refused():
    with pytest.raises(DecodeError, match="quantity 'snow'"):
        rates(np.zeros(3, np.float32), "snow", None)
    with pytest.raises(DecodeError, match="its time 1900-01-01T00:00:00Z cannot be"):
        stamp(datetime(1900, 1, 1, tzinfo=UTC), RECEIVED_AT, "x")
    assert stamp(datetime(2026, 3, 1, 12, 0), RECEIVED_AT, "x") == np.datetime64("2026-03-01T12:00:00")  # noqa: DTZ001
