"""`brise train CONFIG`: archives become lessons, lessons a model, the model an artifact and the challenger."""

import logging
import tomllib
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from brise.conventions.errors import InputError, NotFoundError
from brise.conventions.observations import StationHours
from brise.io.artifacts import Artifacts
from brise.io.experiments import Experiment, Manifest, data_file
from brise.models import anypoint_learning, lessons
from brise.models.climatology import HISTORY_HOURS
from brise.models.features import TARGETS
from brise.models.lessons import LEADS, Lesson
from brise.models.rain_serving import FAMILY as RAIN
from brise.models.train import Recipe
from brise.service.jobs import train_rain, train_trees
from brise.service.jobs.hindcast import read_archive

log = logging.getLogger("brise.train")

FAMILIES = ("anypoint", "boosting", "joined")
MOST_MEMBERS, MOST_FORECASTS = 20, 100_000


@dataclass(frozen=True, slots=True)
class TrainingNetwork:
    """A city to learn from.

    Attributes:
        archive: Wide Parquet, within the folder of archives.
        train_until: End of what may be learnt, archive labels.
        validate_from: What follows it chooses the step and calibrates, before all is learnt again up to `train_until`.
        licence: Of the data, SPDX.
        every: Trees learn from a forecast each so many hours.
    """

    archive: str
    train_until: datetime
    validate_from: datetime
    licence: str
    every: int = 1


@dataclass(frozen=True, slots=True)
class Config:
    """A training, as a TOML file says it; `parts` are the models that a "joined" one is made of.

    `hold_out` (number, of) leaves a fold of every network's stations out, which then are nowhere read.
    """

    family: str
    name: str
    title: str
    networks: tuple[TrainingNetwork, ...]
    recipe: Recipe
    module: anypoint_learning.Shape
    members: int = 1
    folds: int = 4
    forecasts: int = 12_000
    validate_every: int = 13
    parts: tuple[str, ...] = ()
    hold_out: tuple[int, int] | None = None


Known = list[tuple[TrainingNetwork, StationHours]]
_NOTE = "Errors over the fitted blend's in the validation periods, which also chose the step."


def read_config(path: Path) -> Config | train_rain.Config:
    """Read and check a configuration.

    Raises:
        NotFoundError: No such file.
        InputError: Not TOML, or a key is unknown, missing or out of bounds.
    """
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise NotFoundError(f"no file {path}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: {error}") from None
    if found.get("family") == RAIN:
        return train_rain.config_of(path, found)
    try:
        networks = tuple(TrainingNetwork(**one) for one in found.pop("networks", []))
        recipe, module = Recipe(**found.pop("recipe", {})), anypoint_learning.Shape(**found.pop("module", {}))
        if "hold_out" in found:
            found["hold_out"] = tuple(found["hold_out"])
        config = Config(networks=networks, recipe=recipe, module=module, **found)
    except TypeError as error:
        raise InputError(f"{path}: {str(error).split('.')[-1].replace('__init__() ', '')}") from None
    _check(path, config)
    return config


def _check(path: Path, config: Config) -> None:
    if config.family not in FAMILIES:
        raise InputError(f"{path}: unknown family {config.family!r}; known are {', '.join(FAMILIES)}, {RAIN}")
    for name, low, high in (
        ("members", 1, MOST_MEMBERS),
        ("forecasts", 64, MOST_FORECASTS),
        ("folds", 2, 20),
        ("validate_every", 1, 999),
    ):
        if not low <= getattr(config, name) <= high:
            raise InputError(f"{path}: {name} is {getattr(config, name)}, expected {low} to {high}")
    held = config.hold_out
    if held is not None and not (len(held) == 2 and 0 <= held[0] < held[1] <= 100):
        raise InputError(f"{path}: hold_out is {list(held)}, expected [number, of], such as [0, 4]")
    if not config.networks and config.family != "joined":
        raise InputError(f"{path}: no [[networks]] to learn from")
    for one in config.networks:
        if not isinstance(one.train_until, datetime) or not isinstance(one.validate_from, datetime):
            raise InputError(
                f"{path}: {one.archive}: validate_from and train_until are times such as 2016-01-01T00:00:00"
            )
        if not one.validate_from < one.train_until:
            raise InputError(
                f"{path}: {one.archive}: validate_from {one.validate_from} is not before {one.train_until}"
            )


def city_of(archive: str) -> str:
    """A city's name: the file's, before its first year."""
    parts = Path(archive).stem.split("_")
    return "_".join(parts[: next((n for n, part in enumerate(parts) if part[:4].isdigit()), len(parts))])


def train(config: Config | train_rain.Config, archives: Path, folder: Path, store: Artifacts) -> str:
    """Train, keep the artifact and name it challenger; returns its digest. Called again, a training cut off goes on.

    Args:
        config: What to train.
        archives: Folder of the archives.
        folder: Of the experiment.
        store: Where the artifact goes.
    """
    if isinstance(config, train_rain.Config):
        return train_rain.train(config, archives, folder, store)
    files = tuple(
        data_file(archives / one.archive, span=("", one.train_until.isoformat()), licence=one.licence)
        for one in config.networks
    )
    manifest = Manifest(files, version("brise"), config.recipe.seed)
    asked: dict[str, Any] = {"config": _plain(config)}
    overall = Experiment(folder, asked, manifest)
    known, held_out = read_networks(config, archives)
    whole = asdict(manifest) | asked
    if config.family == "joined":
        made = train_trees.joined(store, config.parts, config.name, config.title)
    elif config.family == "boosting":
        courses = [train_trees.course(hours, np.datetime64(one.validate_from, "s"), one.every) for one, hours in known]
        made = train_trees.boosted(courses, config.recipe.seed, _card(config, known, held_out), whole)
    else:
        made = _anypoint(config, known, folder, (asked, manifest), held_out)
    overall.save_result(made)
    digest = store.add(made)
    store.move({"challenger": digest}, f"trained: {config.name}")
    return digest


def read_networks(config: Config, archives: Path) -> tuple[Known, dict[str, list[str]]]:
    """The stations to learn from, up to the end of training; and the ids of those held out, by city."""
    known, held_out = [], {}
    for one in config.networks:
        hours = _active(read_archive(archives / one.archive), one)
        if config.hold_out is not None:
            number, count = config.hold_out
            hidden = lessons.folds(hours, count) == number
            held_out[city_of(one.archive)] = hours.station_id[hidden].tolist()
            hours = hours.stations(~hidden)
        known.append((one, hours))
    return known, held_out


def _anypoint(
    config: Config,
    known: Known,
    folder: Path,
    told: tuple[dict[str, Any], Manifest],
    held_out: dict[str, list[str]],
) -> dict[str, bytes]:
    asked, manifest = told

    def runs(phase: str, count: int) -> list[Experiment]:
        return [Experiment(folder / f"{phase}-{n}", asked, manifest) for n in range(count)]

    early, later = phase(config, known, "validate_from"), _validation(config, known)
    log.info("%d lessons before, %d in the validation periods", len(early), len(later))
    chosen, histories = anypoint_learning.learn(early, later, config.module, config.recipe, runs("choose", 1))
    calibration, ratios = anypoint_learning.calibrate(chosen, later)
    steps = max(histories[0].best_step, 1)
    log.info("best after %d steps; %s", steps, ratios)
    del early, later
    final = phase(config, known, "train_until")
    recipe = replace(config.recipe, steps=steps)
    members, _ = anypoint_learning.learn(final, [], config.module, recipe, runs("final", config.members))
    card = _card(config, known, held_out) | {"steps": steps, "metrics": ratios, "metrics_note": _NOTE}
    return anypoint_learning.artifact(members, calibration, card, asdict(manifest) | asked)


def _plain(config: Config) -> dict[str, Any]:
    out = asdict(config)
    for one in out["networks"]:
        one["train_until"], one["validate_from"] = one["train_until"].isoformat(), one["validate_from"].isoformat()
    return out


def _active(hours: StationHours, network: TrainingNetwork) -> StationHours:
    """Stations that measured something within the last four years of training, rows up to its end."""
    past = hours.until(np.datetime64(network.train_until, "s"))
    recent = [matrix[-HISTORY_HOURS:] for name, matrix in past.values.items() if name in TARGETS]
    if not recent:
        raise InputError(f"{network.archive}: none of {', '.join(TARGETS)} is measured")
    return past.stations(np.any(np.isfinite(np.stack(recent)), axis=(0, 1), keepdims=False))


def phase(config: Config, known: Known, end: str) -> list[Lesson]:
    """Lessons of every network up to `end`, a time of each by its name in the configuration."""
    out: list[Lesson] = []
    for number, (one, hours) in enumerate(known):
        rng = np.random.default_rng([config.recipe.seed, number])
        until = np.datetime64(getattr(one, end), "s")
        out += lessons.lessons(city_of(one.archive), hours, until, config.forecasts, config.folds, rng)
        log.info("%s: lessons until %s", one.archive, until)
    return out


def _validation(config: Config, known: Known) -> list[Lesson]:
    out: list[Lesson] = []
    for one, hours in known:
        period = np.datetime64(one.validate_from, "s"), np.datetime64(one.train_until, "s")
        out += lessons.validation(city_of(one.archive), hours, period, config.validate_every, config.folds)
    return out


def _card(config: Config, known: Known, held_out: dict[str, list[str]]) -> dict[str, Any]:
    return {
        "family": config.family,
        "name": config.name,
        "title": config.title,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "cities": [city_of(one.archive) for one, _ in known],
        "training": {
            city_of(one.archive): [
                str(hours.time[max(0, len(hours.time) - HISTORY_HOURS)]),
                str(hours.time[-1]),
            ]
            for one, hours in known
        },
        "held_out_stations": held_out,
        "places": {
            city_of(one.archive): [round(float(hours.latitude.mean()), 3), round(float(hours.longitude.mean()), 3)]
            for one, hours in known
        },
        "pollutants": list(TARGETS),
        "leads": [min(LEADS), max(LEADS)],
        "intended_use": "Concentrations now and in the next 48 h at stations and between them, hourly means.",
        "limits": "Learnt in three large cities; elsewhere its shifts count a quarter. Beyond 48 h they fade to the "
        "base forecast at 96 h. It reads no weather forecast. Between stations it carries what it says of them; the "
        "map of the present is the base's.",
        "licence": "Apache-2.0",
        "data_licences": sorted({one.licence for one, _ in known}),
    }
