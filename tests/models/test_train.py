"""The training loop: it learns, stops, resumes to the bit, and does not depend on how many processes learn."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from brise.conventions.errors import InputError
from brise.models.processes import launch
from brise.models.train import Data, Recipe, Tensors, order, read_checkpoint, train

STEPS = 30


class Memory:
    """A run that keeps everything in memory, and can be cut off after so many rows."""

    def __init__(self, stop_after=math.inf):
        self.checkpoint, self.rows, self.stop_after = None, [], stop_after

    def save_checkpoint(self, payload):
        self.checkpoint = payload

    def load_checkpoint(self):
        return self.checkpoint

    def log(self, row):
        self.rows.append(dict(row))
        if len(self.rows) >= self.stop_after:
            raise KeyboardInterrupt


class Lines:
    """y = 2 x0 - x1 + noise; part of x hidden at random, from torch's generator."""

    def __init__(self, count=8, seed=0, hide=True):
        generator = torch.Generator().manual_seed(seed)
        self.x = torch.randn(count, 16, 3, generator=generator)
        self.y = self.x @ torch.tensor([2.0, -1.0, 0.0]) + 0.1 * torch.randn(count, 16, generator=generator)
        self.hide = hide

    def __len__(self):
        return len(self.x)

    def batch(self, index):
        seen = torch.rand(self.x[index].shape) > 0.1 * self.hide
        return {"x": self.x[index] * seen, "y": self.y[index]}


class Broken(Lines):
    def batch(self, index):
        out = super().batch(index)
        return out | {"y": out["y"] * math.nan} if index == 3 else out


def small():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.1), nn.Tanh(), nn.Linear(8, 1))


def squared(forward, batch):
    return ((forward(batch["x"])[:, 0] - batch["y"]) ** 2).mean()


def recipe(**changes):
    return Recipe(**{"steps": STEPS, "warmup": 4, "learning_rate": 3e-2, "validate_every": 5, "log_every": 5} | changes)


def same(one, other):
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


DATA = Data(Lines(), Lines(2, seed=5))


def test_it_learns_and_keeps_the_best_weights():
    module, run = small(), Memory()
    history = train(module, squared, DATA, recipe(steps=80), run)
    validation = [row["validation_loss"] for row in history.rows if "validation_loss" in row]
    assert history.best_loss == min(validation) < 0.3 * validation[0]
    assert history.stopped == "finished"
    assert history.steps == 80
    assert list(history.rows) == run.rows
    assert not any(parameter.is_cuda for parameter in module.parameters())


def test_the_same_seed_gives_the_same_weights_and_another_one_others():
    modules = [small(), small(), small()]
    for module, seed in zip(modules, (0, 0, 7), strict=True):
        train(module, squared, DATA, recipe(seed=seed), Memory())
    assert same(modules[0], modules[1])
    assert not same(modules[0], modules[2])


@pytest.mark.parametrize("ema", [0.0, 0.9])
@pytest.mark.parametrize("rows", [3, 6, 11])
def test_a_resumed_run_gives_the_same_weights_to_the_bit(ema, rows):
    whole, cut, run = small(), small(), Memory(stop_after=rows)
    history = train(whole, squared, DATA, recipe(ema=ema), Memory())
    with pytest.raises(KeyboardInterrupt):
        train(cut, squared, DATA, recipe(ema=ema), run)
    run.stop_after, again = math.inf, small()
    with torch.no_grad():
        again[0].weight.zero_()  # what counts is the checkpoint
    resumed = train(again, squared, DATA, recipe(ema=ema), run)
    assert same(whole, again)
    assert resumed == history


def test_out_of_time_is_not_the_end():
    module, run = small(), Memory()
    first = train(module, squared, DATA, recipe(seconds=1e-9), run)
    assert (first.stopped, first.steps) == ("seconds", 1)
    whole = small()
    train(whole, squared, DATA, recipe(), Memory())
    last = train(module, squared, DATA, recipe(), run)
    assert last.stopped == "finished"
    assert same(module, whole)


def test_it_stops_when_validation_stops_getting_better():
    wrong = Lines(2, seed=5)
    wrong.y = -wrong.y  # the more it learns, the worse
    module, run = small(), Memory()
    history = train(module, squared, Data(DATA.training, wrong), recipe(patience=3), run)
    assert history.stopped == "patience"
    assert history.steps == history.best_step + 3 * 5 < STEPS
    assert train(module, squared, Data(DATA.training, wrong), recipe(patience=3), run) == history


def test_without_validation_the_last_weights_count():
    history = train(small(), squared, Data(DATA.training), recipe(), Memory())
    assert history.best_step == STEPS
    assert math.isnan(history.best_loss)


def test_a_loss_that_is_not_finite_says_where():
    with pytest.raises(InputError, match=r"loss is nan at step \d, epoch 0, batch 3, learning rate"):
        train(small(), squared, Data(Broken()), recipe(), Memory())
    with pytest.raises(InputError, match="validation loss is nan at step 5"):
        train(small(), squared, Data(Lines(), Broken()), recipe(), Memory())


def test_checkpoints_of_others_are_refused():
    run = Memory()
    train(small(), squared, DATA, recipe(steps=5), run)
    with pytest.raises(InputError, match=r"learning_rate was 0\.03, the recipe now says 0\.01"):
        train(small(), squared, DATA, recipe(steps=5, learning_rate=0.01), run)
    with pytest.raises(InputError, match="of another module"):
        train(nn.Sequential(nn.Linear(3, 1)), squared, DATA, recipe(steps=5), run)
    run.checkpoint = run.checkpoint[:100]
    with pytest.raises(InputError, match="100 bytes that cannot be read"):
        train(small(), squared, DATA, recipe(steps=5), run)


class Evil:
    def __reduce__(self):
        return (print, ("run",))


def test_a_checkpoint_can_run_nothing(tmp_path, capsys):
    torch.save({"format": 1, "recipe": Evil()}, tmp_path / "evil")
    with pytest.raises(InputError, match="cannot be read"):
        read_checkpoint((tmp_path / "evil").read_bytes())
    torch.save([1], tmp_path / "other")
    with pytest.raises(InputError, match="not of format 1"):
        read_checkpoint((tmp_path / "other").read_bytes())
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"epochs": 0}, "epochs is 0, at least 1"),
        ({"steps": 0}, "steps is 0, at least 1"),
        ({"learning_rate": 0.0}, "learning_rate is 0"),
        ({"ema": 1.0}, r"ema is 1\.0, from 0 to below 1"),
        ({"precision": "fp8"}, "'fp8', fp32 or bf16"),
    ],
)
def test_recipes_are_checked(wrong, match):
    with pytest.raises(InputError, match=match):
        recipe(**wrong)


def test_a_step_of_more_batches_than_there_are_is_refused():
    with pytest.raises(InputError, match="8 batches, fewer than the 9"):
        train(small(), squared, DATA, recipe(batches_per_step=9), Memory())


def test_bf16_learns_too():
    history = train(small(), squared, DATA, recipe(precision="bf16", steps=60), Memory())
    assert history.best_loss < 1.0  # the variance of y is 5


def test_streamed_batches_are_asked_for_in_order_over_the_epochs():
    asked = []

    class Stream(Lines):
        def batch(self, index):
            asked.append(index)
            return super().batch(index % len(self))

    train(small(), squared, Data(Stream(), streamed=True), recipe(steps=8, batches_per_step=3), Memory())
    assert asked == [index + 8 * epoch for epoch in range(4) for index in range(6)]  # 8 batches are 2 steps of 3


def test_arrays_become_tensors():
    class Arrays:
        def __len__(self):
            return 4

        def batch(self, index):
            return {name: value.numpy() for name, value in DATA.training.batch(index).items()}

    assert len(Tensors(Arrays())) == 4
    assert train(small(), squared, Data(Tensors(Arrays())), recipe(steps=4), Memory()).steps == 4


def test_order_is_a_permutation_that_changes_with_the_epoch():
    orders = [order(20, 3, epoch) for epoch in (0, 0, 1)]
    np.testing.assert_array_equal(np.sort(orders[0]), np.arange(20))
    np.testing.assert_array_equal(orders[0], orders[1])
    assert (orders[0] != orders[2]).any()


class Folder:
    """Rows and checkpoint as files, for processes."""

    def __init__(self, path):
        self.path = Path(path)

    def save_checkpoint(self, payload):
        (self.path / "checkpoint").write_bytes(payload)

    def load_checkpoint(self):
        file = self.path / "checkpoint"
        return file.read_bytes() if file.exists() else None

    def log(self, row):
        with (self.path / "rows").open("a") as file:
            file.write(json.dumps(row) + "\n")


def train_in_group(path, changes):
    module = small()
    train(module, squared, Data(Lines(hide=True), Lines(3, seed=5)), recipe(**changes), Folder(path))
    torch.save(module.state_dict(), Path(path) / f"weights{torch.distributed.get_rank()}")


def test_two_processes_learn_what_one_learns(tmp_path):
    alone = small()
    history = train(alone, squared, Data(Lines(), Lines(3, seed=5)), recipe(batches_per_step=2, steps=10), Memory())
    launch(2, train_in_group, (str(tmp_path), {"batches_per_step": 2, "steps": 10}))
    weights = [torch.load(tmp_path / f"weights{rank}", weights_only=True) for rank in (0, 1)]
    for name, value in alone.state_dict().items():
        assert torch.equal(weights[0][name], weights[1][name])
        # Gradients are summed in another order: float32 rounding, a few steps of Adam amplify it.
        np.testing.assert_allclose(weights[0][name], value, rtol=1e-3, atol=1e-5)
    rows = [json.loads(line) for line in (tmp_path / "rows").read_text().splitlines()]
    assert [row["step"] for row in rows] == [row["step"] for row in history.rows]
    np.testing.assert_allclose(rows[-1]["validation_loss"], history.rows[-1]["validation_loss"], rtol=1e-3)


def test_one_process_needs_no_group():
    done = []
    launch(1, done.append, ("here",))
    assert done == ["here"]
