"""Samples a second that the training loop learns with one process and with two (DDP, gloo), one thread each.

    python -m benchmarks.speed.training

The module is the ConvLSTM at the size that docs/science/conv-lstm.md scores; a step is the same for both: two batches
of eight, one after the other in one process, or one in each of two. Rounds alternate; on a busy machine two processes
get less than two cores, so the share of CPU time that each got, and the ratio per CPU time, are printed beside it.
"""

import json
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

import torch

from brise.models.conv_lstm import Config, ConvLstm, relative_error
from brise.models.processes import launch, place
from brise.models.train import Batch, Data, Recipe, train

STEPS, WARM, SIZE, ROUNDS = 8, 2, 8, 3


class Noise:
    """Batches of the shapes of real ones."""

    def __init__(self) -> None:
        self.one: Batch = {
            "observed": torch.randn(SIZE, 12, 3, 32, 32) * 0.1,
            "mask": torch.ones(SIZE, 1, 32, 32),
            "spread": torch.randn(SIZE, 12, 3, 32, 32) * 0.1,
            "background": 3 + torch.randn(SIZE, 36, 3, 32, 32) * 0.5,
            "weather": torch.randn(SIZE, 36, 6),
            "emissions": torch.randn(SIZE, 1, 32, 32),
            "truth": 3 + torch.randn(SIZE, 25, 3, 32, 32) * 0.5,
        }

    def __len__(self) -> int:
        return 64

    def batch(self, index: int) -> Batch:  # noqa: ARG002
        return self.one


class Clock:
    """A run that notes when each step was logged."""

    def __init__(self) -> None:
        self.times: list[tuple[float, float]] = []

    def save_checkpoint(self, payload: bytes) -> None:
        """Nothing to keep."""

    def load_checkpoint(self) -> bytes | None:
        return None

    def log(self, row: dict[str, float]) -> None:  # noqa: ARG002
        self.times.append((time.perf_counter(), time.process_time()))


def learn(file: str) -> None:
    clock, recipe = Clock(), Recipe(steps=WARM + STEPS, batches_per_step=2, log_every=1, device="cpu", precision="bf16")
    train(ConvLstm(Config()), relative_error, Data(Noise()), recipe, clock)
    if place()[0] == 0:
        (wall, cpu), (first, before) = clock.times[-1], clock.times[WARM - 1]
        Path(file).write_text(json.dumps([wall - first, cpu - before]))


def measured(world: int) -> tuple[float, float]:
    """Samples a second, and the share of a core that the first process got."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "seconds")
        launch(world, learn, (file,))
        wall, cpu = json.loads(Path(file).read_text())
    return STEPS * 2 * SIZE / wall, cpu / wall


def main() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    torch.set_num_threads(1)
    ratios, fair = [], []
    for _ in range(ROUNDS):
        (one, got_one), (two, got_two) = measured(1), measured(2)
        ratios.append(two / one)
        fair.append(two / got_two / (one / got_one))
        print(
            f"1 process {one:5.1f} samples/s ({got_one:.0%} of a core), 2 processes {two:5.1f} ({got_two:.0%} each): "
            f"x{ratios[-1]:.2f}, x{fair[-1]:.2f} by CPU time; load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
    peak, load = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, os.getloadavg()[0]
    print(
        f"2 processes learn x{statistics.median(ratios):.2f} as fast by the clock, x{statistics.median(fair):.2f} by "
        f"CPU time (at least 1.7 wanted); {os.cpu_count()} cores, load {load:.1f}, peak {peak:.2f} GB"
    )


if __name__ == "__main__":
    main()
