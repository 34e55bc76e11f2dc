"""From lessons to an artifact: members trained from several seeds, their quantiles calibrated on later times."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from brise.formulas.interpolation import Array
from brise.models.anypoint import AnyPoint
from brise.models.anypoint_export import Members, to_onnx
from brise.models.anypoint_training import Pages, loss, page, told
from brise.models.calibration import Calibration, Excess, fit_calibration
from brise.models.features import TARGETS
from brise.models.lessons import LEADS, Lesson
from brise.models.samples import INPUTS
from brise.models.train import Data, History, Recipe, Run, train

_AT_A_TIME = 32


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the module; see `AnyPoint`."""

    width: int = 64
    hidden: int = 96
    dropout: float = 0.2


def learn(
    lessons: Sequence[Lesson],
    validation: Sequence[Lesson],
    shape: Shape,
    recipe: Recipe,
    runs: Sequence[Run],
) -> tuple[list[AnyPoint], list[History]]:
    """Train one member for each run, each from a seed of its own.

    Args:
        lessons: To learn from.
        validation: To choose the best step by; none = the last step counts.
        shape: Of the module.
        recipe: How.
        runs: Where each member's checkpoints and progress go.
    """
    data = Data(Pages(lessons), Pages(validation, leads=0) if validation else None)
    members, histories = [], []
    for number, run in enumerate(runs):
        torch.manual_seed(recipe.seed + number)
        module = AnyPoint(shape.width, shape.hidden, shape.dropout)
        histories.append(train(module, loss, data, replace(recipe, seed=recipe.seed + number), run))
        members.append(module.eval())
    return members, histories


def answer(members: Sequence[AnyPoint], lesson: Lesson) -> tuple[Array, Array, Array]:
    """Expectation (N, L, P, C) and quantiles (3, N, L, P, C), concentrations; and the quantiles' square roots."""
    module, values, sides, roots = Members(members).eval(), [], [], []
    with torch.no_grad():
        for start in range(0, len(lesson.rows), _AT_A_TIME):
            batch = page(lesson, np.arange(start, min(start + _AT_A_TIME, len(lesson.rows))), None)
            shifts = module(*(batch[name] for name in INPUTS)).clamp(-3, 3)
            value, quantiles = told(batch["base"], shifts, batch["level"], batch["offset"])
            values.append(value.numpy())
            sides.append(quantiles.numpy())
            roots.append(((quantiles + batch["offset"]).clamp(min=0) / batch["level"]).sqrt().numpy())
    return np.concatenate(values), np.concatenate(sides, axis=1), np.concatenate(roots, axis=1)


def calibrate(members: Sequence[AnyPoint], validation: Sequence[Lesson]) -> tuple[Calibration, dict[str, float]]:
    """Conformal factors, and the ratio of the model's to the base's error at stations, by pollutant.

    At unmonitored places the base's own quantiles are stretched: the graph is not asked there.
    """
    excess = Excess(LEADS)
    sums: dict[str, Array] = {}
    for lesson in validation:
        value, _, roots = answer(members, lesson)
        monitored = lesson.own >= 0
        plain = np.maximum(lesson.base[0] + lesson.base[2:5], 0)
        roots = np.where(monitored[:, None], roots, plain)
        km = np.where(monitored, -1.0, nearest_km(lesson))
        for column, name in enumerate(TARGETS):
            truth = lesson.truth[..., column]
            level, offset = lesson.level[column], lesson.offset[column]
            root = np.sqrt(np.maximum(truth + offset, 0) / level)
            excess.add(name, roots[..., column], root, km)
            ours, base = (
                np.nansum((told[..., column] - truth)[:, :, monitored] ** 2) for told in (value, lesson.base[5])
            )
            sums[name] = sums.get(name, np.zeros(2)) + np.array([ours, base])
    ratios = {
        f"stations_{name}_rmse_over_base": round(float(np.sqrt(ours / base)), 4)
        for name, (ours, base) in sums.items()
        if base > 0
    }
    return fit_calibration(excess), ratios


def nearest_km(lesson: Lesson) -> Array:
    """(P,) to the nearest station, from the edges."""
    exists = lesson.edges[0, :, :, 3] > 0.5
    return np.asarray(np.where(exists, 10.0 ** lesson.edges[0, :, :, 0].astype(float) - 0.1, np.inf).min(axis=1))


def artifact(
    members: Sequence[AnyPoint], calibration: Calibration, card: dict[str, Any], manifest: dict[str, Any]
) -> dict[str, bytes]:
    """The files of a trained model."""

    def text(value: object) -> bytes:
        return json.dumps(value, indent=1).encode()

    return {
        "model.onnx": to_onnx(members),
        "calibration.json": text(calibration.to_json()),
        "card.json": text(card),
        "manifest.json": text(manifest),
    }
