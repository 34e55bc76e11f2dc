"""Low-cost sensors beside reference instruments: corrections scored on sensors, sites and months left out.

    python -m benchmarks.skill.sensor_calibration [../shared/data/calibration]     tables
    python -m benchmarks.skill.sensor_calibration [FOLDER] --fit      prints models/sensor_correction_constants.py
    python -m benchmarks.skill.sensor_calibration --pairs FILE.csv …               the shipped laws on other pairs

Ours is chosen anew within each training part (terms, penalty, threshold, sensors' effects), by folds of the same kind,
never by what is left out; so are its intervals. Two files of one place, or sensors at one monitor, are told by equal
reference values and leave together where a site is left out.
"""

import argparse
import itertools
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd

from brise.formulas.calibration import barkjohn_linear, growth_factor, purpleair_pm25
from brise.models.sensor_correction import correct, interval
from brise.models.sensor_correction_constants import LAWS
from brise.models.sensor_correction_fit import (
    PLAIN,
    SETS,
    Family,
    Learned,
    Pairs,
    Recipe,
    Spread,
    choose,
    fit,
    folds,
    spread_of,
    unseen,
)
from brise.models.sensor_correction_rolling import Focus, fit_against_reference

INNER = 8
"""Folds at most within a training part."""

STRANGE = 1.25
"""Wider, where a month is left out but the sensor has no other: sensors left out against months, on PurpleAir."""

BOOTSTRAPS = 2000

TREES = {
    "objective": "regression",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 40,
    "lambda_l2": 5.0,
    "verbose": -1,
    "num_threads": 1,
    "seed": 1,
    "deterministic": True,
}
ROUNDS = 120


@dataclass(frozen=True)
class Set:
    """Pairs of one data set, and how they are left out: split -> (N,) groups."""

    name: str
    pairs: Pairs
    splits: dict[str, np.ndarray]
    inner: dict[str, np.ndarray]
    smoke: bool


def line(*cells: object) -> None:
    print("| " + " | ".join(f"{c:.2f}" if isinstance(c, float) else str(c) for c in cells) + " |")


def rmse(value: np.ndarray, reference: np.ndarray) -> float:
    return float(np.sqrt(np.mean((value - reference) ** 2)))


def read_pairs(path: Path) -> tuple[Pairs, np.ndarray]:
    """Pairs of a file in any of the layouts known, and their times."""
    table = pd.read_csv(path)
    for names in (
        ("A_B_Avg", "humidity_a", "temp_Celsius", "conc", "sensor_index", "DAILY"),
        ("pm2_5", "rh", "tc", "pm", None, "time"),
        ("raw", "rh", "temperature", "reference", "sensor", "time"),
    ):
        if names[0] in table and names[3] in table:
            break
    else:
        raise SystemExit(f"{path}: columns {', '.join(table)}: no layout of pairs that is known")
    raw, rh, tc, reference, sensor, time = names
    table = table.dropna(subset=[raw, reference])
    name = table[sensor].astype(str) if sensor else pd.Series(path.stem, table.index)
    weather = (table[key].to_numpy(float) if key in table else np.full(len(table), np.nan) for key in (rh, tc))
    humidity, celsius = weather
    pairs = Pairs(
        table[raw].to_numpy(float),
        humidity / 100,
        celsius + 273.15,
        table[reference].to_numpy(float),
        name.to_numpy(str),
    )
    return pairs, pd.to_datetime(table[time]).to_numpy("datetime64[s]")


def joined(parts: list[Pairs]) -> Pairs:
    return Pairs(*(np.concatenate([getattr(one, key) for one in parts]) for key in Pairs.__dataclass_fields__))


def sites(pairs: Pairs, time: np.ndarray) -> np.ndarray:
    """(N,) which monitor: sensors whose references are equal in more than 30 % of the times they share are at one."""
    table = pd.DataFrame({"s": pairs.sensor, "t": time, "y": pairs.reference})
    wide = table.pivot_table(index="t", columns="s", values="y")
    name = {key: key for key in wide}
    for a, b in itertools.combinations(wide, 2):
        apart = (wide[a] - wide[b]).abs().dropna()
        if len(apart) > 5 and (apart < 1e-6).mean() > 0.3:
            old, new = name[b], name[a]
            name = {key: new if value == old else value for key, value in name.items()}
    return np.array([name[key] for key in pairs.sensor])


def purpleair(folder: Path) -> Set:
    pairs, time = read_pairs(folder / "purpleair_vs_aqs_daily_2021_2023.csv")
    month, place = time.astype("datetime64[M]").astype(str), sites(pairs, time)
    splits = {"sensor": pairs.sensor, "site": place, "month": month}
    return Set("PurpleAir, days", pairs, splits, splits, smoke=True)


def airshot(folder: Path) -> Set:
    """VP.csv is a part of VP0.csv, row for row, so it is left out."""
    read = [read_pairs(folder / "airshot_india" / f"{name}.csv") for name in ("BN", "CP", "VP0")]
    pairs, time = joined([one[0] for one in read]), np.concatenate([one[1] for one in read])
    splits = {"sensor": pairs.sensor, "month": time.astype("datetime64[M]").astype(str)}
    weeks = (time.astype("datetime64[D]").astype(int) // 7).astype(str)
    return Set("Airshot, hours", pairs, splits, {"sensor": pairs.sensor, "month": weeks}, smoke=False)


def least_squares(columns: Callable[[Pairs], list[np.ndarray]]) -> Callable[[Pairs, Pairs], np.ndarray]:
    def predict(train: Pairs, test: Pairs) -> np.ndarray:
        x, q = (np.stack([np.ones(len(p)), *columns(p)], axis=1) for p in (train, test))
        return q @ np.linalg.lstsq(x, train.reference, rcond=None)[0]

    return predict


def weather_of(p: Pairs) -> list[np.ndarray]:
    return [p.raw, p.humidity, p.temperature]


def boosted(train: Pairs, test: Pairs) -> np.ndarray:
    x, q = (np.stack(weather_of(p), axis=1) for p in (train, test))
    return lightgbm.train(TREES, lightgbm.Dataset(x, train.reference), ROUNDS).predict(q)


FITTED: dict[str, Callable[[Pairs, Pairs], np.ndarray]] = {
    "linear": least_squares(lambda p: [p.raw]),
    "growth (kappa-Köhler), linear": least_squares(lambda p: [p.raw / growth_factor(p.humidity)]),
    "linear, with weather": least_squares(weather_of),
    "gradient boosting": boosted,
}


def fewer(groups: np.ndarray) -> np.ndarray:
    """At most INNER groups, of like sizes, each a union of whole groups."""
    names, counts = np.unique(groups, return_counts=True)
    if len(names) <= INNER:
        return groups
    load, home = np.zeros(INNER), {}
    for k in np.argsort(-counts):
        home[names[k]] = int(np.argmin(load))
        load[home[names[k]]] += counts[k]
    return np.array([home[name] for name in groups])


def recipes(split: str, smoke: bool) -> list[Recipe]:
    effects = (10.0, 30.0) if split == "month" else (None,)
    return [
        Recipe(terms, penalty, effects=effect, smoke=smoke)
        for terms, penalty, effect in itertools.product(SETS, (1.0, 30.0), effects)
    ]


def learn(pairs: Pairs, groups: np.ndarray, candidates: list[Recipe], differ: bool) -> tuple[Recipe, Spread]:
    """Choice and intervals from within: predictions of folds that the law was not fitted on."""
    few = fewer(groups)
    recipe, said = choose(pairs, few, candidates)
    return recipe, spread_of(said, pairs.reference, len(np.unique(few)) if differ else 0)


def ours(data: Set, split: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    value, low, high = (np.full(len(data.pairs), np.nan) for _ in range(3))
    chosen = []
    for rows in folds(data.splits[split]):
        train, test = data.pairs[~rows], data.pairs[rows]
        candidates = recipes(split, data.smoke)
        recipe, spread = learn(train, data.inner[split][~rows], candidates, split != "month")
        value[rows] = fit(train, recipe).at(test)
        strange = (split == "month") & ~np.isin(test.sensor, train.sensor)
        low[rows], high[rows] = spread.interval(value[rows], np.where(strange, STRANGE, 1.0))
        chosen.append(f"{len(recipe.terms)} terms")
    return value, low, high, chosen


def difference(a: np.ndarray, b: np.ndarray, reference: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """95 % interval of RMSE(a) - RMSE(b), whole groups drawn anew: the pairing is kept."""
    rng = np.random.default_rng(1)
    names, codes = np.unique(groups, return_inverse=True)
    sums = np.stack([np.bincount(codes, v, len(names)) for v in ((a - reference) ** 2, (b - reference) ** 2)])
    counts = np.bincount(codes, minlength=len(names))
    drawn = rng.integers(0, len(names), (BOOTSTRAPS, len(names)))
    roots = np.sqrt(sums[:, drawn].sum(-1) / counts[drawn].sum(-1))
    low, high = np.quantile(roots[0] - roots[1], [0.025, 0.975])
    return float(low), float(high)


def score(data: Set, split: str) -> None:
    pairs, groups = data.pairs, data.splits[split]
    said = {
        "raw": pairs.raw,
        "Barkjohn": purpleair_pm25(pairs.raw, np.minimum(pairs.humidity, 1.0)),
        "Barkjohn, its linear piece": np.maximum(barkjohn_linear(pairs.raw, pairs.humidity), 0.0),
    }
    for name, predict in FITTED.items():
        said[name] = np.full(len(pairs), np.nan)
        for rows in folds(groups):
            said[name][rows] = predict(pairs[~rows], pairs[rows])
    said["ours"], low, high, chosen = ours(data, split)
    print(f"\n### {data.name}: leave one {split} out ({len(np.unique(groups))} {split}s, {len(pairs)} pairs)\n")
    line("correction", "RMSE µg/m³", "of raw, %", "MAE", "bias", "RMSE of ours less its, 95 %")
    line(*["---"] * 6)
    raw = rmse(pairs.raw, pairs.reference)
    blocks = pairs.sensor if split != "month" else groups
    for name, value in said.items():
        error = value - pairs.reference
        own = rmse(value, pairs.reference)
        span = "{:+.2f} … {:+.2f}".format(*difference(said["ours"], value, pairs.reference, blocks))
        apart = "" if name == "ours" else span
        line(name, own, f"{100 * own / raw:.0f}", float(np.abs(error).mean()), float(error.mean()), apart)
    inside = (pairs.reference >= low) & (pairs.reference <= high)
    each = [inside[pairs.sensor == name].mean() for name in np.unique(pairs.sensor)]
    better = [
        rmse(said["ours"][own], pairs.reference[own]) <= rmse(said["Barkjohn"][own], pairs.reference[own])
        for own in (pairs.sensor == name for name in np.unique(pairs.sensor))
    ]
    print(
        f"\n80 % intervals hold {100 * inside.mean():.1f} % (below {100 * (pairs.reference < low).mean():.1f} %, above "
        f"{100 * (pairs.reference > high).mean():.1f} %; sensors {100 * min(each):.0f} to {100 * max(each):.0f} %), "
        f"{float(np.mean(high - low)):.1f} µg/m³ wide; at or below Barkjohn at {sum(better)} of {len(better)} sensors; "
        f"chosen: {', '.join(f'{n} ({chosen.count(n)})' for n in dict.fromkeys(chosen))}"
    )


def transfer(a: Set, b: Set) -> None:
    """A make that was never seen: the plain terms learned on one, said of the other."""
    print("\n### A make left out whole\n")
    line("learned on", "said of", "RMSE µg/m³", "of raw, %", "Barkjohn", "its linear piece")
    line(*["---"] * 6)
    for train, test in ((a, b), (b, a)):
        p = test.pairs
        said = fit(train.pairs, Recipe(PLAIN, relative=True)).at(p)
        errors = [
            rmse(value, p.reference)
            for value in (
                said,
                p.raw,
                purpleair_pm25(p.raw, np.minimum(p.humidity, 1.0)),
                barkjohn_linear(p.raw, p.humidity),
            )
        ]
        line(train.name, test.name, errors[0], f"{100 * errors[0] / errors[1]:.0f}", errors[2], errors[3])


CHANNELS = ("PT08.S1(CO)", "PT08.S2(NMHC)", "PT08.S3(NOx)", "PT08.S4(NO2)", "PT08.S5(O3)")
GASES = {
    "co": ("CO(GT)", CHANNELS[0], 1000.0),
    "no2": ("NO2(GT)", CHANNELS[3], 1.0),
    "no": ("NOx(GT)", CHANNELS[2], 1.0),
}
"""Our variable -> column of the reference, channel meant for it, factor to its storage unit (NOx, in ppb, as it is)."""


def gas_table(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path).replace(-200, np.nan)
    table["time"] = pd.to_datetime(table["Date"] + " " + table["Time"], format="%d/%m/%Y %H.%M.%S", utc=True)
    table["relative_humidity"], table["temperature"] = table["RH"] / 100, table["T"] + 273.15
    return table


def gas_methods(variable: str, channel: str) -> dict[str, Callable[[pd.DataFrame, pd.DataFrame], np.ndarray]]:
    weather = ["temperature", "relative_humidity"]

    def plain(columns: list[str]) -> Callable[[pd.DataFrame, pd.DataFrame], np.ndarray]:
        def predict(train: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
            x, q = (np.column_stack([np.ones(len(t)), t[columns]]) for t in (train, test))
            return q @ np.linalg.lstsq(x, train["reference"], rcond=None)[0]

        return predict

    def trees(train: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
        x, q = (t[[*CHANNELS, *weather]].to_numpy() for t in (train, test))
        return lightgbm.train(TREES, lightgbm.Dataset(x, train["reference"].to_numpy()), ROUNDS).predict(q)

    def house(train: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
        others = [name for name in CHANNELS if name != channel]
        also = [*weather, *others, *(f"log {name}" for name in (*CHANNELS, "AH"))]
        when = test["time"].iloc[len(test) // 2].to_pydatetime()
        renamed = train.assign(**{variable: train[channel]})
        found = fit_against_reference(renamed, train.set_index("time")["reference"], variable, also, focus=Focus(when))
        said = correct(test.assign(**{variable: test[channel]}), [found])
        return said.values[variable].to_numpy(), said.uncertainty[variable].to_numpy()

    return {
        "its own channel, linear": plain([channel]),
        "own channel with weather": plain([channel, *weather]),
        "all channels with weather": plain([*CHANNELS, *weather]),
        "gradient boosting": trees,
        "ours": house,
    }


def score_gases(path: Path) -> None:
    table = gas_table(path)
    for variable, (reference, channel, factor) in GASES.items():
        rows = table.assign(reference=table[reference] * factor).dropna(subset=["reference", *CHANNELS, "AH"])
        rows = rows.reset_index(drop=True)
        truth = rows["reference"].to_numpy()
        month = rows["time"].dt.strftime("%Y-%m").to_numpy(str)
        week = rows["time"].dt.strftime("%G-%V").to_numpy(str)
        print(f"\n### Metal oxide, {reference} ({len(rows)} hours, {len(np.unique(month))} months)\n")
        line("from channels", "a month left out", "of the first, %", "next week, from all before it", "of the first, %")
        line(*["---"] * 5)
        first: list[float] = []
        for name, predict in gas_methods(variable, channel).items():
            out, error, ahead = (np.full(len(rows), np.nan) for _ in range(3))
            for own in folds(month):
                out[own], error[own] = _both(predict(rows[~own], rows[own]))
            for one in np.unique(week)[6:]:
                own = week == one
                ahead[own], _ = _both(predict(rows[week < one], rows[own]))
            late = ~np.isnan(ahead)
            found = [rmse(out, truth), rmse(ahead[late], truth[late])]
            first = first or found
            shares = [f"{100 * a / b:.0f}" for a, b in zip(found, first, strict=True)]
            line(name, found[0], shares[0], found[1], shares[1])
        inside = np.abs(truth - out) <= 1.2816 * error
        print(f"\n80 % intervals of ours, a month left out, hold {100 * inside.mean():.1f} %")


def _both(said: np.ndarray | tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return said if isinstance(said, tuple) else (said, np.full(len(said), np.nan))


KNOWN: dict[str, tuple[str, ...]] = {
    "weather": ("humidity", "temperature"),
    "humidity": ("humidity",),
    "alone": (),
}
"""Level of a family -> what it may ask of the weather."""


def level(pairs: Pairs, known: tuple[str, ...]) -> Pairs:
    unknown = np.full(len(pairs), np.nan)
    humidity = pairs.humidity if "humidity" in known else unknown
    return Pairs(pairs.raw, humidity, pairs.temperature if "temperature" in known else unknown, *tail(pairs))


def tail(pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    return pairs.reference, pairs.sensor


def asked(terms: tuple[str, ...], known: tuple[str, ...]) -> bool:
    return not any(word in term and word not in known for term in terms for word in ("humidity", "temperature"))


def family(name: str, sets: list[Set], relative: bool) -> Family:
    """The laws of a make; of several together, that choice whose errors, as shares of the raw ones, are least."""
    learned = {}
    for key, known in KNOWN.items():
        parts = [level(one.pairs, known) for one in sets]
        pairs, groups = joined(parts), np.concatenate([one.splits["sensor"] for one in sets])
        home = np.repeat(np.arange(len(parts)), [len(one) for one in parts])
        candidates = [
            Recipe(terms, penalty, relative=relative, smoke=sets[0].smoke and len(sets) == 1)
            for terms, penalty in itertools.product(SETS, (1.0, 30.0))
            if asked(terms, known)
        ]
        said = [unseen(pairs, groups, recipe) for recipe in candidates]
        best = min(range(len(candidates)), key=lambda k: _relative_error(said[k], pairs, home))
        spread = spread_of(said[best], pairs.reference, len(np.unique(groups)))
        learned[key] = Learned(fit(pairs, candidates[best]), spread)
    return Family(name, **learned)


def _relative_error(said: np.ndarray, pairs: Pairs, home: np.ndarray) -> float:
    parts = [home == k for k in np.unique(home)]
    return sum(rmse(said[own], pairs.reference[own]) / rmse(pairs.raw[own], pairs.reference[own]) for own in parts)


HEAD = '''"""The laws of counters, as `python -m benchmarks.skill.sensor_calibration --fit` fits them.

Their scores at sensors, sites and months left out, and what they lack, are in docs/science/sensor-calibration.md.
"""

from brise.models.sensor_correction_fit import Family, Law, Learned, Spread

LAWS: dict[str, Family] = '''


def rounded(value: object) -> object:
    """Numbers to six digits, in any nesting of records."""
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: rounded(getattr(value, one.name)) for one in fields(value)})
    if isinstance(value, tuple):
        return tuple(rounded(one) for one in value)
    return float(f"{value:.6g}") if isinstance(value, float) else value


def print_constants(folder: Path) -> None:
    home, abroad = purpleair(folder), airshot(folder)
    laws = {
        "purpleair": family("law of PurpleAir counters beside US monitors, 2021 to 2023", [home], relative=False),
        "plantower": family("law of laser counters beside monitors, US and India", [home, abroad], relative=True),
    }
    print(HEAD + repr({name: rounded(one) for name, one in laws.items()}))


def score_shipped(paths: list[Path]) -> None:
    """The laws as shipped, on pairs in any layout known; nothing is fitted."""
    read = [read_pairs(path) for path in paths]
    pairs = joined([one[0] for one in read])
    samples = pd.DataFrame({"pm25": pairs.raw, "relative_humidity": pairs.humidity, "temperature": pairs.temperature})
    print(f"\n### {len(pairs)} pairs of {len(np.unique(pairs.sensor))} sensors\n")
    line("correction", "RMSE µg/m³", "of raw, %", "bias", "80 % intervals hold, %")
    line(*["---"] * 5)
    raw = rmse(pairs.raw, pairs.reference)
    plain = {"raw": pairs.raw, "Barkjohn": purpleair_pm25(pairs.raw, np.minimum(pairs.humidity, 1.0))}
    for name, value in plain.items():
        line(name, rmse(value, pairs.reference), f"{100 * rmse(value, pairs.reference) / raw:.0f}", _bias(value, pairs))
    for make in LAWS:
        low, value, high = interval(samples, make)
        own = rmse(value, pairs.reference)
        inside = (pairs.reference >= low) & (pairs.reference <= high)
        line(f"ours, {make}", own, f"{100 * own / raw:.0f}", _bias(value, pairs), float(100 * inside.mean()))


def _bias(value: np.ndarray, pairs: Pairs) -> float:
    return float(np.mean(value - pairs.reference))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("../shared/data/calibration"))
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--pairs", nargs="+", type=Path)
    args = parser.parse_args()
    if args.fit:
        print_constants(args.folder)
    elif args.pairs:
        score_shipped(args.pairs)
    else:
        sets = purpleair(args.folder), airshot(args.folder)
        for data in sets:
            for split in data.splits:
                score(data, split)
        transfer(*sets)
        score_gases(args.folder / "uci_air_quality_2004.csv")


if __name__ == "__main__":
    main()
