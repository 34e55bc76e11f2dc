"""How the any-point model learns: batches of lessons with inputs hidden at random, and the loss."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from brise.conventions.variables import WEATHER
from brise.models.features import STATE
from brise.models.lessons import Lesson
from brise.models.samples import INPUTS, STATE_BLOCK
from brise.models.train import Batch, Forward

HIDE_POLLUTANT, HIDE_WEATHER, HIDE_STATION = 0.05, 0.15, 0.05
"""How often a batch loses a pollutant everywhere, the weather, and one of its stations its whole past."""


@dataclass(frozen=True)
class Pages:
    """Batches of lessons: some forecasts of one network at some of its leads.

    Attributes:
        lessons: To draw from.
        batch_size: Forecasts in a batch.
        leads: Leads in a batch, drawn at random; 0 = all of them, nothing hidden (validation).
    """

    lessons: Sequence[Lesson]
    batch_size: int = 16
    leads: int = 6

    def __len__(self) -> int:
        """Batches of all lessons, at least one of each."""
        return sum(self._count(one) for one in self.lessons)

    def _count(self, lesson: Lesson) -> int:
        return max(1, len(lesson.rows) // self.batch_size)

    def batch(self, index: int) -> Batch:
        """One; which forecasts and leads it holds, and what it hides, comes from torch's generator."""
        for lesson in self.lessons:
            count = self._count(lesson)
            if index < count:
                break
            index -= count
        if self.leads:
            which = torch.randperm(len(lesson.rows))[: self.batch_size].sort().values.numpy()
            leads = torch.randperm(lesson.truth.shape[1])[: self.leads].sort().values.numpy()
            return hide(page(lesson, which, leads))
        return page(lesson, np.arange(index, len(lesson.rows), count), None)


def page(lesson: Lesson, which: np.ndarray, leads: np.ndarray | None) -> Batch:
    """Some forecasts of a lesson at some leads, as tensors."""
    chosen = np.arange(lesson.truth.shape[1]) if leads is None else leads
    back = lesson.rows[which][:, None] + np.arange(-23, 1)
    cut = np.ix_(which, chosen)
    arrays = {
        "series": lesson.series[np.maximum(back, 0)].transpose(0, 2, 1, 3),
        "state": lesson.state[which],
        "station_edges": lesson.station_edges[which],
        "edges": lesson.edges[which],
        "ahead": lesson.ahead[cut],
        "when": lesson.when[cut],
        "base": np.stack([side[cut] for side in lesson.base]),
        "truth": lesson.truth[cut],
        "level": lesson.level,
        "offset": lesson.offset,
        "error": lesson.error[:, chosen],
    }
    out = {name: torch.from_numpy(np.ascontiguousarray(value)).float() for name, value in arrays.items()}
    places = {name: torch.from_numpy(getattr(lesson, name)) for name in ("station_near", "own", "near")}
    return out | places


def hide(batch: Batch) -> Batch:
    """Forget a pollutant, the weather, or some stations' past, as happens; the base keeps what it was made from."""
    series, state = batch["series"].clone(), batch["state"].clone()
    count, blocks = len(STATE), len(STATE) * STATE_BLOCK
    for pollutant in torch.nonzero(torch.rand(count) < HIDE_POLLUTANT).flatten().tolist():
        series[..., [pollutant, count + pollutant]] = 0
        state[..., pollutant * STATE_BLOCK : (pollutant + 1) * STATE_BLOCK] = 0
    if torch.rand(()) < HIDE_WEATHER:
        series[..., 2 * count :] = 0
        state[..., blocks : blocks + 4 * len(WEATHER)] = 0
    silent = torch.rand(series.shape[:2]) < HIDE_STATION
    series[silent] = 0
    state[..., :blocks][silent] = 0
    return batch | {"series": series, "state": state}


def told(base: Tensor, shifts: Tensor, level: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    """The model's expectation (...), and its quantiles (3, ...), in concentrations.

    Args:
        base: (7, ...) as in `Lesson`.
        shifts: (..., 4) of the module.
        level: (C,) of the square-root scale.
        offset: (C,).
    """
    root, sigma, low, middle, high, value, width = base
    mid = root + middle + sigma * shifts[..., 1]
    below, above = (middle - low) * torch.exp(shifts[..., 2]), (high - middle) * torch.exp(shifts[..., 3])
    sides = torch.stack([mid - below, mid, mid + above]).clamp(min=0)
    return value + width * shifts[..., 0], sides**2 * level - offset


def loss(forward: Forward, batch: Batch) -> Tensor:
    """Squared error of the expectation and pinball of the quantiles, in the base's usual errors of that lead."""
    shifts = forward(*(batch[name] for name in INPUTS)).clamp(-3, 3)
    value, quantiles = told(batch["base"], shifts, batch["level"], batch["offset"])
    truth, monitored = batch["truth"], (batch["own"] >= 0).long()
    known = torch.isfinite(truth)
    unit = batch["error"][monitored].transpose(0, 1)[None]  # L, P, C
    wrong = torch.where(known, (torch.nan_to_num(truth) - value) / unit, 0.0)
    missed = torch.where(known, (torch.nan_to_num(truth) - quantiles) / unit, 0.0)
    share = torch.tensor([0.1, 0.5, 0.9]).view(3, 1, 1, 1, 1)
    pinball = torch.maximum(share * missed, (share - 1) * missed).sum(dim=0)
    squared = torch.where(wrong.abs() < 4, wrong**2, 8 * wrong.abs() - 16)  # sensors' spikes teach little
    return (squared + 2 * pinball).sum() / known.sum().clamp(min=1)
