"""Skill of a model beside the frozen baselines in the shared data, on the very same keys.

    python -m benchmarks.skill.baselines [SHARED_DATA] [--only beijing,london,mexico] [--model NAME]

Mapping withholds one station at a time from fitting and from inputs; forecasts fit on the rows before the test.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd

from brise.conventions.observations import StationHours
from brise.formulas.verification import score
from brise.models.network import HOUR
from brise.models.registry import Model
from brise.service.jobs.champion import choose, open_artifacts
from brise.service.jobs.hindcast import Question, predict, read_archive
from brise.service.settings import load_settings

SETS = {
    "beijing": ("beijing_2013_2017", "beijing_2016_17"),
    "london": ("london_2020_2023", "london_2023"),
    "mexico": ("mexico_city_2009_2016", "mexico_2016dev"),
}
BLOCK_H = 24 * 7
KEY = ["init_time", "lead_hours", "station_id", "variable"]


def reference(path: Path) -> pd.DataFrame:
    frame = pd.read_parquet(path).rename(columns={"pollutant": "variable"})
    for name in ("station_id", "variable"):
        frame[name] = frame[name].astype(str)
    frame["init_time"] = pd.to_datetime(frame["init_time"], utc=True).dt.as_unit("s")
    return frame


def inits(frame: pd.DataFrame) -> np.ndarray:
    return np.unique(frame["init_time"].dt.tz_localize(None).to_numpy("datetime64[s]"))


def forecasts(hours: StationHours, keys: pd.DataFrame, model: Model) -> pd.DataFrame:
    leads = tuple(int(lead) for lead in np.unique(keys["lead_hours"]))
    return pd.concat(predict(hours, Question(inits(keys), leads, tuple(keys["variable"].unique())), model))


def maps(hours: StationHours, keys: pd.DataFrame, model: Model) -> pd.DataFrame:
    parts = []
    for station, own in keys.groupby("station_id"):
        question = Question(inits(keys), (0,), tuple(own["variable"].unique()), frozenset([station]))
        part = pd.concat(predict(hours, question, model))
        parts.append(part[part["station_id"] == station])
    return pd.concat(parts)


def bootstrap(rows: pd.DataFrame, peer: str, seed: int = 0) -> tuple[float, float, float]:
    """Ratio of RMSE over a peer's and its 90 % interval, weeks drawn together."""
    week = rows["init_time"].dt.tz_localize(None).to_numpy("datetime64[s]").astype(np.int64) // (3600 * BLOCK_H)
    _, block = np.unique(week, return_inverse=True)
    sums = [np.bincount(block, np.square(rows[name] - rows["measured"])) for name in ("value", peer)]
    draws = np.random.default_rng(seed).integers(0, len(sums[0]), (2000, len(sums[0])))
    ratio = np.sqrt(sums[0][draws].sum(axis=1) / sums[1][draws].sum(axis=1))
    low, high = np.quantile(ratio, (0.05, 0.95))
    return float(np.sqrt(sums[0].sum() / sums[1].sum())), float(low), float(high)


def table(hours: StationHours, ours: pd.DataFrame, references: dict[str, pd.DataFrame]) -> list[dict[str, float]]:
    """One line per variable and lead: our scores, and each reference's RMSE on the same keys; the ratios, pooled."""
    ratios = []
    keys = next(iter(references.values()))[KEY]
    both = keys.merge(ours, on=KEY, how="left")
    for name, frame in references.items():
        both = both.merge(frame[[*KEY, "value"]].rename(columns={"value": name}), on=KEY, how="left")
    valid = (
        both["init_time"].dt.tz_localize(None).to_numpy("datetime64[s]") + HOUR * (both["lead_hours"] + 1).to_numpy()
    )
    row = ((valid - hours.time[0]) // HOUR).astype(int)
    column = np.searchsorted(hours.station_id, both["station_id"])
    inside = row < len(hours.time)
    both["measured"] = np.nan
    for name in both["variable"].unique():
        use = (both["variable"] == name).to_numpy() & inside
        both.loc[use, "measured"] = hours.values[name][row[use], column[use]]
    both = both.dropna(subset=["measured"])
    print(f"  not predicted: {both['value'].isna().sum()} of {len(both)}")
    for name, of in both.groupby("variable"):
        groups = list(of.groupby("lead_hours")) + ([("all", of)] if of["lead_hours"].nunique() > 1 else [])
        for lead, rows in groups:
            ours_ = score(rows["value"], (rows["q10"], rows["q50"], rows["q90"]), rows["measured"])
            peers = {peer: float(np.sqrt(np.mean(np.square(rows[peer] - rows["measured"])))) for peer in references}
            beside = "  ".join(f"{peer} {value:6.2f} (x{ours_.rmse / value:.3f})" for peer, value in peers.items())
            if lead == "all" or len(groups) == 1:
                ratios.append({peer: ours_.rmse / value for peer, value in peers.items()})
                spans = {peer: bootstrap(rows.dropna(subset=[peer]), peer)[1:] for peer in peers}
                beside += "  90 %: " + "  ".join(f"{peer} [{a:.3f}, {b:.3f}]" for peer, (a, b) in spans.items())
            print(
                f"  {name:5} {lead!s:>4} h  rmse {ours_.rmse:6.2f}  mae {ours_.mae:6.2f}  bias {ours_.bias:6.2f}  "
                f"cov80 {ours_.coverage:.3f}  crps3 {ours_.crps3:6.2f} | {beside}"
            )
    return ratios


def main() -> None:
    here = Path(os.environ.get("BRISE_DATA", Path(__file__).parents[3] / "shared" / "data"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=here)
    parser.add_argument("--only", default=",".join(SETS))
    parser.add_argument("--part", choices=("maps", "forecasts", "both"), default="both")
    parser.add_argument("--model", default="champion", help="one of `brise models`")
    options = parser.parse_args()
    model = choose(open_artifacts(load_settings()), options.model, 2).model
    frozen = options.data / "air" / "baselines"
    ratios: dict[str, list[dict[str, float]]] = {}
    for city in options.only.split(","):
        archive, tag = SETS[city]
        hours = read_archive(options.data / "air" / f"{archive}.parquet")
        for part, pattern, peers in (
            ("maps", "map_{}__{}.parquet", ("oi", "ok", "base", "lgbm")),
            ("forecasts", "{}__{}.parquet", ("blend", "lgbm")),
        ):
            if options.part not in (part, "both"):
                continue
            references = {peer: reference(frozen / pattern.format(tag, peer)) for peer in peers}
            keys = references[peers[0]]
            began = time.process_time()
            ours = maps(hours, keys, model) if part == "maps" else forecasts(hours, keys, model)
            print(f"{city}, {part}: {time.process_time() - began:.0f} s of CPU")
            ratios.setdefault(part, []).extend(table(hours, ours, references))
    for part, rows in ratios.items():
        for peer in rows[0]:
            mean = float(np.exp(np.mean([np.log(row[peer]) for row in rows])))
            print(f"{part}: x{mean:.3f} of {peer}, the geometric mean of {len(rows)} cities and pollutants")


if __name__ == "__main__":
    main()
