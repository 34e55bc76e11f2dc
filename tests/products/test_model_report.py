"""The page on two models: what it says, and that it bears what is missing or hostile."""

import numpy as np
import pandas as pd

from brise.models.promotion import judge, pair
from brise.products.model_report import five_sentences, model_page

KEYS = {"split": "times", "city": "new_york", "station_id": "s<1>", "variable": "pm25", "lead_hours": 6}


def sides(gain=0.2, quantiles=True):
    rng = np.random.default_rng(0)
    inits = pd.date_range("2023-01-01", periods=60, freq="30h", tz="UTC")
    truth, error = rng.uniform(5, 30, 60), rng.normal(0, 4, 60)
    base = pd.DataFrame({"init_time": inits, "truth": truth}).assign(**KEYS)
    out = []
    for scale in (1.0, 1 - gain):
        value = truth + scale * error
        width = 5.0 if quantiles else np.nan
        out.append(base.assign(value=value, q10=value - width, q50=value + 0 * width, q90=value + width))
    return out


def record(pairs, name="new <b>"):
    facts = {"archive": "ny.parquet", "first_init": "2023-01-01Z", "last_init": "2023-03-01Z", "inits": 60}
    return {
        "challenger": {"name": name, "reference": "a" * 64},
        "champion": {"name": "old", "reference": "blend"},
        "made": "2026-11-23T00:00:00Z",
        "cities": {"new_york": facts | {"stations": 1, "held_out": False}},
        **judge(pairs).as_dict(),
    }


def places():
    return pd.DataFrame({"city": ["new_york"], "station_id": ["s<1>"], "latitude": [40.7], "longitude": [-74.0]})


def test_five_sentences():
    pairs = pair(*sides())
    said = five_sentences(record(pairs), pairs)
    assert len(said) == 5
    assert said[0].endswith("the new model <b>new &lt;b&gt;</b> and the one it would replace, <b>old</b>.")
    assert "the same 60 questions about the air of New York" in said[1]
    assert "errors are <b>20.0 % smaller</b> at stations it may read, in times it had not seen." in said[2]
    assert "times out of a hundred" in said[3]
    assert said[4].startswith("It does not meet 2 of the 7 demands of our rule, so")


def test_a_worse_and_an_equal_challenger_are_called_so():
    for gain, word in ((-0.1, "10.0 % larger"), (0.0, "errors are the same at stations")):
        pairs = pair(*sides(gain))
        assert word in five_sentences(record(pairs), pairs)[2]


def test_everything_from_outside_is_escaped():
    pairs = pair(*sides())
    page = model_page(record(pairs), pairs, places())
    assert "s<1>" not in page
    assert "new <b>" not in page
    assert "s&lt;1&gt;" in page
    assert "✗ not met" in page
    assert page.count("class=no>") >= 2


def test_models_without_quantiles_and_empty_comparisons_are_borne():
    pairs = pair(*sides(quantiles=False))
    assert five_sentences(record(pairs), pairs)[3] == "It does not say how sure it is."
    assert "<svg" in model_page(record(pairs), pairs, places())
    nothing = pairs.iloc[:0]
    said = five_sentences(record(nothing), nothing)
    assert said[2] == "There was nothing to compare."
    assert "no city" in said[1]
    assert "Do not promote" in model_page(record(nothing), nothing, places())


def test_the_better_figure_is_bold_and_failures_have_dates():
    pairs = pair(*sides())
    page = model_page(record(pairs), pairs, places())
    whole = page[page.index("<details>") :]
    row = whole[whole.index("new &lt;b&gt;") :].split("</tr>")[0]
    assert row.count("<b>") >= 3  # RMSE, MAE, R²
    worst = (pairs["challenger_value"] - pairs["truth"]).abs().idxmax()
    valid = pairs.loc[worst, "init_time"] + pd.Timedelta(hours=6)
    assert f"{valid:%Y-%m-%d %H:%M}" in page
