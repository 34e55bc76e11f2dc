"""The ConvLSTM on the simulated atmosphere's truth, against the forecast it corrects and interpolation of the stations.

    python -m benchmarks.skill.conv_lstm FOLDER [--workers N] [--seconds S] [--steps N]

Builds the sets with Dask, trains (or goes on, or takes what is finished), scores by lead and by number of stations, and
prints Markdown tables. Test weeks have another seed and other dates than training; four cities are in no training.
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import onnxruntime

from brise.formulas.cities import CITIES
from brise.io.experiments import Experiment, Manifest, data_file
from brise.io.shards import Reading, ShardReader
from brise.models.conv_lstm import Config, inputs_of, train_conv_lstm
from brise.models.grid_samples import DECAY_H, TARGETS, Week, from_log
from brise.models.train import Data, Recipe, Tensors
from brise.service.jobs.shards import Workforce, build_weeks

UNSEEN = ("london", "lagos", "mexico_city", "sydney")
SEEN = tuple(city for city in CITIES if city not in UNSEEN)
DENSITIES = (5, 10, 20, 40, 80)
FIRST = 2609  # the week from 2020-01-02
SHOWN = (0, 1, 3, 6, 12, 24)


def training_weeks() -> tuple[Week, ...]:
    """160 weeks of three years."""
    return tuple(Week(c, 1 + i % 4, FIRST + 10 * i + k, every=6) for k, c in enumerate(SEEN) for i in range(16))


def validation_weeks() -> tuple[Week, ...]:
    return tuple(Week(c, 1001, FIRST + 170 + 26 * i + k, every=20) for k, c in enumerate(SEEN) for i in range(2))


def test_weeks(cities: tuple[str, ...], stations: int, weeks: int) -> tuple[Week, ...]:
    """Two years later, evenly over the year."""
    blocks = [FIRST + 240 + 52 * i // weeks for i in range(weeks)]
    return tuple(Week(c, 2001, b + k, (stations, stations), every=13) for k, c in enumerate(cities) for b in blocks)


def sets() -> dict[str, tuple[Week, ...]]:
    out = {"training": training_weeks(), "validation": validation_weeks(), "seen": test_weeks(SEEN, 20, 2)}
    return out | {f"unseen{count:02d}": test_weeks(UNSEEN, count, 5) for count in DENSITIES}


def rivals(batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """(B, L + 1, C, Y, X) µg m-3 of each."""
    leads = batch["truth"].shape[1]
    background = batch["background"][:, -leads:].astype(np.float32)
    decay = np.exp(-np.arange(leads)[:, None] / np.array(DECAY_H))[:, :, None, None]
    departure = batch["spread"][:, -1:].astype(np.float32)
    return {
        "persistence of the stations' map": np.repeat(
            from_log(batch["analysis"].astype(np.float32))[:, None], leads, axis=1
        ),
        "the forecast": from_log(background),
        "the forecast, corrected by interpolation": from_log(background + decay * departure),
    }


def score(folder: Path, onnx: bytes, sample: int = 16) -> dict[str, np.ndarray]:
    """Model -> (L + 1, C) mean squared error over each set, each sample's in units of its squared mean truth."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx, options)
    total: dict[str, np.ndarray] = {}
    count = 0
    with ShardReader(folder, Reading(sample, shuffle=False)) as reader:
        for batch in reader.stream():
            guesses = rivals(batch)
            guesses["ConvLSTM"] = session.run(None, inputs_of(batch))[0]
            truth = from_log(batch["truth"].astype(np.float32))
            scale = truth.mean(axis=(1, 3, 4))[:, None] ** 2
            for name, guess in guesses.items():
                error = ((guess - truth) ** 2).mean(axis=(3, 4)) / scale
                total[name] = total.get(name, 0.0) + error.sum(axis=0)
            count += len(truth)
    return {name: np.sqrt(value / count) for name, value in total.items()}


def table(title: str, scores: dict[str, np.ndarray]) -> None:
    print(f"\n{title}\n\n| | " + " | ".join(f"{c} {lead} h" for c in TARGETS for lead in SHOWN) + " |")
    print("|---" * (1 + len(TARGETS) * len(SHOWN)) + "|")
    for name, value in scores.items():
        print(f"| {name} | " + " | ".join(f"{value[lead, c]:.3f}" for c in range(3) for lead in SHOWN) + " |")


def trained(folder: Path, recipe: Recipe) -> bytes:
    config = Config()
    files = tuple(data_file(folder / name / "index.json", licence="CC0") for name in ("training", "validation"))
    run = Experiment(folder / "experiment", {"model": "conv_lstm", "steps": recipe.steps}, Manifest(files, "", 0))
    began, cpu = time.monotonic(), time.process_time()
    with (
        ShardReader(folder / "training", Reading(8, together=6)) as training,
        ShardReader(folder / "validation", Reading(20, shuffle=False)) as validation,
    ):
        data = Data(Tensors(training), Tensors(validation), streamed=True)
        artifact, history = train_conv_lstm(config, data, recipe, run)
    print(
        f"{history.stopped} after {history.steps} steps of {8 * recipe.batches_per_step}, best at {history.best_step}, "
        f"validation {history.best_loss:.4f}; {time.monotonic() - began:.0f} s, {time.process_time() - cpu:.0f} s CPU, "
        f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB"
    )
    run.save_result(artifact)
    return artifact["model.onnx"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--steps", type=int, default=1300)
    parser.add_argument("--only-build", action="store_true")
    chosen = parser.parse_args()
    for name, weeks in sets().items():
        began = time.monotonic()
        count = build_weeks(chosen.folder / name, weeks, Workforce(chosen.workers))
        print(f"{name}: {len(weeks)} weeks, {count} samples, {time.monotonic() - began:.0f} s", flush=True)
    if chosen.only_build:
        return
    recipe = Recipe(
        steps=chosen.steps, learning_rate=2e-3, warmup=60, ema=0.99, validate_every=100, precision="bf16",
        seconds=chosen.seconds,
    )  # fmt: skip
    onnx = trained(chosen.folder, recipe)
    table("Seen cities, 20 stations", score(chosen.folder / "seen", onnx))
    by_count = {count: score(chosen.folder / f"unseen{count:02d}", onnx) for count in DENSITIES}
    table("Cities in no training, 20 stations", by_count[20])
    print("\n| stations | " + " | ".join(f"{c} {lead} h" for c in TARGETS for lead in (0, 6, 24)) + " |")
    print("|---" * 10 + "|")
    for count, scores in by_count.items():
        for name in ("the forecast, corrected by interpolation", "ConvLSTM"):
            cells = " | ".join(f"{scores[name][lead, c]:.3f}" for c in range(3) for lead in (0, 6, 24))
            print(f"| {count}, {name} | {cells} |")


if __name__ == "__main__":
    main()
