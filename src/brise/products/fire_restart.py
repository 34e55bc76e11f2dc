"""A forecast from the last perimeter that was seen: fire starts on it at its time, with what the calibration found.

Before that time the fire is the calibrated one from its ignition, within the perimeter; what it burned outside was seen
not to burn. After it the perimeter burns on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from brise.conventions.fire import FireStart, FireWeather, Landscape
from brise.products.fire_calibration import Calibration, Mask, masks, reforecast
from brise.products.fire_run import FireEnsemble, FireOptions, FireResult, Progress
from brise.products.fire_spread import simulate
from brise.products.fire_summary import marks

_FIELDS = ("arrival", "rate", "direction", "flame_length", "intensity", "crown", "fraction")


@dataclass(frozen=True, slots=True, eq=False)
class Restart:
    """A forecast from a perimeter.

    Attributes:
        result: The calibrated fire up to the perimeter, and on from it.
        ensemble: Of possible fires on from it, where members were asked for.
        page: For the summary: when, and the area by hour from the ignition and from the perimeter.
    """

    result: FireResult
    ensemble: FireEnsemble | None
    page: dict[str, Any]


def perimeter_of(observed: Sequence[FireStart], options: FireOptions) -> list[FireStart]:
    """The polygons of the last perimeter with a time before the end of the simulation; none if there is no such."""
    end = options.start + np.timedelta64(round(options.hours * 3600), "s")
    times = [each.time for each in observed if each.time is not None and each.time < end]
    last = max(times, default=None)
    return [] if last is None else [each for each in observed if each.time == last]


def restart(
    inputs: tuple[Landscape, FireWeather, list[FireStart], FireOptions],
    calibration: Calibration,
    observed: Sequence[FireStart],
    progress: Progress | None = None,
) -> Restart | None:
    """The forecast from the last perimeter of known time; None where no perimeter has one before the end.

    Args:
        inputs: Landscape, weather, ignitions and options, as of `simulate`.
        calibration: Of these and the perimeters.
        observed: The perimeters.
        progress: Called with the share done.

    Raises:
        InputError: As `simulate`; nothing burns in the perimeter.
    """
    landscape, weather, starts, options = inputs
    last = perimeter_of(observed, options)
    if not last:
        return None
    seen = masks(landscape.grid, options, last)[0]
    minutes = float(seen.minutes or 0.0)
    until = simulate(landscape, weather, starts, options, factors=calibration.mean)
    after = simulate(landscape, weather, last, options, factors=calibration.mean)
    known = seen.mask & (until.arrival <= minutes)
    words = f"The forecast starts from the perimeter seen at {last[0].time}Z, with the fitted rates and wind."
    merged = {name: np.where(known, getattr(until, name), getattr(after, name)) for name in _FIELDS}
    said = tuple(dict.fromkeys((*until.assumptions, *after.assumptions, words)))
    result = replace(after, **merged, assumptions=said)
    many = None
    if options.members:
        many = _known(reforecast(landscape, weather, last, options, calibration, progress), result, seen.mask, minutes)
    times = marks(options.hours)
    page = {
        "time": f"{last[0].time}Z",
        "minutes": round(minutes, 2),
        "area_ha_from_ignition": [round(until.area_ha(float(time)), 4) for time in times],
        "area_ha_from_perimeter": [round(result.area_ha(float(time)), 4) for time in times],
    }
    return Restart(result, many, page)


def _known(ensemble: FireEnsemble, result: FireResult, mask: Mask, minutes: float) -> FireEnsemble:
    """The ensemble with what was seen: the perimeter burned for certain, and before it there is one fire."""
    burned = mask & (result.arrival <= minutes)
    before = ensemble.minutes <= minutes
    area = ensemble.area_ha.copy()
    area[:, before] = [result.area_ha(float(time)) for time in ensemble.minutes[before]]
    return replace(
        ensemble,
        probability=np.where(burned, np.float32(1.0), ensemble.probability),
        arrival=np.where(burned, result.arrival, ensemble.arrival),
        area_ha=area,
    )
