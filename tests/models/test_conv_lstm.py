"""The ConvLSTM: samples are what they say, it starts at the corrected forecast, learns, and is the same in ONNX."""

import numpy as np
import pytest
import torch

from brise.conventions.errors import InputError
from brise.formulas.cities import CITIES
from brise.formulas.nature_run import BLOCK_H, make_domain, simulate
from brise.models.conv_lstm import INPUTS, Config, ConvLstm, inputs_of, relative_error, to_onnx, train_conv_lstm
from brise.models.grid_samples import DECAY_H, TARGETS, Week, from_log, log_of, samples
from brise.models.sessions import open_session, read_json
from brise.models.train import Data, Recipe, Tensors

WEEK = Week("london", 3, 2700, (4, 9), past=3, ahead=2, every=32)
CONFIG = Config(past=3, ahead=2, hidden=8)


@pytest.fixture(scope="module")
def domain():
    city = CITIES["london"]
    return make_domain(city, np.array([city.latitude]), np.array([city.longitude]), np.array([8e6]))


@pytest.fixture(scope="module")
def made(domain):
    return samples(domain, WEEK)


class Parts:
    """The samples in batches of two."""

    def __init__(self, made):
        self.made = made

    def __len__(self):
        return len(self.made["truth"]) // 2

    def batch(self, index):
        return {name: values[2 * index : 2 * index + 2] for name, values in self.made.items()}


class Nowhere:
    def save_checkpoint(self, payload):
        pass

    def load_checkpoint(self):
        return None

    def log(self, row):
        pass


def test_samples_hold_the_truth_of_their_hours(domain, made):
    begin = np.datetime64(WEEK.block * BLOCK_H, "h")
    run = simulate((domain,), begin, begin + np.timedelta64(BLOCK_H, "h"), WEEK.seed)
    inits = np.arange(3, BLOCK_H - 2, 32)
    for c, name in enumerate(TARGETS):
        expected = log_of(run.fields[name][inits[:, None] + np.arange(3), 0])
        # float16 holds a logarithm of up to 5 to 0.002
        np.testing.assert_allclose(made["truth"][:, :, c], expected, atol=3e-3)
    assert made["background"].shape == (len(inits), 5, 3, 32, 32)
    assert made["weather"].shape == (len(inits), 5, 6)


def test_departures_are_known_only_where_stations_are(made):
    counts = made["mask"].sum(axis=(1, 2, 3))
    np.testing.assert_array_equal(counts, made["stations"])
    assert ((counts >= 4) & (counts <= 9)).all()
    nowhere = np.broadcast_to(made["mask"][:, None] == 0, made["observed"].shape)
    assert not made["observed"][nowhere].any()
    assert made["observed"].any(axis=(1, 2, 3, 4)).all()


def test_interpolated_departures_are_nearer_to_the_truth_than_none(made):
    wrong = made["truth"][:, 0].astype(float) - made["background"][:, 2].astype(float)
    left = wrong - made["spread"][:, -1].astype(float)
    assert (left**2).mean() < 0.7 * (wrong**2).mean()


def test_samples_know_nothing_of_the_hours_after(domain, made):
    shorter = samples(domain, Week("london", 3, 2700, (4, 9), past=3, ahead=1, every=32))
    for name in ("observed", "spread", "analysis"):
        np.testing.assert_array_equal(made[name], shorter[name])


@pytest.mark.parametrize(
    ("wrong", "match"),
    [({"stations": (0, 3)}, "at least one station"), ({"past": 160, "ahead": 20}, "under the 168 h")],
)
def test_weeks_are_checked(wrong, match):
    with pytest.raises(InputError, match=match):
        Week("london", 0, 0, **wrong)


def test_it_begins_at_the_corrected_forecast(made):
    module = ConvLstm(CONFIG)
    batch = {name: torch.from_numpy(values) for name, values in made.items()}
    with torch.no_grad():
        found = module(*(batch[name].float() for name in INPUTS)).numpy()
    decay = np.exp(-np.arange(3)[:, None] / np.array(DECAY_H))[:, :, None, None]
    expected = from_log(made["background"][:, 2:].astype(float) + decay * made["spread"][:, -1:].astype(float))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)  # float32 of sums of exponents up to 6


def test_it_learns_and_onnx_says_the_same(made):
    data = Data(Tensors(Parts(made)), Tensors(Parts(made)))
    recipe = Recipe(steps=24, learning_rate=1e-2, warmup=2, validate_every=6)
    files, history = train_conv_lstm(CONFIG, data, recipe, Nowhere())
    losses = [row["validation_loss"] for row in history.rows if "validation_loss" in row]
    with torch.no_grad():
        start = float(np.mean([float(relative_error(ConvLstm(CONFIG), data.training.batch(i))) for i in range(2)]))
    assert history.best_loss == min(losses) < 0.9 * start
    card = read_json(files, "card.json")
    assert (card["family"], card["targets"]) == ("conv_lstm", list(TARGETS))
    session = open_session(files["model.onnx"])
    assert session.run(inputs_of({n: v[:1] for n, v in made.items()}))[0].shape == (1, 3, 3, 32, 32)


def test_onnx_is_the_module_for_any_number_of_samples(made):
    torch.manual_seed(0)
    module = ConvLstm(CONFIG)
    torch.nn.init.normal_(module.head[2].weight, std=0.3)
    session = open_session(to_onnx(module))
    for count in (1, 3):
        fields = inputs_of({name: values[:count] for name, values in made.items()})
        with torch.no_grad():
            expected = module(*(torch.from_numpy(fields[name]) for name in INPUTS)).numpy()
        # Two float32 libraries, 6 steps of sums over some hundred products.
        np.testing.assert_allclose(session.run(fields)[0], expected, rtol=1e-4, atol=1e-3)
