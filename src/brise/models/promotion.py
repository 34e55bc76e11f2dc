"""Whether a challenger replaces the champion: both predict the same keys, and the rule is written down.

A pair is a row that both answered: `city`, `split` ("stations": withheld stations; "times": monitored stations in a
period that neither learnt from; "city": a city that neither learnt from), init_time, lead_hours, station_id, variable,
`truth`, and value, q10, q50, q90 of each side, prefixed `champion_` and `challenger_`.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.formulas.verification import Skill, crps3, paired_skill, score

KEY = ("city", "split", "init_time", "lead_hours", "station_id", "variable")
SPLITS = {"stations": "held-out stations", "times": "held-out times", "city": "a held-out city"}
SIDES = ("champion", "challenger")
PARTS = ("value", "q10", "q50", "q90")
MEASURES = {"rmse": ("RMSE", 0.5), "crps": ("CRPS", 1.0)}
"""Measure -> its name for people, and the power that makes it of a ratio of summed losses."""

_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a challenger must show.

    Attributes:
        least_skill: The lower end of the 90 % interval of its skill must exceed this, in every split.
        most_lost: No pollutant may lose more than this share, in any split.
        least_answered: Share of the champion's predictions that the challenger must make, too.
        block_days: Days that are drawn together. The weather that makes errors alike lasts three to five days and
            forecasts of two days overlap, so that a week's block hardly depends on the next one.
        least_blocks: With fewer, an interval would say nothing; the split counts as not shown.
        draws: Resamplings.
        seed: Of the draws, so that a verdict can be repeated.
    """

    least_skill: float = 0.0
    most_lost: float = 0.02
    least_answered: float = 0.99
    block_days: int = 7
    least_blocks: int = 8
    draws: int = 2000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Reason:
    """One demand of the rule, and what was found.

    Attributes:
        split: Where.
        demand: What was asked, with its limit.
        found: With its figure.
        figure: The figure alone; NaN = unknown.
        passed: Whether it is met.
    """

    split: str
    demand: str
    found: str
    figure: float
    passed: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rule says.

    Attributes:
        promote: Whether every demand is met.
        reasons: One a demand.
        skills: Split -> measure -> skill with its interval, as plain numbers; and each group's.
    """

    promote: bool
    reasons: tuple[Reason, ...]
    skills: dict[str, dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """For JSON; unknown figures are None."""
        found = asdict(self)
        for reason in found["reasons"]:
            reason["figure"] = reason["figure"] if np.isfinite(reason["figure"]) else None
        return found


def pair(champion: pd.DataFrame, challenger: pd.DataFrame) -> pd.DataFrame:
    """Both sides' predictions of the same keys, beside the truth.

    Args:
        champion: KEY, truth and PARTS.
        challenger: The same.

    Returns:
        KEY, truth and both sides' PARTS, a row for every key that has a truth and that either side answered. A side
        that gives no quantiles gets its value for each of them: the CRPS of a single value is its absolute error.

    Raises:
        InputError: A column is missing, or a key appears twice.
    """
    sides = []
    for name, frame in zip(SIDES, (champion, challenger), strict=True):
        missing = [column for column in (*KEY, "truth", *PARTS) if column not in frame]
        if missing:
            raise InputError(f"{name}'s predictions: no column {missing[0]!r}")
        side = frame[[*KEY, "truth", *PARTS]].dropna(subset=["truth", "value"])
        if side.duplicated(list(KEY)).any():
            first = side[side.duplicated(list(KEY))].iloc[0][list(KEY)].to_dict()
            raise InputError(f"{name}'s predictions: a key appears twice: {first}")
        bare = side[["q10", "q50", "q90"]].isna().any(axis=1)
        side.loc[bare, ["q10", "q50", "q90"]] = np.repeat(side.loc[bare, ["value"]].to_numpy(), 3, axis=1)
        sides.append(side.rename(columns={part: f"{name}_{part}" for part in PARTS}))
    both = sides[0].merge(sides[1], on=list(KEY), how="outer", suffixes=("", "_2"))
    both["truth"] = both["truth"].fillna(both.pop("truth_2"))
    return both


def answered(pairs: pd.DataFrame) -> pd.DataFrame:
    """The rows that both sides answered."""
    return pairs.dropna(subset=[f"{side}_value" for side in SIDES])


def losses(pairs: pd.DataFrame, side: str) -> dict[str, NDArray[np.float64]]:
    """Measure -> (N,) the loss of each row: the squared error, and the CRPS of three quantiles."""
    truth = pairs["truth"].to_numpy(float)
    value, *quantiles = (pairs[f"{side}_{part}"].to_numpy(float) for part in PARTS)
    low, middle, high = quantiles
    return {"rmse": (value - truth) ** 2, "crps": crps3((low, middle, high), truth)}


def skills(pairs: pd.DataFrame, rule: Rule | None = None) -> dict[str, tuple[Skill, list[tuple[str, str]]]]:
    """Skill of the challenger over the champion on one split's pairs, and the groups it is the mean of.

    Args:
        pairs: Of one split; rows that only one side answered take no part.
        rule: Blocks, draws and seed.

    Returns:
        Measure -> skill, and (city, variable) of each group.
    """
    rule = rule or Rule()
    rows = answered(pairs)
    groups, which = _codes(rows, ["city", "variable"])
    day = (pd.DatetimeIndex(rows["init_time"]).tz_localize(None).to_numpy("datetime64[D]")).astype(np.int64)
    blocks, block = _codes(rows.assign(_block=day // rule.block_days), ["city", "_block"])
    _, stratum = np.unique([city for city, _ in blocks], return_inverse=True)
    found = {}
    each = {side: losses(rows, side) for side in SIDES}
    for measure, (_, power) in MEASURES.items():
        both = []
        for side in SIDES:
            total = np.zeros((len(blocks), len(groups)))
            np.add.at(total, (block, which), each[side][measure])
            both.append(total)
        rng = np.random.default_rng(rule.seed)
        found[measure] = paired_skill((both[0], both[1]), stratum, rng, power, rule.draws), groups
    return found


def _codes(rows: pd.DataFrame, columns: list[str]) -> tuple[list[tuple[Any, Any]], NDArray[np.intp]]:
    """The distinct pairs of two columns in order, and which one each row has."""
    index = pd.MultiIndex.from_frame(rows[columns])
    distinct = index.unique().sort_values()
    return distinct.tolist(), distinct.get_indexer(index)


def judge(pairs: pd.DataFrame, rule: Rule | None = None) -> Verdict:
    """Apply the rule.

    Args:
        pairs: What `pair` gives, of all splits.
        rule: Its limits.

    Returns:
        The verdict; a split without pairs is a demand that is not met.
    """
    rule = rule or Rule()
    reasons: list[Reason] = []
    figures: dict[str, dict[str, Any]] = {}
    for split, where in SPLITS.items():
        some = pairs[pairs["split"] == split]
        if answered(some).empty:
            reasons.append(Reason(split, f"a comparison on {where}", "there is none", float("nan"), False))
            continue
        reasons.append(_answers(some, split, rule))
        figures[split] = {}
        for measure, (skill, groups) in skills(some, rule).items():
            named = {"/".join(group): _plain(one) for group, one in zip(groups, skill.groups.tolist(), strict=True)}
            figures[split][measure] = {
                "skill": _plain(skill.value),
                "lower": _plain(skill.lower),
                "upper": _plain(skill.upper),
                "blocks": skill.blocks,
                "groups": named,
            }
            reasons += [_gain(skill, split, measure, rule), _loss(skill, groups, split, measure, rule)]
    return Verdict(all(reason.passed for reason in reasons), tuple(reasons), figures)


def _answers(some: pd.DataFrame, split: str, rule: Rule) -> Reason:
    there = some["champion_value"].notna()
    share = float(some.loc[there, "challenger_value"].notna().mean()) if there.any() else float("nan")
    return Reason(
        split,
        f"answers at least {100 * rule.least_answered:.0f} % of what the champion answers",
        f"{100 * share:.1f} % of {int(there.sum())}",
        share,
        share >= rule.least_answered,
    )


def _gain(skill: Skill, split: str, measure: str, rule: Rule) -> Reason:
    name = MEASURES[measure][0]
    few = skill.blocks < rule.least_blocks
    value, lower, upper = (f"{100 * one:+.1f} %" for one in (skill.value, skill.lower, skill.upper))
    found = f"{value} (90 % interval {lower} to {upper}; {skill.blocks} blocks)"
    return Reason(
        split,
        f"skill in {name}: lower end of its 90 % interval above {100 * rule.least_skill:.0f} %",
        found + (f"; at least {rule.least_blocks} blocks of {rule.block_days} days are needed" if few else ""),
        skill.lower,
        bool(skill.lower > rule.least_skill) and not few,
    )


def _loss(skill: Skill, groups: list[tuple[str, str]], split: str, measure: str, rule: Rule) -> Reason:
    """The pollutant that does worst, its skill averaged over cities as the whole is."""
    logs = np.log1p(-skill.groups)
    worst, name = np.inf, "none"
    for variable in dict.fromkeys(group[1] for group in groups):
        own = np.array(
            [one for one, group in zip(logs, groups, strict=True) if group[1] == variable and np.isfinite(one)]
        )
        value = float(1 - np.exp(own.mean())) if len(own) else np.inf
        if value < worst:
            worst, name = value, variable
    return Reason(
        split,
        f"no pollutant loses more than {100 * rule.most_lost:.0f} % in {MEASURES[measure][0]}",
        f"worst is {name}: {100 * worst:+.1f} %" if np.isfinite(worst) else "nothing to compare",
        worst if np.isfinite(worst) else float("nan"),
        bool(np.isfinite(worst) and worst >= -rule.most_lost),
    )


def _plain(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None


def table(pairs: pd.DataFrame, by: tuple[str, ...] = ("split", "city", "variable", "lead_hours")) -> pd.DataFrame:
    """Scores of both sides on the rows that both answered, a row a group and side.

    Args:
        pairs: What `pair` gives.
        by: Columns that make a group.

    Returns:
        The columns of `by`, side, n, rmse, mae, bias, r_squared, crps3, coverage.
    """
    out = []
    for group, rows in answered(pairs).groupby(list(by), sort=True, observed=True):
        for side in SIDES:
            value, low, middle, high = (rows[f"{side}_{part}"].to_numpy(float) for part in PARTS)
            found = score(value, (low, middle, high), rows["truth"].to_numpy(float))
            names = group if isinstance(group, tuple) else (group,)
            out.append(dict(zip(by, names, strict=True)) | {"side": side} | asdict(found))
    columns = [*by, "side", "n", "rmse", "mae", "bias", "r_squared", "crps3", "coverage"]
    return pd.DataFrame(out, columns=columns)
