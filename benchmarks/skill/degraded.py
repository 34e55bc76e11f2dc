"""Less to read: how far errors grow and whether intervals still hold, on the frozen keys of the test years.

    python -m benchmarks.skill.degraded [SHARED_DATA] [--only beijing,london,mexico] [--model NAME]

Cases: everything; no weather; one station alone; every station's last six hours missing; NO2 measured nowhere.
"""

import argparse
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from benchmarks.skill.baselines import KEY, SETS, inits, reference
from benchmarks.skill.unseen import measured

from brise.conventions.observations import StationHours
from brise.conventions.variables import WEATHER
from brise.formulas.verification import score
from brise.models.network import HOUR
from brise.service.jobs.champion import choose, open_artifacts
from brise.service.jobs.hindcast import Question, predict, read_archive
from brise.service.settings import load_settings

LEADS = (1, 3, 6, 12, 24, 48)
STALE_H = 6


def without(*names: str) -> Callable[[StationHours, np.ndarray], StationHours]:
    return lambda hours, _: replace(hours, values={k: v for k, v in hours.values.items() if k not in names})


def alone(hours: StationHours, _: np.ndarray) -> StationHours:
    known = sum(np.isfinite(hours.values[name]).sum(axis=0) for name in ("no2", "pm25"))
    return hours.stations(np.arange(len(hours.station_id)) == int(np.argmax(known)))


def stale(hours: StationHours, starts: np.ndarray) -> StationHours:
    rows = ((starts + HOUR - hours.time[0]) // HOUR).astype(int)
    gone = np.unique((rows[:, None] - np.arange(STALE_H)).ravel())
    values = {name: matrix.copy() for name, matrix in hours.values.items()}
    for matrix in values.values():
        matrix[gone] = np.nan
    return replace(hours, values=values)


CASES: dict[str, Callable[[StationHours, np.ndarray], StationHours]] = {
    "everything": lambda hours, _: hours,
    "no weather": without(*WEATHER),
    "one station": alone,
    "6 h stale": stale,
    "no NO2": without("no2"),
}


def main() -> None:
    here = Path(os.environ.get("BRISE_DATA", Path(__file__).parents[3] / "shared" / "data"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=here)
    parser.add_argument("--only", default=",".join(SETS))
    parser.add_argument("--model", default="champion")
    options = parser.parse_args()
    model = choose(open_artifacts(load_settings()), options.model, 2).model
    for city in options.only.split(","):
        archive, tag = SETS[city]
        hours = read_archive(options.data / "air" / f"{archive}.parquet")
        keys = reference(options.data / "air" / "baselines" / f"{tag}__blend.parquet")[KEY]
        starts = inits(keys)
        usual: dict[tuple[str, str], float] = {}
        for case, change in CASES.items():
            rows = pd.concat(predict(change(hours, starts), Question(starts, LEADS), model))
            rows = rows.merge(keys, on=KEY)
            rows["measured"] = measured(hours, rows)
            rows = rows.dropna(subset=["measured"])
            if not np.isfinite(rows[["value", "q10", "q90"]].to_numpy()).all():
                raise SystemExit(f"{city}, {case}: not finite")
            for name, of in rows.groupby("variable"):
                told = score(of["value"], (of["q10"], of["q50"], of["q90"]), of["measured"])
                usual.setdefault((city, str(name)), told.rmse)
                grown = "" if case == "one station" else f"  x{told.rmse / usual[city, str(name)]:.3f}"
                print(
                    f"  {city:8} {case:12} {name:5} n {len(of):6} rmse {told.rmse:6.2f}{grown}  "
                    f"inside 80 % {told.coverage:.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
