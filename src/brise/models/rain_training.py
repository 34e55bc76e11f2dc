"""Training of the rain nowcaster: a linear part that is solved, and a small network that learns what it leaves.

Both read the same numbers at a target's departure point, see `rain_net`; over a whole field that is a convolutional
network whose first layer, the smoothing at seven scales, is given. Imports torch, so only training may import it.
"""

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from brise.conventions.errors import InputError
from brise.models.rain_net import BANDS, FEATURES, FRAMES, NODES, SCALES
from brise.models.rain_samples import Lessons
from brise.models.rain_serving import LEVELS
from brise.models.train import Batch, Data, Forward, History, Recipe, Run, train

OPSET = 18

_PENALTY = 1e-3
_CHANCES = 0.1  # weight of the chances' loss beside that of the value, which is about 1


@dataclass(frozen=True, slots=True)
class Shape:
    """The network.

    Attributes:
        hidden: Units of each of its two layers.
        dropout: Of them.
        batch: Lessons of a batch.
        trust: Share of what the network adds to the linear part that a trained one counts: it was learnt on few events.
    """

    hidden: int = 32
    dropout: float = 0.1
    batch: int = 4096
    trust: float = 0.5

    def __post_init__(self) -> None:
        for name, low, high in (("hidden", 1, 512), ("dropout", 0, 0.9), ("batch", 16, 1_000_000), ("trust", 0, 1)):
            if not low <= getattr(self, name) <= high:
                raise InputError(f"rain network: {name} is {getattr(self, name)}, expected {low} to {high}")


def terms(x: Tensor) -> Tensor:
    """(N, Z) what the linear part weighs, from inputs (N, FEATURES)."""
    scales = x[:, : len(SCALES) * FRAMES].reshape(-1, len(SCALES), FRAMES)
    newest, changes = scales[:, :, 0], scales[:, :, 1:]
    at = len(SCALES) * FRAMES
    one, three = x[:, at : at + BANDS], x[:, at + BANDS : at + 2 * BANDS]
    steps = x[:, -1:]
    alive = torch.exp(steps / 3 * torch.log(three))
    bands = newest[:, :BANDS] - newest[:, 1 : BANDS + 1]
    growth = changes[:, :BANDS, 0] - changes[:, 1 : BANDS + 1, 0]
    root = torch.sqrt(newest.clamp(min=0) + 0.01)
    roots = root[:, :BANDS] - root[:, 1 : BANDS + 1]
    broad = torch.cat([newest[:, BANDS:], root[:, BANDS : BANDS + 1], changes[:, BANDS:, 0]], dim=1)
    parts = (newest, changes.flatten(1), bands * alive, bands * torch.exp(steps * torch.log(one)), growth * alive)
    slopes = x[:, at + 2 * BANDS : -len(NODES) - 1]
    return torch.cat([*parts, root, roots * alive, broad * alive[:, -1:], slopes], dim=1)


class RainNet(nn.Module):
    """Inputs (N, FEATURES) -> (N, 1 + LEVELS): the mean of log1p, then logits of at least each level, falling."""

    def __init__(self, shape: Shape, linear: NDArray[np.float32], spread: tuple[NDArray[np.float32], ...]) -> None:
        """A network around the linear part (NODES, Z) that is kept as it is.

        Args:
            shape: Of the network.
            linear: Weights.
            spread: Mean and standard deviation of what the network reads.
        """
        super().__init__()
        self.linear: Tensor
        self.mean: Tensor
        self.deviation: Tensor
        for name, values in (("linear", linear), ("mean", spread[0]), ("deviation", spread[1])):
            self.register_buffer(name, torch.from_numpy(values))
        self.trust = shape.trust
        width = len(spread[0])
        self.layers = nn.Sequential(
            nn.Linear(width, shape.hidden),
            nn.SiLU(),
            nn.Dropout(shape.dropout),
            nn.Linear(shape.hidden, shape.hidden),
            nn.SiLU(),
            nn.Dropout(shape.dropout),
        )
        self.out = nn.Linear(shape.hidden, 1 + len(LEVELS))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1 + LEVELS)."""
        return self.told(*readings(x, self.linear))

    def told(self, base: Tensor, read: Tensor) -> Tensor:
        """The same from `readings`."""
        told = self.out(self.layers((read - self.mean) / self.deviation))
        rest = functional.softplus(told[:, 2:] - 1.0)
        logits = told[:, 1:2] - torch.cat([torch.zeros_like(told[:, :1]), rest.cumsum(dim=1)], dim=1)
        return torch.cat([base + told[:, :1] * (1.0 if self.training else self.trust), logits], dim=1)


def readings(x: Tensor, linear: Tensor) -> tuple[Tensor, Tensor]:
    """The linear part (N, 1), and what the network reads (N, W)."""
    z = terms(x)
    nodes = x[:, -len(NODES) - 1 : -1]
    base = (z @ linear.T * nodes).sum(dim=1, keepdim=True)
    at = len(SCALES) * FRAMES
    positive = base.clamp(min=0)
    return base, torch.cat([z, x[:, at : at + 2 * BANDS], nodes, base, torch.sqrt(positive + 0.01)], dim=1)


def solve(events: Sequence[Lessons]) -> tuple[NDArray[np.float32], list[tuple[float, float]]]:
    """The linear part by ridge regression, events and kinds alike; and each event's error of fields and of windows.

    The errors are of the newest frame smoothed to 2 pixels: what the losses are measured in, so that an event of
    heavy rain counts no more than one of drizzle.
    """
    left, right, units = np.zeros(()), np.zeros(()), []
    for lessons in events:
        pair = []
        for kind in (False, True):
            part = lessons.where(lessons.plain & (lessons.window == kind))
            unit = float(np.mean((part.inputs[:, 2 * FRAMES] - part.truth) ** 2)) if len(part) else 1.0
            pair.append(max(unit, 1e-4))
            for start in range(0, len(part), 20_000):
                x = torch.from_numpy(part.inputs[start : start + 20_000])
                z = (x[:, -len(NODES) - 1 : -1, None] * terms(x)[:, None]).flatten(1).double().numpy()
                weight = 1 / (pair[-1] * len(part))
                left = left + z.T @ z * weight
                right = right + z.T @ part.truth[start : start + 20_000] * weight
        units.append((pair[0], pair[1]))
    ridge = _PENALTY * (np.diag(np.diag(left)) + np.eye(len(left)) * np.trace(left) / len(left))
    weights = np.linalg.solve(left + ridge, right).reshape(len(NODES), -1)
    return weights.astype(np.float32), units


@dataclass(frozen=True, slots=True)
class EventBatches:
    """Batches in which every event counts alike, and windows as much as fields. A batch is drawn by its own seed."""

    events: Sequence[Lessons]
    units: Sequence[tuple[float, float]]
    size: int
    count: int

    def __len__(self) -> int:
        """How many an epoch has."""
        return self.count

    def batch(self, index: int) -> Batch:  # noqa: ARG002  # the draw comes from torch's generator
        """One."""
        share = max(1, self.size // (2 * len(self.events)))
        x, y, w = [], [], []
        for lessons, units in zip(self.events, self.units, strict=True):
            for kind in (False, True):
                found = np.flatnonzero(lessons.window == kind)
                if not len(found):
                    continue
                chosen = found[torch.randint(len(found), (share,)).numpy()]
                x.append(lessons.inputs[chosen])
                y.append(lessons.truth[chosen])
                w.append(np.full(share, 1 / units[kind], np.float32))
        return {name: torch.from_numpy(np.concatenate(part)) for name, part in (("x", x), ("y", y), ("w", w))}


def loss(forward: Forward, batch: Batch) -> Tensor:
    """Squared error of log1p in units of each event, and the chances' log loss."""
    told = forward(batch["x"])
    squares: Tensor = (batch["w"] * (told[:, 0] - batch["y"]) ** 2).mean()
    reached = (batch["y"][:, None] >= torch.log1p(torch.tensor(LEVELS))).float()
    chances: Tensor = functional.binary_cross_entropy_with_logits(told[:, 1:], reached)
    return squares + _CHANCES * chances


def learn(
    events: Sequence[Lessons], shape: Shape, recipe: Recipe, runs: Sequence[Run]
) -> tuple[list[RainNet], list[History]]:
    """One member a run, each of its own seed."""
    linear, units = solve(events)
    with torch.no_grad():
        sample = torch.cat([torch.from_numpy(one.inputs[:: max(1, len(one) // 20_000)]) for one in events])
        read = readings(sample, torch.from_numpy(linear))[1].double()
    spread = read.mean(dim=0).float().numpy(), (read.std(dim=0) + 1e-3).float().numpy()
    members, histories = [], []
    for number, run in enumerate(runs):
        torch.manual_seed(recipe.seed + 1000 * number)
        member = RainNet(shape, linear, spread)
        data = Data(EventBatches(events, units, shape.batch, 100))
        histories.append(train(member, loss, data, replace(recipe, seed=recipe.seed + number), run))
        members.append(member.eval())
    return members, histories


class Members(nn.Module):
    """The mean of several members around the same linear part, in log space and in logits."""

    def __init__(self, members: Sequence[RainNet]) -> None:
        """Keep them."""
        super().__init__()
        self.told = members
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor) -> Tensor:
        """As `RainNet.forward`; what they read is made once."""
        read = readings(x, self.told[0].linear)
        return torch.stack([member.told(*read) for member in self.told]).mean(dim=0)


def predict(members: Sequence[RainNet], inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 1 + LEVELS) of the mean of the members."""
    module = Members(members).eval()
    with torch.no_grad():
        parts = [module(torch.from_numpy(inputs[at : at + 50_000])).numpy() for at in range(0, len(inputs), 50_000)]
    return np.concatenate(parts)


def to_onnx(members: Sequence[RainNet]) -> bytes:
    """The graph: "inputs" (N, FEATURES) -> "told" (N, 1 + LEVELS), N free."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the newer exporter needs one more library, and writes the same graph
        torch.onnx.export(
            Members(members).eval(),
            (torch.full((3, FEATURES), 0.5),),
            buffer,  # type: ignore[arg-type]  # a stream is taken too
            input_names=["inputs"],
            output_names=["told"],
            dynamic_axes={"inputs": {0: "n"}, "told": {0: "n"}},
            opset_version=OPSET,
            dynamo=False,
        )
    return buffer.getvalue()


def score(told: NDArray[np.float32], lessons: Lessons) -> Mapping[str, float]:
    """Mean squared error of log1p of windows and of fields, on lessons as they were measured."""
    error = (np.maximum(told[:, 0], 0) - lessons.truth) ** 2
    return {
        name: float(error[lessons.plain & (lessons.window == kind)].mean())
        for name, kind in (("windows", True), ("fields", False))
    }
