"""What weather forecasts would bring: trees on the base's error, with and without the weather of the hour forecast.

    python -m benchmarks.skill.weather [SHARED_DATA] [--only beijing,london,mexico]

No archive of past weather forecasts is at hand, so the weather measured then stands in for one, degraded
by an error that all stations of a forecast share: normal, with the standard deviations of `ERROR`, about what
verification of global models against stations gives for the first and second day. SIMULATED FORECASTS: a stated upper
hand, not a score of this platform. Trained on the rows before the test year, tested on it, an init every 7 h.
"""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.skill.baselines import SETS

from brise.conventions.observations import StationHours
from brise.models.blend import at_rows
from brise.models.boosting import station_design, unit
from brise.models.boosting_training import RECIPES, Examples, fit_trees, stretches, truth_of
from brise.models.climatology import HISTORY_HOURS
from brise.models.features import TARGETS, Network
from brise.models.network import Fitted, fit
from brise.service.jobs.hindcast import read_archive

START = {"beijing": "2016-03-01T00", "london": "2023-01-01T00", "mexico": "2016-01-01T00"}
LEADS = (24, 48)
ERROR = {
    "temperature": (1.5, 2.0),
    "relative_humidity": (0.10, 0.12),
    "pressure": (100.0, 160.0),
    "wind_speed": (1.2, 1.5),
    "eastward_wind": (1.4, 1.8),
    "northward_wind": (1.4, 1.8),
}
"""Standard deviations at 24 h and 48 h: K, 1, Pa, m s-1."""
_SCALE = {"temperature": 10.0, "relative_humidity": 0.25, "pressure": 1000.0, "wind_speed": 2.0}
_WIND = 2.5
EVERY, CHECK = 3, 7


@dataclass(frozen=True)
class Setting:
    """A network, what was learnt of it before the test, and one lead."""

    hours: StationHours
    fitted: Mapping[str, Fitted]
    lead: int
    rng: np.random.Generator


def ahead_weather(setting: Setting, rows: np.ndarray, network: Network) -> np.ndarray:
    """(N, S, 2 W): the degraded weather of the hour forecast, and of the six before it, standardised."""
    whole = Network(setting.fitted, setting.hours).weather
    parts = []
    for name in network.weather:
        sd = ERROR[name][LEADS.index(setting.lead)] / _SCALE.get(name, _WIND)
        error = setting.rng.normal(0, sd, (len(rows), 1))
        now = at_rows(whole[name], rows + setting.lead)
        six = np.stack([at_rows(whole[name], rows + setting.lead - back) for back in range(6)])
        known = np.isfinite(six)
        mean = np.where(known, six, 0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
        parts += [now + error, mean + error]
    return np.stack(parts, axis=-1)


def rows_of(setting: Setting, name: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(R, F) features without, (R, G) the weather ahead, (R,) truth minus base, in units of the usual spread."""
    features, weather, target = [], [], []
    for network, inside, part in stretches(setting.fitted, setting.hours, rows):
        design = station_design(network, name, inside, (setting.lead,))
        error = (truth_of(setting.hours, name, part, (setting.lead,)) - design.base) / unit(network, name)
        n, s = np.nonzero(np.isfinite(error[0]))
        features.append(design.rows(np.zeros(len(n), int), n, s))
        weather.append(ahead_weather(setting, part, network)[n, s])
        target.append(error[0][n, s])
    return tuple(np.concatenate(part).astype(np.float32) for part in (features, weather, target))


def compare(setting: Setting, name: str, first: int) -> tuple[float, float, float]:
    """Root mean square error in the test: the base's, without weather ahead, with it."""
    past = setting.hours.until(setting.hours.time[first - 1])
    early = rows_of(
        Setting(past, setting.fitted, setting.lead, setting.rng),
        name,
        np.arange(max(first - HISTORY_HOURS, 800), first - setting.lead, EVERY),
    )
    late = rows_of(setting, name, np.arange(first, len(setting.hours.time) - setting.lead, CHECK))
    recipe = RECIPES[(18, 24) if setting.lead == 24 else (36, 48)]
    out = [float(np.sqrt(np.mean(np.square(late[2]))))]
    for used in (False, True):
        x, y = (np.concatenate(one[:2], axis=1) if used else one[0] for one in (early, late))
        lead = np.full(len(x), setting.lead)
        trees, size = fit_trees([Examples(x, early[2], lead)], recipe, recipe.rounds, 1)
        out.append(float(np.sqrt(np.mean(np.square(late[2] - size * trees.predict(y))))))
    return out[0], out[1], out[2]


def main() -> None:
    here = Path(os.environ.get("BRISE_DATA", Path(__file__).parents[3] / "shared" / "data"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=here)
    parser.add_argument("--only", default=",".join(SETS))
    options = parser.parse_args()
    print("SIMULATED weather forecasts (measured weather, degraded); errors over the base's")
    for city in options.only.split(","):
        hours = read_archive(options.data / "air" / f"{SETS[city][0]}.parquet")
        start = np.datetime64(START[city], "s")
        first = int(np.searchsorted(hours.time, start))
        fitted = fit(hours.until(start), None, LEADS)
        for name in (one for one in TARGETS if one in fitted):
            for lead in LEADS:
                setting = Setting(hours, fitted, lead, np.random.default_rng([lead, first]))
                base, without, with_ = compare(setting, name, first)
                print(
                    f"  {city:8} {name:5} {lead:3} h  without x{without / base:.3f}  with x{with_ / base:.3f}  "
                    f"gain {100 * (1 - with_ / without):+.1f} %",
                    flush=True,
                )


if __name__ == "__main__":
    main()
