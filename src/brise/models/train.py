"""The training loop: one for every learned model, on a CPU, a GPU, or many of either.

A step reads `batches_per_step` batches, split over the processes, so that what is learned depends on the recipe and not
on how many processes learn it. All random numbers of a batch (dropout, hidden stations) come from torch's global
generator, which is seeded from (seed, step, place in the step) just before the batch is asked for: a resumed run goes
on as if it had never stopped. Imports torch, so only training may import it; opens no file, see `Run`.
"""

import io
import logging
import math
import pickle
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parallel import DistributedDataParallel

from brise.conventions.errors import InputError
from brise.models.processes import agreed, mean_over_processes, place, shared_bytes

log = logging.getLogger("brise.train")

Batch = dict[str, Tensor]
Forward = Callable[..., Any]
Loss = Callable[[Forward, Batch], Tensor]
"""loss(forward, batch) -> scalar. `forward` is the module or a wrapper of it: call it, do not reach into it."""

FORMAT = 1
_FREE = ("seconds", "threads", "device", "patience", "log_every", "unused_parameters")
"""What a resumed run may change in its recipe."""


class Batches(Protocol):
    """Batches by number. What is random in one must come from torch's global generator, already seeded for it."""

    def __len__(self) -> int:
        """How many."""

    def batch(self, index: int) -> Batch:
        """One, on the CPU; the first dimension of its first tensor is B."""


class Run(Protocol):
    """Where a training keeps what must outlive it; only the first process calls it."""

    def save_checkpoint(self, payload: bytes) -> None:
        """Keep this instead of the one before, whole or not at all."""

    def load_checkpoint(self) -> bytes | None:
        """The newest; None = there is none, start afresh."""

    def log(self, row: Mapping[str, Any]) -> None:
        """Progress: step, steps, epoch and loss, or validation_loss."""


class ArrayBatches(Protocol):
    """The same of NumPy arrays, such as a reader of shards."""

    def __len__(self) -> int:
        """How many."""

    def batch(self, index: int) -> dict[str, NDArray[Any]]:
        """One."""


@dataclass(frozen=True, slots=True)
class Tensors:
    """Batches of tensors from batches of arrays."""

    source: ArrayBatches

    def __len__(self) -> int:
        """How many."""
        return len(self.source)

    def batch(self, index: int) -> Batch:
        """One; no copy is made."""
        return {name: torch.from_numpy(values) for name, values in self.source.batch(index).items()}


@dataclass(frozen=True, slots=True)
class Data:
    """What to learn from and what to stop by.

    Attributes:
        training: Batches to learn from.
        validation: Batches to stop by; without them the last weights count.
        streamed: The training batches come shuffled, and are asked for one after the other: the index counts on over
            the epochs. Else this loop shuffles them.
    """

    training: Batches
    validation: Batches | None = None
    streamed: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes:
        epochs: Rounds over the training batches.
        steps: Instead of epochs: so many steps.
        batches_per_step: Batches averaged into one step; a multiple of the number of processes.
        learning_rate: Of AdamW at its peak.
        weight_decay: On matrices, not on biases and scales.
        warmup: Steps over which the learning rate rises from zero; then it falls as a cosine to a hundredth.
        clip: Largest norm of the gradient; 0 = no limit.
        ema: Decay a step of the moving average of weights that is validated and kept; 0 = the weights themselves.
        seed: Of the order and of everything random within a batch.
        validate_every: Steps between validations and checkpoints; 0 = once an epoch.
        patience: Validations in a row without a better one before it stops; 0 = never.
        precision: "bf16" is autocast where the device computes in it natively, else fp32 with a warning.
        threads: Of each process.
        seconds: Stops after so long in this call, with a checkpoint; 0 = no limit.
        device: "auto" = the GPU of this process if there is one.
        log_every: Steps between two rows of progress.
        unused_parameters: True if a batch may leave parameters without gradient and there are several processes.
    """

    epochs: int = 10
    steps: int | None = None
    batches_per_step: int = 1
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup: int = 100
    clip: float = 1.0
    ema: float = 0.0
    seed: int = 0
    validate_every: int = 0
    patience: int = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: int = 1
    seconds: float = 0.0
    device: str = "auto"
    log_every: int = 20
    unused_parameters: bool = False

    def __post_init__(self) -> None:
        least = {"epochs": 1, "batches_per_step": 1, "threads": 1, "log_every": 1, "warmup": 0, "validate_every": 0}
        least |= {"patience": 0, "seconds": 0, "clip": 0, "weight_decay": 0, "seed": 0}
        for name, limit in least.items():
            if not getattr(self, name) >= limit:
                raise InputError(f"recipe: {name} is {getattr(self, name)}, at least {limit} expected")
        if self.steps is not None and self.steps < 1:
            raise InputError(f"recipe: steps is {self.steps}, at least 1 expected")
        if not self.learning_rate > 0:
            raise InputError(f"recipe: learning_rate is {self.learning_rate}, above 0 expected")
        if not 0 <= self.ema < 1:
            raise InputError(f"recipe: ema is {self.ema}, from 0 to below 1 expected")
        if self.precision not in ("fp32", "bf16"):
            raise InputError(f"recipe: precision is {self.precision!r}, fp32 or bf16 expected")


@dataclass(frozen=True, slots=True)
class History:
    """What happened.

    Attributes:
        rows: As logged, oldest first.
        steps: Taken, those before a resume included.
        best_step: Of the weights that the module now has.
        best_loss: Of validation; NaN without any.
        stopped: "finished", "patience" or "seconds" (a later call goes on from there).
    """

    rows: tuple[dict[str, Any], ...]
    steps: int
    best_step: int
    best_loss: float
    stopped: str


@dataclass(slots=True)
class _Progress:
    """Where a training stands, apart from weights and optimizer."""

    step: int = 0
    best_step: int = 0
    best_loss: float = math.nan
    worse: int = 0
    stopped: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    recent: list[float] = field(default_factory=list)  # losses since the last row


@dataclass(slots=True)
class _Session:
    """What one call of `train` works with."""

    module: nn.Module
    forward: Forward
    loss: Loss
    optimizer: torch.optim.Optimizer
    recipe: Recipe
    device: torch.device
    average: dict[str, Tensor]
    best: dict[str, Tensor]
    progress: _Progress


def train(module: nn.Module, loss: Loss, data: Data, recipe: Recipe, run: Run) -> History:
    """Train in place; the module ends with its best weights (the last ones without validation), on the CPU.

    Every process of a group calls it with the same arguments; see `processes.launch`.

    Args:
        module: With the weights to start from; the first process's count.
        loss: Of one batch, a mean over it.
        data: Batches to learn from and to validate by.
        recipe: How.
        run: Where checkpoints and progress go; a checkpoint found there is resumed.

    Raises:
        InputError: Too few batches for a step, a checkpoint of another recipe or module, or a loss that is not finite.
    """
    torch.set_num_threads(recipe.threads)
    session = _session(module, loss, recipe)
    _resume(session, run)
    total = _total_steps(recipe, data)
    began = time.monotonic()
    while session.progress.step < total and session.progress.stopped in ("", "seconds"):
        session.progress.stopped = ""
        _step(session, data, total, run)
        step = session.progress.step
        late = bool(recipe.seconds) and agreed(time.monotonic() - began > recipe.seconds)
        if step % _between(recipe, data) == 0 or step == total:
            _validate(session, data.validation, run)
            _save(session, run)
        if late and not session.progress.stopped and step < total:
            session.progress.stopped = "seconds"
            _save(session, run)
            break
    progress = session.progress
    module.load_state_dict(session.best or session.average or module.state_dict())
    module.to("cpu")
    best_step = progress.best_step if session.best else progress.step
    return History(tuple(progress.rows), progress.step, best_step, progress.best_loss, progress.stopped or "finished")


def learning_rate(recipe: Recipe, step: int, total: int) -> float:
    """Linear warm-up, then a cosine down to a hundredth of the peak (Loshchilov and Hutter 2017, ICLR).

    >>> [round(learning_rate(Recipe(warmup=10), step, 110), 5) for step in (0, 9, 60, 109)]
    [0.0001, 0.001, 0.00051, 1e-05]
    """
    warmup = min(recipe.warmup, total // 2)
    if step < warmup:
        return recipe.learning_rate * (step + 1) / warmup
    done = (step - warmup) / max(total - warmup, 1)
    return recipe.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


def order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order of `count` batches in an epoch: a permutation, the same for the same seed and epoch."""
    return np.random.default_rng([seed, epoch]).permutation(count)


def _session(module: nn.Module, loss: Loss, recipe: Recipe) -> _Session:
    rank, world, local = place()
    if recipe.batches_per_step % world:
        raise InputError(
            f"recipe: batches_per_step is {recipe.batches_per_step}, a multiple of the {world} processes expected"
        )
    name = recipe.device if recipe.device != "auto" else f"cuda:{local}" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    module.to(device)
    forward: Forward = module
    if world > 1:
        ids = [device] if device.type == "cuda" else None
        forward = DistributedDataParallel(module, ids, find_unused_parameters=recipe.unused_parameters)
    log.info("process %d of %d on %s", rank, world, device)
    matrices = [p for p in module.parameters() if p.requires_grad and p.ndim > 1]
    vectors = [p for p in module.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate)
    average = _copy(module) if recipe.ema else {}
    return _Session(module, forward, loss, optimizer, recipe, device, average, {}, _Progress())


def _copy(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def _steps_an_epoch(recipe: Recipe, training: Batches) -> int:
    steps = len(training) // recipe.batches_per_step
    if steps == 0:
        raise InputError(f"training has {len(training)} batches, fewer than the {recipe.batches_per_step} of a step")
    return steps


def _total_steps(recipe: Recipe, data: Data) -> int:
    return recipe.steps or recipe.epochs * _steps_an_epoch(recipe, data.training)


def _between(recipe: Recipe, data: Data) -> int:
    return recipe.validate_every or _steps_an_epoch(recipe, data.training)


def _seed(*what: int) -> None:
    torch.manual_seed(int(np.random.SeedSequence(what).generate_state(1, np.uint64)[0] >> np.uint64(1)))


def _to(batch: Batch, device: torch.device) -> Batch:
    return {name: value.to(device, non_blocking=True) for name, value in batch.items()}


def _precise(session: _Session) -> AbstractContextManager[Any]:
    if session.recipe.precision == "bf16" and has_native_bf16(session.device):
        return torch.autocast(session.device.type, torch.bfloat16)
    return nullcontext()


def has_native_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware; elsewhere it only costs accuracy."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def _chosen(recipe: Recipe, data: Data, step: int) -> tuple[int, list[int]]:
    """The epoch of a step and its batches."""
    count = len(data.training)
    epoch, within = divmod(step, _steps_an_epoch(recipe, data.training))
    places = range(within * recipe.batches_per_step, (within + 1) * recipe.batches_per_step)
    if data.streamed:
        return epoch, [epoch * count + place for place in places]
    return epoch, order(count, recipe.seed, epoch)[places.start : places.stop].tolist()


def _step(session: _Session, data: Data, total: int, run: Run) -> None:
    """One step of the optimizer over `batches_per_step` batches, this process's share of them here."""
    recipe, progress, (rank, world, _) = session.recipe, session.progress, place()
    epoch, chosen = _chosen(recipe, data, progress.step)
    rate = learning_rate(recipe, progress.step, total)
    for group in session.optimizer.param_groups:
        group["lr"] = rate
    session.module.train()
    session.optimizer.zero_grad(set_to_none=True)
    mine = range(rank, len(chosen), world)
    losses = []
    for slot in mine:
        _seed(recipe.seed, 1, progress.step, slot)
        batch = _to(data.training.batch(chosen[slot]), session.device)
        held = session.forward.no_sync() if world > 1 and slot != mine[-1] else nullcontext()  # type: ignore[attr-defined]
        with held:
            with _precise(session):
                value = session.loss(session.forward, batch)
            torch.autograd.backward(value / len(mine))
        losses.append(float(value.detach()))
        _check(losses[-1], f"step {progress.step}, epoch {epoch}, batch {chosen[slot]}, learning rate {rate:.3g}")
    norm = float(nn.utils.clip_grad_norm_(session.module.parameters(), recipe.clip or math.inf))
    _check(norm, f"step {progress.step}, epoch {epoch}, learning rate {rate:.3g}", "norm of the gradient")
    session.optimizer.step()
    progress.step += 1
    _follow(session)
    progress.recent.append(sum(losses) / len(losses))
    if progress.step % recipe.log_every == 0 or progress.step == total:
        mean = mean_over_processes(sum(progress.recent), len(progress.recent), session.device)
        progress.recent.clear()
        _log(session, run, {"steps": total, "epoch": epoch, "loss": mean, "learning_rate": rate, "gradient": norm})


def _check(value: float, where: str, what: str = "loss") -> None:
    if not math.isfinite(value):
        raise InputError(
            f"training diverged: {what} is {value} at {where}; look at that batch, or lower the learning rate"
        )


def _log(session: _Session, run: Run, row: dict[str, Any]) -> None:
    row = {"step": session.progress.step, **row}
    session.progress.rows.append(row)
    if place()[0] == 0:
        run.log(row)


def _follow(session: _Session) -> None:
    """Move the average of weights; its memory grows with the steps taken, up to the recipe's."""
    done = session.progress.step
    decay = min(session.recipe.ema, (1 + done) / (10 + done))
    now = session.module.state_dict()
    for name, value in session.average.items():
        if value.is_floating_point():
            value.lerp_(now[name], 1 - decay)
        else:
            value.copy_(now[name])


@torch.no_grad()
def _validate(session: _Session, validation: Batches | None, run: Run) -> None:
    if validation is None:
        return
    progress, (rank, world, _) = session.progress, place()
    session.module.eval()
    forward: Forward = session.module
    if session.average:
        forward = partial(_with_weights, session.module, session.average)
    total, mine = 0.0, range(rank, len(validation), world)
    for index in mine:
        _seed(session.recipe.seed, 2, index)  # the same hidden stations every time
        with _precise(session):
            total += float(session.loss(forward, _to(validation.batch(index), session.device)))
    loss = mean_over_processes(total, len(mine), session.device)
    _check(loss, f"step {progress.step}", "validation loss")
    better = not loss >= progress.best_loss  # the first beats NaN
    if better:
        progress.best_step, progress.best_loss, progress.worse = progress.step, loss, 0
        session.best = {name: value.clone() for name, value in (session.average or _copy(session.module)).items()}
    else:
        progress.worse += 1
    if session.recipe.patience and progress.worse >= session.recipe.patience:
        progress.stopped = "patience"
    _log(session, run, {"validation_loss": loss, "best_loss": progress.best_loss})


def _with_weights(module: nn.Module, weights: dict[str, Tensor], *values: Any, **named: Any) -> Any:
    return functional_call(module, weights, values, named)


def _save(session: _Session, run: Run) -> None:
    if place()[0]:
        return
    progress = session.progress
    state = {
        "format": FORMAT,
        "recipe": _binding(session.recipe),
        "module": session.module.state_dict(),
        "optimizer": session.optimizer.state_dict(),
        "average": session.average,
        "best": session.best,
        "progress": asdict(progress),
    }
    buffer = io.BytesIO()
    torch.save(state, buffer)
    run.save_checkpoint(buffer.getvalue())


def _binding(recipe: Recipe) -> dict[str, Any]:
    return {name: value for name, value in asdict(recipe).items() if name not in _FREE}


def _resume(session: _Session, run: Run) -> None:
    """Go on from the newest checkpoint, if there is one.

    Raises:
        InputError: It cannot be read, or is of another recipe or module.
    """
    payload = shared_bytes(run.load_checkpoint() if place()[0] == 0 else None)
    if payload is None:
        return
    state = read_checkpoint(payload)
    for name, value in _binding(session.recipe).items():
        if state["recipe"].get(name) != value:
            raise InputError(f"checkpoint: {name} was {state['recipe'].get(name)}, the recipe now says {value}")
    try:
        session.module.load_state_dict(state["module"])
        session.optimizer.load_state_dict(state["optimizer"])
    except (RuntimeError, ValueError) as error:
        raise InputError(f"checkpoint: of another module: {error}") from error
    session.average = {name: value.to(session.device) for name, value in state["average"].items()}
    session.best = {name: value.to(session.device) for name, value in state["best"].items()}
    session.progress = _Progress(**state["progress"])
    log.info("resumed at step %d", session.progress.step)


def read_checkpoint(payload: bytes) -> dict[str, Any]:
    """What a checkpoint holds; tensors and plain values only, so that a file from elsewhere can run nothing.

    Raises:
        InputError: Not a checkpoint of ours, or of another format.
    """
    try:
        state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except (RuntimeError, ValueError, KeyError, EOFError, OSError, pickle.UnpicklingError) as error:
        raise InputError(f"checkpoint: {len(payload)} bytes that cannot be read: {error}") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise InputError(f"checkpoint: not of format {FORMAT}")
    return state
