"""A tiny training of the rain nowcaster, from sequences to nowcasts: no leak, no break, and the same again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the training extra is not installed")

from brise.conventions.errors import InputError, NotFoundError
from brise.formulas.motion_kernels import blur
from brise.io.artifacts import Artifacts
from brise.models.rain_forecast import check_rain_forecast
from brise.models.rain_samples import RainEvent, Sampling, lessons
from brise.models.rain_serving import Nowcaster, open_nowcaster
from brise.models.rain_training import predict
from brise.service.jobs import train_rain
from brise.service.jobs.rain_model import open_centre
from brise.service.jobs.rain_model import open_nowcaster as chosen
from brise.service.jobs.train import read_config, train

LEADS = np.array([5.0, 20.0, 60.0])
CONFIG = """
family = "rain"
name = "tiny-rain"
title = "A tiny one"
members = 1
recipe = { steps = 8, warmup = 2, validate_every = 8 }
module = { hidden = 8, batch = 96 }
sampling = { windows = 3, window_points = 30, fields = 2, field_points = 200 }
"""


def made_rain(seed: int, frames: int = 26, side: int = 136) -> np.ndarray:
    """(T, side, side) mm/h: showers that move and breathe."""
    rng = np.random.default_rng(seed)
    bell = np.exp(-0.5 * (np.arange(13, dtype=np.float32) / 4) ** 2)
    noise = blur(rng.normal(size=(2, side + 100, side + 100)).astype(np.float32), bell / (2 * bell.sum() - 1))
    out = []
    for t in range(frames):
        mixed = np.cos(0.06 * t) * noise[0] + np.sin(0.06 * t) * noise[1]
        part = mixed[50 - 2 * (t % 20) :, 10 + 2 * t :][:side, :side]
        out.append(np.maximum(np.exp(30 * part) - 1.5, 0))
    return np.round(np.clip(np.stack(out), 0, 90), 2).astype(np.float32)


def made_sequence(path: Path, seed: int) -> None:
    rain = made_rain(seed)
    times = np.datetime64("2021-06-01T00:00:00") + np.arange(len(rain)) * np.timedelta64(5, "m")
    latitudes = (50 - 0.01 * np.arange(rain.shape[1])).astype(np.float32)
    longitudes = (10 + 0.01 * np.arange(rain.shape[2])).astype(np.float32)
    packed = np.round(rain * 100).astype(np.uint16)
    np.savez(path, rate=packed, times=np.datetime_as_string(times), lats=latitudes, lons=longitudes, step=5)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, Artifacts, str]:
    folder = tmp_path_factory.mktemp("rain")
    text = CONFIG
    for seed in range(3):
        made_sequence(folder / f"event{seed}.npz", seed)
        text += f'\n[[events]]\narchive = "event{seed}.npz"\nlicence = "CC0-1.0"\n'
    (folder / "tiny.toml").write_text(text)
    store = Artifacts(folder / "models")
    return folder, store, train(read_config(folder / "tiny.toml"), folder, folder / "experiment", store)


@pytest.fixture(scope="module")
def nowcaster(trained) -> Nowcaster:
    return open_nowcaster(trained[1].read(trained[2]))


def test_the_artifact_says_what_it_is_and_answers_in_the_service(trained):
    _, store, digest = trained
    files = store.read(digest)
    card = json.loads(files["card.json"])
    assert card["events"] == ["event0", "event1", "event2"]
    assert {f"without_{name}.onnx" for name in card["events"]} < set(files)
    assert all(0 < value < 10 for one in card["metrics"].values() for value in one.values())
    assert json.loads(files["manifest.json"])["data"][0]["name"] == "event0.npz"
    assert chosen(store)[1] == open_centre(store)[1] == f"tiny-rain {digest[:12]}"


def test_the_graph_is_the_network(trained):
    folder, store, _ = trained
    config = read_config(folder / "tiny.toml")
    known = [
        lessons(train_rain.read_event(folder / one.archive), config.sampling, np.random.default_rng([0, number]))
        for number, one in enumerate(config.events)
    ]
    runs = [train_rain.Experiment(folder / "again", {}, train_rain.Manifest((), "", 0))]
    members, _ = train_rain.rain_training.learn(known, config.module, config.recipe, runs)
    session = open_nowcaster(store.read(trained[2])).session
    told = session.run({"inputs": known[0].inputs[:500]})[0]
    # The same weights twice from the same seed; then float32 sums in another order.
    np.testing.assert_allclose(told, predict(members, known[0].inputs[:500]), rtol=1e-3, atol=1e-3)
    assert (np.diff(told[:, 1:], axis=1) <= 0).all()


def test_a_field_and_its_middle_agree_and_the_product_holds(nowcaster):
    rain = made_rain(5)[:4, :128, :128]
    forecast = nowcaster.nowcast(rain, 5.0, LEADS)
    check_rain_forecast(forecast)
    assert forecast.notes == ()
    assert forecast.value.shape == (3, 128, 128)
    assert np.isfinite(forecast.value[0]).mean() > 0.8
    four = forecast.value[:, 63:65, 63:65].mean(axis=(1, 2))
    middle = nowcaster.centre(rain[None], 5.0, LEADS)[0]
    np.testing.assert_allclose(np.log1p(middle), np.log1p(four), atol=0.15)  # a mean of four, not the mean place
    assert nowcaster.centre(rain[None], 5.0).shape == (1, 8)
    assert nowcaster.centre(rain[:0, None], 5.0).shape == (0, 8)


def test_threads_change_nothing(nowcaster):
    rain = made_rain(6)[:4]
    one, two = (replace(nowcaster, threads=count).nowcast(rain, 5.0, LEADS) for count in (1, 2))
    np.testing.assert_array_equal(one.quantiles, two.quantiles)


def test_lessons_read_no_frame_to_come():
    rain = made_rain(7)[:12]  # so few that the fourth must be the newest
    sampling = Sampling(windows=2, window_points=20, fields=1, field_points=200)
    spoilt = rain.copy()
    spoilt[4:] = 0
    known, blind = (lessons(RainEvent("a", one, 5.0), sampling, np.random.default_rng(0)) for one in (rain, spoilt))
    np.testing.assert_array_equal(known.inputs, blind.inputs)
    assert known.truth.any()
    assert not blind.truth.any()


@pytest.mark.parametrize(
    ("spoil", "note"),
    [
        (lambda rain: rain * 0, None),
        (lambda rain: rain * np.nan, "no usable frame"),
        (lambda rain: rain[-1:], "one frame only: no motion"),
        (lambda rain: rain[-3:], "3 of the 4 newest frames are usable"),
        (lambda rain: rain[[0, 1, 2, 2]], "the newest usable frame is 1 steps old"),
        (lambda rain: np.concatenate([rain[:3], rain[:1] * np.nan]), "the newest usable frame is 1 steps old"),
    ],
)
def test_whatever_comes_a_forecast_goes_and_says_what_was_missing(nowcaster, spoil, note):
    rain = spoil(made_rain(8)[:4, :96, :110]).astype(np.float32)
    forecast = nowcaster.nowcast(rain, 5.0, LEADS)
    check_rain_forecast(forecast)
    assert (note is None) == (not forecast.notes)
    assert note is None or any(note in one for one in forecast.notes)
    middle = nowcaster.centre(rain[None], 5.0)
    if np.isnan(rain).all():
        assert np.isnan(forecast.value).all()
        assert np.isnan(middle).all()
    else:
        assert np.isfinite(middle).all()
    if not np.nan_to_num(rain).any() and np.isfinite(rain).any():
        assert np.nanmax(forecast.value) == 0


def test_unknown_pixels_stay_unknown(nowcaster):
    rain = made_rain(9)[:4, :100, :100]
    rain[:, 40:70, 40:70] = np.nan
    forecast = nowcaster.nowcast(rain, 5.0, LEADS)
    assert np.isnan(forecast.value[0]).sum() >= 25 * 25
    np.testing.assert_array_equal(np.isnan(forecast.value), np.isnan(forecast.chance[1]))


def test_impossible_questions_are_refused(nowcaster):
    rain = np.zeros((4, 16, 16), np.float32)
    for given, step, leads, message in (
        (rain[0], 5.0, LEADS, r"rain is \(16, 16\)"),
        (rain - 1, 5.0, LEADS, "rates must be 0 or more"),
        (rain, 0.0, LEADS, "a step of 0.0 minutes"),
        (rain, 5.0, LEADS[::-1], "must be 0 or more and not fall"),
    ):
        with pytest.raises(InputError, match=message):
            nowcaster.nowcast(given, step, leads)


def test_spoilt_artifacts_are_refused(trained):
    files = dict(trained[1].read(trained[2]))
    with pytest.raises(InputError, match=r"no without_nowhere\.onnx"):
        open_nowcaster(files, without="nowhere")
    assert open_nowcaster(files, without="event1").name == "tiny-rain"
    with pytest.raises(InputError, match="KeyError"):
        open_nowcaster(files | {"calibration.json": b"{}"})
    with pytest.raises(InputError, match="features"):
        open_nowcaster(files | {"card.json": b'{"family": "rain", "features": 3}'})


def test_configurations_and_sequences_that_cannot_be_learnt_from_are_refused(trained, tmp_path):
    folder, store, _ = trained
    config = read_config(folder / "tiny.toml")
    path = tmp_path / "bad.toml"
    for change, message in (
        ("colour = 1\n" + CONFIG, "colour"),
        (CONFIG, "0 \\[\\[events\\]\\]; at least 3"),
        (CONFIG.replace("members = 1", "members = 99"), "members is 99"),
        (CONFIG.replace("hidden = 8", "hidden = 0"), "hidden is 0"),
        (CONFIG.replace("windows = 3", "windows = 0"), "windows is 0"),
    ):
        path.write_text(change)
        with pytest.raises(InputError, match=message):
            read_config(path)
    with pytest.raises(NotFoundError, match=r"event0\.npz"):
        train(config, tmp_path, tmp_path / "experiment", store)
    rain = made_rain(1)
    with pytest.raises(InputError, match="12 needed"):
        lessons(RainEvent("short", rain[:9], 5.0), config.sampling, np.random.default_rng(0))
    with pytest.raises(InputError, match="no window"):
        lessons(RainEvent("dry", rain * 0, 5.0), config.sampling, np.random.default_rng(0))
