"""A tiny training from archives to the champion, and what its model must hold: no leak, no break."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch", reason="the training extra is not installed")

from brise.conventions.errors import InputError, NotFoundError
from brise.conventions.observations import StationHours
from brise.conventions.variables import WEATHER
from brise.io.artifacts import Artifacts
from brise.models.registry import Model
from brise.models.runtime import open_model
from brise.service.jobs.hindcast import Question, predict, read_archive
from brise.service.jobs.train import city_of, read_config, read_networks, train

CONFIG = """
family = "anypoint"
name = "tiny"
title = "A tiny one"
forecasts = 96
validate_every = 29
folds = 2

[recipe]
steps = 6
validate_every = 3
warmup = 2

[module]
width = 8
hidden = 16

[[networks]]
archive = "{name}"
validate_from = 2021-03-20T00:00:00
train_until = 2021-04-05T00:00:00
licence = "CC0-1.0"
"""
HOURS = 24 * 100
NAMES = ("pm25_ugm3", "pm10_ugm3", "no2_ugm3", "o3_ugm3")


def made_archive(path: Path, stations: int = 9) -> Path:
    """A city with a daily cycle, slow weather and stations that differ."""
    rng = np.random.default_rng(7)
    time = pd.date_range("2021-01-01", periods=HOURS, freq="h", tz="UTC")
    slow = np.convolve(rng.normal(size=HOURS + 47), np.ones(48) / 7, "valid")
    day = np.sin(2 * np.pi * np.arange(HOURS) / 24)
    parts = []
    for station in range(stations):
        level = 1 + 0.3 * rng.random()
        frame = pd.DataFrame({"station_id": f"s{station}", "time_utc": time})
        frame["lat"], frame["lon"] = 50 + 0.03 * (station % 3), 10 + 0.04 * (station // 3)
        for number, name in enumerate(NAMES):
            noise = rng.normal(size=HOURS) * 2
            frame[name] = np.maximum(level * (25 + 5 * number + 6 * slow + 7 * day) + noise, 0.5)
        frame["temp_c"], frame["wspd_ms"], frame["wdir_deg"] = 10 + 4 * day, 3 + slow, 90.0
        parts.append(frame.mask(rng.random(frame.shape) < 0.01).assign(station_id=f"s{station}", time_utc=time))
    for part in parts:
        part[["lat", "lon"]] = part[["lat", "lon"]].bfill().ffill()
    pd.concat(parts).to_parquet(path, index=False)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Artifacts, str]:
    root = tmp_path_factory.mktemp("train")
    archive = made_archive(root / "tinytown_2021.parquet")
    (root / "tiny.toml").write_text(CONFIG.format(name=archive.name))
    store = Artifacts(root / "artifacts", None)
    digest = train(read_config(root / "tiny.toml"), root, root / "experiment", store)
    return archive, store, digest


@pytest.fixture(scope="module")
def model(trained: tuple[Path, Artifacts, str]) -> Model:
    return open_model(trained[1].read(trained[2]))


@pytest.fixture(scope="module")
def hours(trained: tuple[Path, Artifacts, str]) -> StationHours:
    return read_archive(trained[0])


INITS = np.array(["2021-04-06T05:00", "2021-04-07T18:00"], "datetime64[s]")
WITHHELD = frozenset({"s4"})


def told(hours: StationHours, model: Model, withhold: frozenset[str] = WITHHELD) -> pd.DataFrame:
    return pd.concat(predict(hours, Question(INITS, (0, 1, 6, 24, 48), None, withhold), model))


def changed(hours: StationHours, where: np.ndarray, value: float) -> StationHours:
    values = {name: np.where(where, np.float32(value), matrix) for name, matrix in hours.values.items()}
    return replace(hours, values=values)


def test_training_becomes_the_challenger_with_everything_said(trained: tuple[Path, Artifacts, str]) -> None:
    archive, store, digest = trained
    files = store.read(digest)
    assert set(files) == {"model.onnx", "calibration.json", "card.json", "manifest.json"}
    assert store.aliases().names["challenger"] == digest
    folder = archive.parent / "experiment"
    assert (folder / "final-0" / "curves.svg").exists()
    assert (folder / "result" / "model.onnx").read_bytes() == files["model.onnx"]
    assert b"tinytown" in files["card.json"]
    assert b"CC0-1.0" in files["manifest.json"]


def test_the_same_training_gives_the_same_model(trained: tuple[Path, Artifacts, str], tmp_path: Path) -> None:
    archive, store, digest = trained
    again = train(read_config(archive.parent / "tiny.toml"), archive.parent, tmp_path / "again", store)
    first, second = store.read(digest), store.read(again)
    assert first["model.onnx"] == second["model.onnx"]
    assert first["calibration.json"] == second["calibration.json"]


def test_the_model_moves_the_base(hours: StationHours, model: Model) -> None:
    ours = told(hours, model)
    base = pd.concat(predict(hours, Question(INITS, (0, 1, 6, 24, 48), None, WITHHELD)))
    keys = ["init_time", "lead_hours", "station_id", "variable"]
    both = ours.merge(base, on=keys, suffixes=("", "_base"))
    assert len(both) == len(base)
    assert (both["value"] != both["value_base"]).mean() > 0.5
    assert (both["q10"] <= both["q50"]).all()
    assert (both["q50"] <= both["q90"]).all()


def test_the_map_is_the_bases_and_forecasts_are_carried_to_a_withheld_station(
    hours: StationHours, model: Model
) -> None:
    ours = told(hours, model)
    base = pd.concat(predict(hours, Question(INITS, (0, 1, 6, 24, 48), None, WITHHELD)))
    both = ours.merge(base, on=["init_time", "lead_hours", "station_id", "variable"], suffixes=("", "_base"))
    there = both[both["station_id"].isin(WITHHELD)]
    now = there["lead_hours"] == 0
    np.testing.assert_allclose(there["value"][now], there["value_base"][now], rtol=1e-6)  # float32
    assert (there["value"][~now] != there["value_base"][~now]).mean() > 0.5


def test_a_strange_city_gets_a_quarter_of_the_shifts(
    trained: tuple[Path, Artifacts, str], hours: StationHours, model: Model
) -> None:
    files = dict(trained[1].read(trained[2]))
    card = json.loads(files["card.json"])
    files["card.json"] = json.dumps(card | {"places": {"elsewhere": [-33.0, 151.0]}}).encode()
    base = pd.concat(predict(hours, Question(INITS, (0, 1, 6, 24, 48), None, WITHHELD)))
    keys = ["init_time", "lead_hours", "station_id", "variable"]
    values = [
        base.merge(told(hours, one), on=keys, suffixes=("_base", ""))["value"] for one in (model, open_model(files))
    ]
    full, part = (one - base["value"].to_numpy() for one in values)
    at_stations = (~base["station_id"].isin(WITHHELD)).to_numpy()
    np.testing.assert_allclose(part[at_stations], 0.25 * full[at_stations], atol=1e-4)  # float32 of values to 100


def test_stations_held_out_of_a_training_are_named_and_not_there(
    trained: tuple[Path, Artifacts, str], tmp_path: Path
) -> None:
    archive = trained[0]
    path = tmp_path / "held.toml"
    path.write_text("hold_out = [1, 3]\n" + CONFIG.format(name=archive.name))
    [(_, left)], held_out = read_networks(read_config(path), archive.parent)
    assert len(held_out["tinytown"]) == 3
    assert not set(held_out["tinytown"]) & set(left.station_id)
    assert len(left.station_id) == 6
    path.write_text("hold_out = [3, 3]\n" + CONFIG.format(name=archive.name))
    with pytest.raises(InputError, match="hold_out is"):
        read_config(path)


def test_nothing_after_the_init_is_read(hours: StationHours, model: Model) -> None:
    first = np.array(INITS[:1])
    question = Question(first, (0, 1, 6, 24, 48), None, WITHHELD)
    later = hours.time[:, None] > first[0] + np.timedelta64(1, "h")
    plain = pd.concat(predict(hours, question, model))
    other = pd.concat(predict(changed(hours, later, 77.0), question, model))
    pd.testing.assert_frame_equal(plain, other, check_exact=True)


def test_a_withheld_station_is_not_read(hours: StationHours, model: Model) -> None:
    hidden = np.isin(hours.station_id, sorted(WITHHELD))[None]
    other = told(changed(hours, hidden, 400.0), model)
    pd.testing.assert_frame_equal(told(hours, model), other, check_exact=True)


NOW = "2021-04-06T05:00"


def _without(kind: str, hours: StationHours) -> tuple[StationHours, frozenset[str]]:
    if kind == "no weather":
        values = {name: matrix for name, matrix in hours.values.items() if name not in WEATHER}
        return replace(hours, values=values), WITHHELD
    if kind == "one station only":
        return hours, frozenset(hours.station_id[1:].tolist())
    if kind == "all stations six hours stale":
        stale = (hours.time > INITS[0] - np.timedelta64(5, "h")) & (hours.time <= INITS[0] + np.timedelta64(1, "h"))
        return changed(hours, stale[:, None], np.nan), WITHHELD
    recent = hours.time > INITS[0] - np.timedelta64(60, "h")
    values = dict(hours.values)
    values["no2"] = np.where(recent[:, None], np.float32(np.nan), values["no2"])
    return replace(hours, values=values), WITHHELD


@pytest.mark.parametrize(
    "kind", ["no weather", "one station only", "all stations six hours stale", "one pollutant missing everywhere"]
)
def test_less_to_read_degrades_and_does_not_break(hours: StationHours, model: Model, kind: str) -> None:
    poorer, withhold = _without(kind, hours)
    question = Question(INITS[:1], (1, 6, 24), None, withhold)
    out = pd.concat(predict(poorer, question, model))
    assert len(out)
    assert np.isfinite(out[["value", "q10", "q50", "q90"]].to_numpy()).all()
    assert {"pm25", "o3"} <= set(out["variable"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CONFIG.replace('family = "anypoint"', 'family = "oracle"'), "unknown family 'oracle'"),
        (CONFIG.replace("forecasts = 96", "forecasts = 1"), "forecasts is 1, expected 64 to 100000"),
        (CONFIG.replace("2021-03-20T00:00:00", "2021-05-20T00:00:00"), "is not before"),
        (CONFIG + "\ncolour = 3", "colour"),
        (CONFIG.replace("[recipe]", "[recipe"), "tiny.toml"),
        (CONFIG.split("[[networks]]")[0], "no .*networks"),
    ],
)
def test_a_wrong_configuration_says_what(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(text.replace("{name}", "a_2021.parquet"))
    with pytest.raises(InputError, match=message):
        read_config(path)


def test_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no file"):
        read_config(tmp_path / "none.toml")


def test_cities_are_named_by_their_archives() -> None:
    assert city_of("mexico_city_2009_2016.parquet") == "mexico_city"
