"""One page on two models: five sentences for everyone, then every figure for experts. Pure: tables in, HTML out."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from brise.conventions.variables import VARIABLES
from brise.formulas.verification import QUANTILES, reliability
from brise.models.promotion import PARTS, SIDES, SPLITS, answered, losses, table
from brise.products.charts import SERIES, axis, calibration, lines, places
from brise.products.page_style import STYLE

WORST = 4
"""Failures shown of each pollutant."""

_WORDS = {
    "stations": "at stations that were hidden from it",
    "times": "at stations it may read, in times it had not seen",
    "city": "in a city it had never seen",
}
_HEAD = ("n", "RMSE", "MAE", "bias", "R²", "CRPS", "80 % interval")


def model_page(record: Mapping[str, Any], pairs: pd.DataFrame, stations: pd.DataFrame) -> str:
    """The page.

    Args:
        record: What a comparison found: challenger, champion, made, cities, and the verdict as plain values.
        pairs: What `promotion.pair` gives.
        stations: city, station_id, latitude, longitude.

    Returns:
        HTML that needs nothing from elsewhere.
    """
    rows = answered(pairs)
    names = {side: str(record[side]["name"]) for side in SIDES}
    title = f"{names['challenger']} beside {names['champion']}"
    body = "\n".join(
        (
            f"<p class=small>Brise, models compared {escape(str(record['made'])[:10])}</p>",
            f"<h1>{escape(title)}</h1>",
            f"<section class=lead>{''.join(f'<p>{one}</p>' for one in five_sentences(record, rows))}</section>",
            _section("The rule, demand by demand", _verdict(record)),
            _section("Skill by lead", _skill_by_lead(rows), _SKILL_NOTE),
            _section("Are the intervals honest?", _honesty(rows, names), _HONEST_NOTE),
            _section("Where it errs less, and where more", _map(rows, stations), _MAP_NOTE),
            _section("Worst failures", _failures(rows, names), _FAIL_NOTE),
            _section("Every score", _scores(rows, names), _SCORE_NOTE),
            _section("What was compared", _about(record)),
        )
    )
    return (
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        '<meta name=color-scheme content="light dark">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>\n{body}\n</main></body></html>\n"
    )


_SKILL_NOTE = "How much smaller the challenger's RMSE is than the champion's; below the line it is larger."
_HONEST_NOTE = (
    "Of what was announced to stay below with 10, 50 and 90 %, how much did; on the diagonal, words are kept. "
    "And how often the measurement lay within the 80 % interval."
)
_MAP_NOTE = "A disc a station: blue where the challenger's errors are smaller, red where larger, the bigger the more."
_FAIL_NOTE = "The challenger's largest errors of each pollutant, at most one a day, beside what the champion said."
_SCORE_NOTE = "In the archives' units, over the pairs that both answered. The better figure of each pair is bold."


def five_sentences(record: Mapping[str, Any], rows: pd.DataFrame) -> list[str]:
    """What anyone needs to know, as five sentences of HTML."""
    new, old = (f"<b>{escape(str(record[side]['name']))}</b>" for side in ("challenger", "champion"))
    pair = f"the new model {new} and the one it would replace, {old}"
    held = "and their answers were held against what instruments measured there"
    cities = sorted(rows["city"].unique())
    told = ", ".join(escape(_city(city)) for city in cities)
    latest = int(rows["lead_hours"].max()) if len(rows) else 0
    gains = [
        f"{_gain(record['skills'][split]['rmse']['skill'])} {_WORDS[split]}"
        for split in SPLITS
        if split in record["skills"]
    ]
    kept = _covered(rows, "challenger")
    failed = [one for one in record["reasons"] if not one["passed"]]
    last = (
        f"It meets all {len(record['reasons'])} demands of our rule and may replace the one in use."
        if record["promote"]
        else f"It does not meet {len(failed)} of the {len(record['reasons'])} demands of our rule, "
        "so the one in use stays."
    )
    errors = f"On average the new model's errors are {'; '.join(gains)}." if gains else "There was nothing to compare."
    sure = (
        "When it says that the air will be between two values eight times out of ten, "
        f"it was so {100 * kept:.0f} times out of a hundred."
    )
    return [
        f"This page compares two ways of working out the air at a place, now and up to {latest} hours ahead: {pair}.",
        f"Both answered the same {len(rows):,} questions about the air of {told or 'no city'}, {held}.",
        errors,
        sure if np.isfinite(kept) else "It does not say how sure it is.",
        last,
    ]


def _gain(skill: float | None) -> str:
    if skill is None:
        return "of unknown size"
    if abs(skill) < 0.0005:
        return "the same"
    return f"<b>{abs(100 * skill):.1f} % {'smaller' if skill > 0 else 'larger'}</b>"


def _covered(rows: pd.DataFrame, side: str) -> float:
    if rows.empty:
        return float("nan")
    low, high = (rows[f"{side}_{part}"] for part in ("q10", "q90"))
    if (low == high).all():
        return float("nan")
    return float(((rows["truth"] >= low) & (rows["truth"] <= high)).mean())


def _section(title: str, inner: str, note: str = "") -> str:
    said = f"<p class=note>{note}</p>" if note else ""
    return f"<section><h2>{escape(title)}</h2>{said}{inner}</section>"


def _city(name: str) -> str:
    return name.replace("_", " ").title()


def _pollutant(name: str) -> str:
    return VARIABLES[name].title if name in VARIABLES else name


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], texts: int) -> str:
    """A table that scrolls on its own; the first `texts` columns are words, the others figures; cells are HTML."""

    def cells(row: tuple[str, ...], tag: str) -> str:
        return "".join(f"<{tag}{'' if place < texts else ' class=n'}>{cell}</{tag}>" for place, cell in enumerate(row))

    inner = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f"<div class=wide><table><thead><tr>{cells(head, 'th')}</tr></thead><tbody>{inner}</tbody></table></div>"


def _verdict(record: Mapping[str, Any]) -> str:
    rows = [
        (
            f"<span class={'yes' if one['passed'] else 'no'}>{'✓ met' if one['passed'] else '✗ not met'}</span>",
            escape(SPLITS[one["split"]]),
            escape(one["demand"]),
            escape(one["found"]),
        )
        for one in record["reasons"]
    ]
    word = "Promote" if record["promote"] else "Do not promote"
    sort = "yes" if record["promote"] else "no"
    return f"<p class=verdict><span class={sort}>{word}</span></p>" + _table(("", "where", "demand", "found"), rows, 4)


def _key(names: list[str]) -> str:
    inner = "".join(f'<span class="s{place % SERIES}"><i></i>{escape(one)}</span>' for place, one in enumerate(names))
    return f"<p class=key>{inner}</p>"


def _skill_by_lead(rows: pd.DataFrame) -> str:
    charts = []
    variables = sorted(rows["variable"].unique())
    squares = rows.assign(**{side: losses(rows, side)["rmse"] for side in SIDES})
    for (split, city), some in squares.groupby(["split", "city"], sort=True):
        leads = sorted(some["lead_hours"].unique())
        sums = some.groupby(["variable", "lead_hours"])[list(SIDES)].sum()
        ratio = (1 - (sums["challenger"] / sums["champion"].where(sums["champion"] > 0)) ** 0.5).to_dict()
        series = {name: [ratio.get((name, lead), np.nan) for lead in leads] for name in variables}
        side = axis([one for values in series.values() for one in values], percent=True, mark=0.0)
        head = f"{_city(str(city))}, {SPLITS[str(split)]}"
        charts.append(lines(head, [f"{lead}" for lead in leads], series, side, "hours ahead"))
    return _key([_pollutant(name) for name in variables]) + _grid(charts)


def _grid(charts: list[str]) -> str:
    return f"<div class=charts>{''.join(f'<figure>{chart}</figure>' for chart in charts)}</div>"


def _honesty(rows: pd.DataFrame, names: Mapping[str, str]) -> str:
    shares, kept = [], []
    order = ("challenger", "champion")
    for variable, some in rows.groupby("variable", sort=True):
        name, leads = _pollutant(str(variable)), sorted(some["lead_hours"].unique())
        series = {names[side]: _shares(some, side) for side in order}
        shares.append(calibration(f"{name}: announced and observed", QUANTILES, series))
        held = {names[side]: [_covered(some[some["lead_hours"] == lead], side) for lead in leads] for side in order}
        upright = axis([*(one for values in held.values() for one in values), 0.7, 0.9], percent=True, mark=0.8)
        texts = [f"{lead}" for lead in leads]
        kept.append(lines(f"{name}: within the 80 % interval", texts, held, upright, "hours ahead"))
    return _key([names[side] for side in order]) + _grid(shares) + _grid(kept)


def _shares(rows: pd.DataFrame, side: str) -> tuple[float, float, float]:
    low, middle, high = (rows[f"{side}_{part}"].to_numpy(float) for part in PARTS[1:])
    return reliability((low, middle, high), rows["truth"].to_numpy(float))


def _map(rows: pd.DataFrame, stations: pd.DataFrame) -> str:
    """Gain of each station: 1 - geometric mean over pollutants of the ratio of RMSE."""
    squares = rows.assign(**{side: losses(rows, side)["rmse"] for side in SIDES})
    sums = squares.groupby(["city", "station_id", "variable"])[list(SIDES)].sum()
    sums = sums[(sums > 0).all(axis=1)]
    logs = pd.Series(0.5 * np.log(sums["challenger"] / sums["champion"]), sums.index)
    gain = (1 - logs.groupby(level=[0, 1]).mean().map(np.exp)).to_dict()
    charts = []
    for city, some in stations.groupby("city", sort=True):
        ids = some["station_id"].astype(str).tolist()
        values = [float(gain.get((city, one), np.nan)) for one in ids]
        where = list(zip(some["latitude"], some["longitude"], strict=True))
        charts.append(places(_city(str(city)), where, values, ids))
    return _grid(charts)


def _failures(rows: pd.DataFrame, names: Mapping[str, str]) -> str:
    out = []
    error = (rows["challenger_value"] - rows["truth"]).abs()
    valid = rows["init_time"] + pd.to_timedelta(rows["lead_hours"], unit="h")
    whole = rows.assign(_error=error, _valid=valid, _day=valid.dt.floor("D"))
    for _, some in whole.groupby(["city", "variable"], sort=True):
        worst = some.sort_values("_error", ascending=False).drop_duplicates("_day").head(WORST)
        for one in worst.to_dict("records"):
            said = {
                side: f"{one[f'{side}_value']:.4g} <span class=faint>"
                f"({one[f'{side}_q10']:.3g} – {one[f'{side}_q90']:.3g})</span>"
                for side in SIDES
            }
            out.append(
                (
                    f"{one['_valid']:%Y-%m-%d %H:%M}",
                    escape(_city(one["city"])),
                    escape(str(one["station_id"])),
                    escape(_pollutant(one["variable"])),
                    escape(SPLITS[one["split"]]),
                    f"{one['lead_hours']} h",
                    f"<b>{one['truth']:.4g}</b>",
                    said["challenger"],
                    said["champion"],
                )
            )
    head = ("hour (UTC)", "city", "station", "pollutant", "kind", "ahead", "measured")
    return _table((*head, escape(names["challenger"]), escape(names["champion"])), out, 5)


def _scores(rows: pd.DataFrame, names: Mapping[str, str]) -> str:
    whole = table(rows)
    pooled = table(rows, ("split", "city", "variable")).assign(lead_hours=-1)
    both = pd.concat([whole, pooled], ignore_index=True)
    out = []
    for split in SPLITS:
        for city, some in both[both["split"] == split].groupby("city", sort=True):
            inner = _table(("pollutant", "ahead", "model", *_HEAD), list(_score_rows(some, names)), 3)
            head = escape(f"{_city(str(city))}, {SPLITS[split]}")
            out.append(f"<details><summary>{head}</summary>{inner}</details>")
    return "".join(out)


def _score_rows(some: pd.DataFrame, names: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    for (variable, lead), both in some.groupby(["variable", "lead_hours"], sort=True):
        sides = {str(one["side"]): one for one in both.to_dict("records")}
        for side, other in (("challenger", "champion"), ("champion", "challenger")):
            mine, theirs = sides[side], sides[other]
            figures = [f"{mine['n']:,}"]
            for name in ("rmse", "mae", "bias", "r_squared", "crps3", "coverage"):
                text = (
                    "–"
                    if not np.isfinite(mine[name])
                    else f"{100 * mine[name]:.1f} %"
                    if name == "coverage"
                    else f"{mine[name]:.3g}"
                )
                figures.append(f"<b>{text}</b>" if _badness(name, mine[name]) < _badness(name, theirs[name]) else text)
            ahead = "all" if int(str(lead)) < 0 else f"{lead} h"
            yield (escape(_pollutant(str(variable))), ahead, escape(names[side]), *figures)


def _badness(name: str, value: float) -> float:
    return {"r_squared": -value, "bias": abs(value), "coverage": abs(value - 0.8)}.get(name, value)


def _about(record: Mapping[str, Any]) -> str:
    rows = [
        (
            escape(_city(city)),
            escape(str(one["archive"])),
            escape(f"{str(one['first_init'])[:10]} to {str(one['last_init'])[:10]}"),
            "yes" if one["held_out"] else "no",
            f"{one['inits']:,}",
            f"{one['stations']:,}",
        )
        for city, one in record["cities"].items()
    ]
    ids = "".join(
        f"<p class=small>{side}: {escape(record[side]['name'])} <code>{escape(record[side]['reference'])}</code></p>"
        for side in ("challenger", "champion")
    )
    return _table(("city", "archive", "forecasts made", "held-out city", "forecasts", "stations"), rows, 4) + ids
