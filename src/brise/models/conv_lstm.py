"""ConvLSTM on the grid: past maps of departures and of the forecast become the next hours' maps.

Convolutional LSTM (Shi et al. 2015, NeurIPS 28, 802), as PlumeNet used it on maps of air quality: one cell reads the
past hours, a second one, started from its state, walks through the hours ahead. It works at half the grid's resolution
and gives a correction to the forecast already corrected by interpolation, on the logarithmic scale. It is trained and
scored on the simulated atmosphere only. Imports torch; served from ONNX without it.
"""

import io
import json
import warnings
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from brise.models.grid_samples import DECAY_H, FLOOR, TARGETS, WEATHER
from brise.models.train import Batch, Data, Forward, History, Recipe, Run, train

FAMILY = "conv_lstm"
INPUTS: tuple[str, ...] = ("observed", "mask", "spread", "background", "weather", "emissions")
"""Of the module and of model.onnx, in this order; float32, shapes as in `grid_samples.samples`."""

LARGEST = 2.0
"""Largest correction, on the logarithmic scale."""


@dataclass(frozen=True, slots=True)
class Config:
    """Size.

    Attributes:
        past: T, hours read.
        ahead: L, leads besides 0.
        hidden: Channels of each cell.
    """

    past: int = 12
    ahead: int = 24
    hidden: int = 32


class Cell(nn.Module):
    """One ConvLSTM: gates from a 3 x 3 convolution of the input and of the state."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.inward = nn.Conv2d(size, 4 * size, 3, padding=1)
        self.around = nn.Conv2d(size, 4 * size, 3, padding=1, bias=False)
        remember = torch.zeros(4 * size)
        remember[size : 2 * size] = 1.0  # at first (Jozefowicz et al. 2015, ICML)
        self.inward.bias = nn.Parameter(remember)

    def forward(self, steps: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(B, T, H, Y, X) -> (B, T, H, Y, X) and the last state."""
        length = steps.shape[1]
        gates = _hours(self.inward(steps.flatten(0, 1)), length)  # all hours at once
        hidden, memory = state
        out = []
        for t in range(length):
            enter, keep, give, fresh = (gates[:, t] + self.around(hidden)).chunk(4, dim=1)
            memory = torch.sigmoid(keep) * memory + torch.sigmoid(enter) * torch.tanh(fresh)
            hidden = torch.sigmoid(give) * torch.tanh(memory)
            out.append(hidden)
        return torch.stack(out, dim=1), (hidden, memory)


def _hours(values: Tensor, length: int) -> Tensor:
    """(B * T, ...) -> (B, T, ...), any B also in the exported graph."""
    return values.reshape(-1, length, *values.shape[1:])


class ConvLstm(nn.Module):
    """(B, ...) fields as in INPUTS -> (B, L + 1, C, Y, X) µg m-3; Y and X even."""

    decay: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        C, H = len(TARGETS), config.hidden
        fixed = 2 + len(WEATHER)  # mask, emissions, weather
        self.read = nn.Conv2d(3 * C + fixed, H, 4, stride=2, padding=1)
        self.look = nn.Conv2d(2 * C + fixed + 1, H, 4, stride=2, padding=1)
        self.encoder, self.decoder = Cell(H), Cell(H)
        last = nn.Conv2d(H, 4 * C, 1, bias=False)
        nn.init.zeros_(last.weight)  # at first: the corrected forecast
        self.head = nn.Sequential(nn.Conv2d(2 * H, H, 3, padding=1), nn.GELU(), last)
        self.fine = nn.PixelShuffle(2)
        lead = torch.arange(config.ahead + 1)[:, None]
        self.register_buffer("decay", torch.exp(-lead / torch.tensor(DECAY_H))[:, :, None, None])

    def forward(
        self, observed: Tensor, mask: Tensor, spread: Tensor, background: Tensor, weather: Tensor, emissions: Tensor
    ) -> Tensor:
        """See the class."""
        T, L = self.config.past, self.config.ahead + 1
        size = background.shape[-2:]
        level = background - 3.0
        sky = weather[..., None, None].expand(-1, -1, -1, *size)
        fixed = torch.cat([mask, (emissions - 5.0) / 2.0], dim=1)[:, None]
        past = [5 * observed, 5 * spread, level[:, :T], fixed.expand(-1, T, -1, -1, -1), sky[:, :T]]
        base = background[:, T - 1 :] + self.decay * spread[:, -1:]
        lead = (torch.arange(L, device=level.device) / L).to(level.dtype)[None, :, None, None, None]
        lead = lead + torch.zeros_like(level[:, T - 1 :, :1])
        departure = (5 * spread[:, -1:]).expand(-1, L, -1, -1, -1)
        ahead = [departure, level[:, T - 1 :], fixed.expand(-1, L, -1, -1, -1), sky[:, T - 1 :], lead]
        coming = self._half(self.look, torch.cat(ahead, dim=2))
        steps = self._half(self.read, torch.cat(past, dim=2))
        zero = torch.zeros_like(steps[:, 0])
        _, state = self.encoder(steps, (zero, zero))
        hidden, _ = self.decoder(coming, state)
        wrong = _hours(self.fine(self.head(torch.cat([hidden, coming], dim=2).flatten(0, 1))), L)
        correction = LARGEST * torch.tanh(wrong.float() / LARGEST)
        return torch.clamp(torch.exp(base + correction) - FLOOR, min=0.0)

    def _half(self, stem: nn.Module, fields: Tensor) -> Tensor:
        half = nn.functional.gelu(stem(fields.flatten(0, 1)))
        return _hours(half, fields.shape[1])


def relative_error(forward: Forward, batch: Batch) -> Tensor:
    """Mean squared error, each sample's and species' in units of its squared mean truth."""
    truth = torch.clamp(torch.exp(batch["truth"].float()) - FLOOR, min=0.0)
    guess = forward(*(batch[name].float() for name in INPUTS)).float()
    scale = truth.mean(dim=(1, 3, 4), keepdim=True) + 1.0
    return torch.mean(((guess - truth) / scale) ** 2)


def inputs_of(batch: dict[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """What model.onnx reads, from a batch of samples."""
    return {name: batch[name].astype(np.float32) for name in INPUTS}


def train_conv_lstm(config: Config, data: Data, recipe: Recipe, run: Run) -> tuple[dict[str, bytes], History]:
    """Train, or go on; the result is an artifact's files: model.onnx and card.json.

    Args:
        config: Size; past and ahead as the samples have them.
        data: Batches of `grid_samples.samples`.
        recipe: How.
        run: Where to; see `models.train`.

    Raises:
        InputError: See `train`.
    """
    torch.manual_seed(recipe.seed)
    module = ConvLstm(config)
    history = train(module, relative_error, data, recipe, run)
    card = {
        "family": FAMILY,
        "name": "conv_lstm",
        "title": "ConvLSTM on the grid (simulated atmosphere only)",
        "targets": TARGETS,
        "config": asdict(config),
        "recipe": asdict(recipe),
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "validation_loss": history.best_loss,
        "steps": history.steps,
        "data": "simulated, CC0",
        "limits": "Trained on a simulated atmosphere over flat ground; its scores say nothing of a real city.",
    }
    return {"model.onnx": to_onnx(module), "card.json": json.dumps(card, indent=1).encode()}, history


def to_onnx(module: ConvLstm, rows: int = 32, columns: int = 32) -> bytes:
    """The module for ONNX Runtime; any number of samples, grids of this size."""
    config = module.config
    C, T, hours = len(TARGETS), config.past, config.past + config.ahead
    shapes = [(T, C), (1,), (T, C), (hours, C), (hours, len(WEATHER)), (1,)]
    example = tuple(
        torch.zeros(2, *shape, *(() if name == "weather" else (rows, columns)))
        for name, shape in zip(INPUTS, shapes, strict=True)
    )
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the exporter is the old one; it takes a tenth of the new one's time
        export: Any = torch.onnx.export  # its types know the new exporter only
        export(
            module.eval(),
            example,
            buffer,
            input_names=list(INPUTS),
            output_names=["concentration"],
            dynamic_axes={name: {0: "batch"} for name in (*INPUTS, "concentration")},
            opset_version=17,
            dynamo=False,
        )
    return buffer.getvalue()
