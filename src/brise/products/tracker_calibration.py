"""Calibrates a tracker by the hours that it spent outdoors near reference stations, or else by the city's map."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.observations import StationHours
from brise.conventions.trackers import measured
from brise.formulas.calibration import Calibration
from brise.formulas.tracker_rows import distance_m
from brise.models.sensor_correction import CORRECTED
from brise.models.sensor_correction_rolling import rolling
from brise.products.personal_exposure import Told, outdoors

Array = NDArray[np.float64]

REACH_M = 2_000.0
"""A reference station nearer than this speaks for the air of the hour."""

LEAST_S = 900
"""Of an hour that must have been measured outdoors for its mean to count."""

HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Hours:
    """A tracker's hours outdoors.

    Attributes:
        frame: `time` (END, UTC), `latitude`, `longitude` (NaN unknown) and the means of what was measured.
    """

    frame: pd.DataFrame

    @property
    def end(self) -> NDArray[np.int64]:
        """(N,) seconds since 1970 UTC."""
        return np.asarray(self.frame["time"].dt.as_unit("s").astype("int64"), np.int64)


def outdoor_hours(samples: pd.DataFrame, told: Told | None = None) -> Hours:
    """Means of the hours of which a quarter or more was measured outdoors, at a known place.

    Args:
        samples: As `check_samples`, what is doubtful made unknown, in order of time.
        told: What the wearer says; a device that stays counts only where they say that it is outdoors.
    """
    names = [name for name in ("latitude", "longitude", *measured(samples)) if name in samples]
    if samples.empty:
        return Hours(samples[["time", *names]])
    rows = samples[outdoors(samples, told) & samples["latitude"].notna().to_numpy()]
    end = rows["time"].dt.ceil("h")
    grouped = rows[names].groupby(end)
    period = int(samples["period_s"].median())
    enough = grouped["latitude"].size() * period >= LEAST_S
    return Hours(grouped.mean()[enough].rename_axis("time").reset_index())


def beside_stations(hours: Hours, stations: StationHours, variable: str) -> pd.Series:
    """The nearest reference within REACH_M that knows each hour; hours without one are left out.

    Returns:
        Values by END of the hour, UTC.
    """
    values = np.full(len(hours.frame), np.nan)
    if variable in stations.values and len(stations.station_id) and len(stations.time):
        at = np.searchsorted(stations.time.astype(np.int64), hours.end)
        found = np.minimum(at, len(stations.time) - 1)
        known = stations.time.astype(np.int64)[found] == hours.end
        nearest = np.full(len(values), REACH_M)
        place = [hours.frame[name].to_numpy(float) for name in ("latitude", "longitude")]
        for s in range(len(stations.station_id)):
            here = np.array(stations.latitude[s]), np.array(stations.longitude[s])
            apart = distance_m(place[0], place[1], *here)
            value = stations.values[variable][found, s].astype(float)
            better = known & (apart < nearest) & ~np.isnan(value)
            values[better], nearest[better] = value[better], apart[better]
    series = pd.Series(values, index=pd.DatetimeIndex(hours.frame["time"]))
    return series.dropna()


Beside = Callable[[str], pd.Series]
"""Variable -> values by END of the hour."""


def calibrate(
    hours: Hours, sides: Mapping[str, Beside], make: str, before: Sequence[Calibration] = ()
) -> tuple[list[Calibration], dict[str, str]]:
    """Calibrations of every quantity that has enough hours beside something.

    Args:
        hours: Outdoors.
        sides: "a reference", then "the city's map": what each is called, and what it says; the first that is enough.
        make: As `correct` takes it.
        before: What was found earlier; what ends before the new begins stays, so that old samples keep theirs.

    Returns:
        Calibrations in order of time; and why there is no new one, by variable.
    """
    found, refused = list(before), {}
    for variable in (name for name in CORRECTED if name in hours.frame):
        why = ""
        for called, beside in sides.items():
            try:
                new = rolling(hours.frame, beside(variable), variable, make=make)
            except InputError as error:
                why = why or str(error)
                continue
            start = new[0].start
            found = [one for one in found if one.variable != variable or one.end <= start]
            found += [replace(one, name=one.name.replace("a reference", called)) for one in new]
            break
        else:
            refused[variable] = why
    return sorted(found, key=lambda one: (one.start, one.variable)), refused
