"""`brise train` of a rain nowcaster: radar sequences become lessons, lessons networks, and these an artifact.

Every event is left out once: the networks that never saw it give its score, the calibration of the chances, and go into
the artifact, so that anyone can score it again without training. Then one more learns from all of them.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from brise.conventions.errors import InputError, NotFoundError
from brise.io.artifacts import Artifacts
from brise.io.experiments import Experiment, Manifest, data_file
from brise.io.sources import radar_npz
from brise.io.sources.radar import Options
from brise.models import rain_calibration, rain_training
from brise.models.rain_net import FEATURES
from brise.models.rain_samples import Lessons, RainEvent, Sampling, lessons
from brise.models.rain_serving import FAMILY, LEVELS
from brise.models.train import Recipe

log = logging.getLogger("brise.train")

MOST_MEMBERS = 10


@dataclass(frozen=True, slots=True)
class TrainingEvent:
    """A radar sequence to learn from: an npz within the folder of archives, and the licence of its data."""

    archive: str
    licence: str

    @property
    def name(self) -> str:
        """The file's, without its ending."""
        return Path(self.archive).stem


@dataclass(frozen=True, slots=True)
class Config:
    """A training of a rain nowcaster, as a TOML file says it."""

    family: str
    name: str
    title: str
    events: tuple[TrainingEvent, ...]
    recipe: Recipe
    module: rain_training.Shape
    sampling: Sampling
    members: int = 3


def config_of(path: Path, found: dict[str, Any]) -> Config:
    """A configuration from its TOML.

    Raises:
        InputError: A key is unknown, missing or out of bounds.
    """
    try:
        events = tuple(TrainingEvent(**one) for one in found.pop("events", []))
        parts = (Recipe(**found.pop("recipe", {})), rain_training.Shape(**found.pop("module", {})))
        config = Config(
            events=events, recipe=parts[0], module=parts[1], sampling=Sampling(**found.pop("sampling", {})), **found
        )
    except TypeError as error:
        raise InputError(f"{path}: {str(error).split('.')[-1].replace('__init__() ', '')}") from None
    if not 1 <= config.members <= MOST_MEMBERS:
        raise InputError(f"{path}: members is {config.members}, expected 1 to {MOST_MEMBERS}")
    if len({one.name for one in events}) < max(len(events), 3):
        raise InputError(f"{path}: {len(events)} [[events]]; at least 3 different ones, since each is left out once")
    return config


def train(config: Config, archives: Path, folder: Path, store: Artifacts) -> str:
    """Train and keep the artifact; returns its digest. Called again, a training cut off goes on.

    Args:
        config: What to train.
        archives: Folder of the radar sequences.
        folder: Of the experiment.
        store: Where the artifact goes.

    Raises:
        NotFoundError: A sequence is not there.
        DecodeError: A sequence cannot be read.
        InputError: A sequence has gaps, is too short or dry, or the folder holds another experiment.
    """
    files = tuple(data_file(archives / one.archive, licence=one.licence) for one in config.events)
    manifest, asked = Manifest(files, version("brise"), config.recipe.seed), {"config": asdict(config)}
    overall = Experiment(folder, asked, manifest)

    def runs(phase: str) -> list[Experiment]:
        return [Experiment(folder / f"{phase}-{n}", asked, manifest) for n in range(config.members)]

    known: dict[str, Lessons] = {}
    for number, one in enumerate(config.events):
        rng = np.random.default_rng([config.recipe.seed, number])
        known[one.name] = lessons(read_event(archives / one.archive), config.sampling, rng)
        log.info("%s: %d lessons", one.name, len(known[one.name]))
    left_out = {}
    for name in known:
        others = [part for other, part in known.items() if other != name]
        left_out[name] = rain_training.learn(others, config.module, config.recipe, runs(f"without-{name}"))[0]
    members, _ = rain_training.learn(list(known.values()), config.module, config.recipe, runs("final"))
    plain = {name: part.where(part.plain) for name, part in known.items()}
    told = {name: rain_training.predict(left_out[name], plain[name].inputs) for name in known}
    metrics = {name: dict(rain_training.score(told[name], plain[name])) for name in known}
    log.info("left out: %s", metrics)
    made = {
        "model.onnx": rain_training.to_onnx(members),
        **{f"without_{name}.onnx": rain_training.to_onnx(found) for name, found in left_out.items()},
        "calibration.json": _json(_calibration(told, plain)),
        "card.json": _json(_card(config, metrics)),
        "manifest.json": _json(asdict(manifest) | asked),
    }
    overall.save_result(made)
    return store.add(made)


def read_event(path: Path) -> RainEvent:
    """A radar sequence whose frames are one step apart.

    Raises:
        NotFoundError: No such file.
        DecodeError: It cannot be read.
        InputError: Its frames are not at even steps.
    """
    try:
        payload = path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"no file {path}") from None
    frames = sorted(radar_npz.decode(payload, datetime.now(UTC), Options()), key=lambda frame: frame.time)
    steps = np.diff(np.array([frame.time for frame in frames])).astype("timedelta64[s]").astype(int)
    if not len(steps) or steps.min() <= 0 or steps.min() != steps.max():
        raise InputError(f"{path}: frames are not one step apart: {sorted(set(steps.tolist()))} seconds")
    return RainEvent(path.stem, np.stack([frame.rate for frame in frames]), steps[0] / 60.0)


def _calibration(told: Mapping[str, Any], plain: Mapping[str, Lessons]) -> dict[str, Any]:
    """Fitted on every event, each told by networks that had not seen it; and on all but one, to score that one."""

    def law(names: list[str]) -> list[list[float]]:
        found = rain_calibration.fit_calibration([told[name] for name in names], [plain[name] for name in names])
        return [[round(float(value), 5) for value in row] for row in found.law]

    every = list(told)
    without = {name: law([other for other in every if other != name]) for name in every}
    return {"levels": list(LEVELS), "law": law(every), "without": without}


def _card(config: Config, metrics: dict[str, dict[str, float]]) -> dict[str, Any]:
    return {
        "family": FAMILY,
        "name": config.name,
        "title": config.title,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "features": FEATURES,
        "members": config.members,
        "events": [one.name for one in config.events],
        "metrics": metrics,
        "metrics_note": "Mean squared error of log1p of mm/h on each event, by networks that never saw it.",
        "intended_use": "Rain from radar in the next two hours at 0.01 degree: rates, quantiles and chances.",
        "limits": "Learnt from a few events of midlatitude rain; hail, snow and the tropics are strangers. Between 60 "
        "and 120 minutes small scales are gone. Chances hold on average over events, not in each.",
        "licence": "Apache-2.0",
        "data_licences": sorted({one.licence for one in config.events}),
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()
