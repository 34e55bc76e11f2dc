"""The rule of promotion, on predictions whose worth is known because we made them."""

import numpy as np
import pandas as pd
import pytest

from brise.conventions.errors import InputError
from brise.models.promotion import KEY, SPLITS, Rule, answered, judge, pair, skills, table

RULE = Rule(draws=400)


def frames(gain=0.1, weeks=20, seed=0, worse=()):
    """Champion and challenger over three splits; the challenger's errors are smaller by `gain`, or larger."""
    rng = np.random.default_rng(seed)
    inits = pd.date_range("2023-01-01", periods=weeks * 7, freq="D", tz="UTC")
    rows = []
    for split, city in (("stations", "london"), ("times", "london"), ("times", "beijing"), ("city", "toronto")):
        for variable in ("no2", "pm25"):
            truth = rng.lognormal(3, 0.3, len(inits))
            week = np.repeat(rng.lognormal(0, 0.3, weeks), 7)
            error = rng.normal(0, 4, len(inits)) * week
            better = -0.1 if variable in worse else gain
            own = error * (1 - better) + rng.normal(0, 0.3, len(inits))
            frame = pd.DataFrame(
                {"init_time": inits, "truth": truth, "champion": truth + error, "challenger": truth + own}
            )
            frame = frame.assign(city=city, split=split, station_id="s", variable=variable)
            rows += [frame.assign(lead_hours=lead) for lead in (1, 24)]
    whole = pd.concat(rows, ignore_index=True)
    out = []
    for side, width in (("champion", 5.0), ("challenger", 5.0 * (1 - gain))):
        value = whole[side]
        out.append(whole[[*KEY, "truth"]].assign(value=value, q10=value - width, q50=value, q90=value + width))
    return out


def test_a_better_challenger_is_promoted_and_the_figures_are_those():
    verdict = judge(pair(*frames(0.1)), RULE)
    assert verdict.promote
    assert len(verdict.reasons) == 3 * 5
    for split in SPLITS:
        skill = verdict.skills[split]["rmse"]
        assert 0.05 < skill["lower"] < skill["skill"] < skill["upper"] < 0.14
        assert skill["blocks"] >= 20
    np.testing.assert_allclose(verdict.skills["times"]["rmse"]["groups"]["beijing/no2"], 0.1, atol=0.03)
    texts = [reason.found for reason in verdict.reasons if reason.split == "city"]
    assert any("90 % interval" in text for text in texts)
    assert any(text.startswith("100.0 % of") for text in texts)


def test_an_equal_challenger_is_not():
    verdict = judge(pair(*frames(0.0)), RULE)
    assert not verdict.promote
    assert any("skill in RMSE" in reason.demand and not reason.passed for reason in verdict.reasons)


def test_a_pollutant_that_loses_stops_it():
    verdict = judge(pair(*frames(0.3, worse=("pm25",))), RULE)
    failed = [reason for reason in verdict.reasons if not reason.passed]
    assert not verdict.promote
    assert {reason.found.split(":")[0] for reason in failed if "no pollutant" in reason.demand} == {"worst is pm25"}
    assert all(reason.figure < -0.02 for reason in failed if "no pollutant" in reason.demand)


def test_a_split_that_was_not_shown_stops_it():
    pairs = pair(*frames(0.1))
    verdict = judge(pairs[pairs["split"] != "city"], RULE)
    assert not verdict.promote
    (missing,) = [reason for reason in verdict.reasons if not reason.passed]
    assert (missing.demand, missing.found) == ("a comparison on a held-out city", "there is none")
    assert verdict.as_dict()["reasons"][-1]["figure"] is None


def test_few_weeks_show_nothing():
    verdict = judge(pair(*frames(0.1, weeks=5)), RULE)
    assert not verdict.promote
    assert any("at least 8 blocks of 7 days are needed" in reason.found for reason in verdict.reasons)


def test_silence_is_no_way_to_win():
    champion, challenger = frames(0.1)
    hard = (champion["value"] - champion["truth"]).abs() > 5
    pairs = pair(champion, challenger.assign(value=challenger["value"].mask(hard)))
    verdict = judge(pairs, RULE)
    assert not verdict.promote
    assert {r.demand for r in verdict.reasons if not r.passed} == {"answers at least 99 % of what the champion answers"}
    assert len(answered(pairs)) < len(pairs)


def test_the_verdict_can_be_repeated():
    pairs = pair(*frames(0.05))
    shuffled = pairs.sample(frac=1, random_state=1)
    assert judge(pairs, RULE).as_dict() == judge(pairs, RULE).as_dict()
    one, other = (skills(each[each["split"] == "times"], RULE)["rmse"][0] for each in (pairs, shuffled))
    np.testing.assert_allclose([one.value, one.lower], [other.value, other.lower], rtol=1e-9)  # sums in another order


def test_a_value_alone_is_scored_by_its_absolute_error():
    champion, challenger = frames(0.1)
    bare = champion.assign(q10=np.nan, q50=np.nan, q90=np.nan)
    scores = table(pair(bare, challenger), ("split",)).set_index(["split", "side"])
    np.testing.assert_allclose(
        scores.loc[("city", "champion"), "crps3"], scores.loc[("city", "champion"), "mae"], rtol=1e-9
    )
    assert scores.loc[("city", "champion"), "coverage"] == 0.0


def test_the_table_counts_what_both_answered():
    champion, challenger = frames(0.1)
    pairs = pair(champion, challenger.iloc[10:])
    scores = table(pairs)
    assert set(scores["side"]) == {"champion", "challenger"}
    assert scores["n"].sum() == 2 * (len(champion) - 10)
    assert list(table(pairs.iloc[:0]).columns) == list(scores.columns)


def test_predictions_without_a_column_or_with_a_key_twice_are_refused():
    champion, challenger = frames()
    with pytest.raises(InputError, match="challenger's predictions: no column 'q50'"):
        pair(champion, challenger.drop(columns="q50"))
    with pytest.raises(InputError, match=r"champion's predictions: a key appears twice: .*london"):
        pair(pd.concat([champion, champion.iloc[:1]]), challenger)
