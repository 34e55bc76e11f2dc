"""Each score against the `scores` package, or against its definition written out; merging against the whole."""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from brise.conventions.errors import InputError
from brise.formulas.verification_fields import (
    EnsembleSums,
    ErrorSums,
    EventSums,
    FractionSums,
    ReliabilitySums,
    SpectrumSums,
    decibels,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the package's own imports
    import scores.categorical
    import scores.continuous
    import scores.probability
    import scores.spatial

RNG = np.random.default_rng(12)
SHAPE = (48, 64)
EXACT = 1e-6


def rain(shape=SHAPE):
    """Intermittent, smooth and with missing pixels."""
    smooth = np.fft.irfft2(np.fft.rfft2(RNG.standard_normal(shape)) / (1 + np.arange(shape[1] // 2 + 1)) ** 1.2, shape)
    return np.maximum(smooth / smooth.std() * 4 - 1, 0).astype(np.float32)


def holed(field):
    field = field.copy()
    field[RNG.random(field.shape) < 0.1] = np.nan
    return field


FORECAST, OBSERVED = rain(), rain()
OBSERVED = (0.6 * FORECAST + 0.5 * OBSERVED).astype(np.float32)
MEMBERS = np.stack([np.maximum(OBSERVED + RNG.normal(0, 1.5, SHAPE), 0) for _ in range(7)]).astype(np.float32)


def labelled(field, *names):
    return xr.DataArray(np.asarray(field, float), dims=(*names, "y", "x"))


def agree(mine, theirs):
    np.testing.assert_allclose(mine, theirs, rtol=EXACT)  # float32 fields, float64 sums


@pytest.mark.parametrize("spoil", [np.copy, holed], ids=["whole", "missing pixels"])
def test_errors_agree_with_scores(spoil):
    forecast, observed = spoil(FORECAST), spoil(OBSERVED)
    mine = ErrorSums.of(forecast, observed).score()
    theirs = [labelled(forecast), labelled(observed)]
    logs = [np.log1p(part) for part in theirs]
    agree(mine["msle"], scores.continuous.mse(*logs))
    agree(mine["rmse"], scores.continuous.rmse(*theirs))
    agree(mine["mae"], scores.continuous.mae(*theirs))
    agree(mine["bias"], scores.continuous.mean_error(*theirs))
    assert mine["n"] == (np.isfinite(forecast) & np.isfinite(observed)).sum()


@pytest.mark.parametrize("threshold", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("spoil", [np.copy, holed], ids=["whole", "missing pixels"])
def test_events_agree_with_scores(spoil, threshold):
    forecast, observed = spoil(FORECAST), spoil(OBSERVED)
    mine = EventSums.of(forecast, observed, threshold).score()
    maker = scores.categorical.ThresholdEventOperator(default_event_threshold=threshold)
    table = maker.make_contingency_manager(labelled(forecast), labelled(observed)).transform()
    agree(mine["csi"], table.critical_success_index())
    agree(mine["pod"], table.probability_of_detection())
    agree(mine["far"], table.false_alarm_ratio())
    agree(mine["frequency_bias"], table.frequency_bias())


@pytest.mark.parametrize("threshold", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("window", [1, 5, 11, 21])
def test_fss_agrees_with_scores(threshold, window):
    mine = FractionSums.of(FORECAST, OBSERVED, threshold, window).score()["fss"]
    # `scores` takes windows within the field alone: dry around it makes every pixel the centre of one.
    framed = [np.pad(part, window // 2) for part in (FORECAST, OBSERVED)]
    theirs = scores.spatial.fss_2d_single_field(
        *framed, event_threshold=threshold, window_size=(window, window), threshold_operator=np.greater_equal
    )
    agree(mine, theirs)


def test_fss_of_missing_pixels():
    forecast, observed = holed(FORECAST), holed(OBSERVED)
    unknown = np.isnan(forecast) | np.isnan(observed)
    said, was = (np.where(unknown, 0, part) >= 1 for part in (forecast, observed))
    shares = [
        np.lib.stride_tricks.sliding_window_view(np.pad(part, 2), (5, 5)).mean(axis=(2, 3))[~unknown]
        for part in (said, was)
    ]
    expected = 1 - ((shares[0] - shares[1]) ** 2).sum() / sum((part**2).sum() for part in shares)
    agree(FractionSums.of(forecast, observed, 1.0, 5).score()["fss"], expected)


@pytest.mark.parametrize("spoil", [np.copy, holed], ids=["whole", "missing pixels"])
def test_crps_agrees_with_scores(spoil):
    members, observed = spoil(MEMBERS), spoil(OBSERVED)
    known = np.isfinite(members).all(axis=0) & np.isfinite(observed)
    members_there = labelled(np.where(known, members, np.nan), "member")
    observed_there = labelled(np.where(known, observed, np.nan))
    mine = EnsembleSums.of(members, observed).score()
    for name, method in (("crps", "ecdf"), ("crps_fair", "fair")):
        theirs = scores.probability.crps_for_ensemble(members_there, observed_there, "member", method=method)
        agree(mine[name], theirs)


def test_brier_agrees_with_scores_and_a_reliable_forecast_is_reliable():
    truth = RNG.random(40_000)
    happened = (RNG.random(40_000) < truth).astype(float)
    truth[:100], happened[100:200] = np.nan, np.nan
    mine = ReliabilitySums.of(truth, happened).score()
    theirs = scores.probability.brier_score(xr.DataArray(truth[200:], dims="n"), xr.DataArray(happened[200:], dims="n"))
    agree(mine["brier"], theirs)
    assert mine["count"].sum() == 40_000 - 200
    np.testing.assert_allclose(mine["said"], np.arange(10) / 10 + 0.05, atol=0.005)  # 4,000 uniform draws a bin
    np.testing.assert_allclose(mine["happened"], mine["said"], atol=0.03)  # four standard errors


def test_a_spectrum_keeps_the_variance_and_finds_a_wave():
    field = decibels(FORECAST)
    full = np.abs(np.fft.fft2(field)) ** 2 / field.size
    radius = np.round(np.hypot(*np.meshgrid(*(np.fft.fftfreq(n, 1 / n) for n in SHAPE), indexing="ij")))
    expected = [full[radius == ring].mean() for ring in range(33)]
    agree(SpectrumSums.of(field).score(), expected)
    odd = field[:47, :51]
    full = np.abs(np.fft.fft2(odd)) ** 2 / odd.size
    radius = np.round(np.hypot(*np.meshgrid(*(np.fft.fftfreq(n, 1 / n) for n in odd.shape), indexing="ij")))
    agree(SpectrumSums.of(odd).score(), [full[radius == ring].mean() for ring in range(26)])
    wave = np.sin(2 * np.pi * 9 * np.arange(64) / 64) * np.ones((64, 1))
    assert SpectrumSums.of(wave).score().argmax() == 9


def test_peers(shared_data):
    """pySTEPS, where `make peers` has put it."""
    folder = Path(__file__).resolve().parents[2] / "build" / "peers"
    if not (folder / "pysteps").is_dir():
        pytest.skip("no pySTEPS (make peers)")
    sys.path.insert(0, str(folder))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pysteps.utils.spectral import rapsd
            from pysteps.verification import detcatscores, probscores, spatialscores
    finally:
        sys.path.remove(str(folder))
    field = decibels(FORECAST)
    square = field[:48, :48]
    agree(SpectrumSums.of(square).score()[:24], rapsd(square, fft_method=np.fft))  # which leaves the shortest wave out
    for window in (1, 5, 11):
        theirs = spatialscores.fss(FORECAST, OBSERVED, 1.0, window)
        agree(FractionSums.of(FORECAST, OBSERVED, 1.0, window).score()["fss"], theirs)
    theirs = detcatscores.det_cat_fct(FORECAST, OBSERVED, 1.0, ["CSI", "POD", "FAR"])
    mine = EventSums.of(FORECAST, OBSERVED, 1.0).score()
    for name in ("CSI", "POD", "FAR"):
        agree(mine[name.lower()], theirs[name])
    # Where a member equals what was observed (dry and dry) pySTEPS drops a part: only without ties is its sum CRPS.
    untied = OBSERVED + RNG.random(SHAPE)
    agree(EnsembleSums.of(MEMBERS, untied).score()["crps"], probscores.CRPS(MEMBERS, untied))


@pytest.mark.parametrize("event", ["AU_20180616", "NL_20100826", "CH_20170131"])
def test_the_benchmarks_own_errors_are_found_again(shared_data, event):
    folder = shared_data / "radar" / "benchmarks"
    stated = json.loads((folder / f"{event}.json").read_text())
    with np.load(folder / f"{event}.npz") as held:
        truth = held["y"]
        guesses = {"persistence": held["bench_persistence"][:, None], "pysteps_LK": held["bench_pysteps_lk"]}
    for name, guess in guesses.items():
        found = ErrorSums.of(np.broadcast_to(guess, truth.shape), truth).score()["msle"]
        np.testing.assert_allclose(found, stated[f"msle_{name}"], rtol=1e-6, err_msg=name)  # stored as float32


MADE = {
    "errors": lambda part: ErrorSums.of(FORECAST[part], OBSERVED[part]),
    "events": lambda part: EventSums.of(FORECAST[part], OBSERVED[part], 1.0),
    "fractions, windows of one pixel": lambda part: FractionSums.of(FORECAST[part], OBSERVED[part], 1.0, 1),
    "ensemble": lambda part: EnsembleSums.of(MEMBERS[:, part], OBSERVED[part]),
    "reliability": lambda part: ReliabilitySums.of((MEMBERS[:, part] > 1).mean(axis=0), OBSERVED[part] > 1),
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_chunks_merge_to_the_whole(make):
    parts = [make(slice(0, 7)), make(slice(7, 30)), make(slice(30, None))]
    whole = make(slice(None))
    merged = sum(parts, type(whole)())
    for name, value in whole.score().items():
        np.testing.assert_allclose(merged.score()[name], value, rtol=1e-12, err_msg=name)  # float64 sums


def test_spectra_average():
    first, second = decibels(FORECAST), decibels(OBSERVED)
    total = sum((SpectrumSums.of(part) for part in (first, second)), SpectrumSums())
    expected = (SpectrumSums.of(first).score() + SpectrumSums.of(second).score()) / 2
    np.testing.assert_allclose(total.score(), expected, rtol=1e-12)  # float64


def test_nothing_known_scores_nan():
    nothing = np.full(SHAPE, np.nan, np.float32)
    for sums in (
        ErrorSums.of(nothing, OBSERVED),
        EventSums.of(nothing, OBSERVED, 1.0),
        FractionSums.of(nothing, OBSERVED, 1.0, 5),
        EnsembleSums.of(MEMBERS * np.nan, OBSERVED),
        EnsembleSums(),
        ReliabilitySums.of(nothing, nothing),
    ):
        found = {name: value for name, value in sums.score().items() if name not in ("n", "count")}
        assert all(np.isnan(value).all() for value in found.values()), sums
    assert np.isnan(SpectrumSums().score()).all()


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match=r"forecast \(48, 64\) and observed \(48,\)"):
        ErrorSums.of(FORECAST, OBSERVED[:, 0])
    with pytest.raises(InputError, match="must be fields of one shape"):
        FractionSums.of(FORECAST[0], OBSERVED[0], 1.0, 3)
    with pytest.raises(InputError, match="a window of 4 pixels"):
        FractionSums.of(FORECAST, OBSERVED, 1.0, 4)
    with pytest.raises(InputError, match=r"members \(48, 64\)"):
        EnsembleSums.of(FORECAST, OBSERVED)
    with pytest.raises(InputError, match=r"probabilities from 0\.0 to 1\.5"):
        ReliabilitySums.of([0.0, 1.5], [0, 1])
    with pytest.raises(InputError, match=r"must be \(Y, X\) and finite"):
        SpectrumSums.of(holed(FORECAST))
    with pytest.raises(InputError, match=r"threshold 1\.0 and 2\.0 do not add up"):
        EventSums.of(FORECAST, OBSERVED, 1.0) + EventSums.of(FORECAST, OBSERVED, 2.0)
    with pytest.raises(InputError, match=r"power \(33,\) and \(26,\) differ"):
        SpectrumSums.of(decibels(FORECAST)) + SpectrumSums.of(decibels(FORECAST[:40, :50]))
