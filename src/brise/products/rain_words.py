"""What a rain series means: "rain starts at 14:12, moderate, ends 14:40", as keys and numbers, and as an English line.

Intensities after WMO-No. 8 (Guide to Instruments and Methods of Observation, 2023, annex 14.A): slight below 2.5 mm/h,
moderate below 10, heavy below 50, violent from there on.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

INTENSITIES: tuple[tuple[str, float], ...] = (
    ("rain.light", 0.0),
    ("rain.moderate", 2.5),
    ("rain.heavy", 10.0),
    ("rain.violent", 50.0),
)
"""Text key and the rate from which it holds, mm h-1."""

LIKELY = 0.5
"""It is said to rain when the chance of it is at least this."""

PAUSE_MINUTES = 10.0
"""A shorter pause belongs to the rain around it."""

PERHAPS = 0.2
"""A chance of rain from which a dry outlook says so."""


@dataclass(frozen=True, slots=True)
class Spell:
    """One stretch of rain.

    Attributes:
        start: Minutes after the newest frame; None = it rains from the beginning of what is known.
        end: Minutes after the newest frame; None = it still rains at the end of what is known.
        intensity: Text key, of the strongest rate.
        peak: Strongest expected rate, mm h-1.
        confidence: Mean chance of rain in it, 0 to 1.
    """

    start: float | None
    end: float | None
    intensity: str
    peak: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a series says.

    Attributes:
        key: "rain.starts", "rain.ends", "rain.goes_on", "rain.perhaps" (likely, yet at no step), "rain.none" or
            "rain.unknown".
        spells: In order of time.
        chance: That it rains at all in what is known; None = unknown.
        confidence: How sure the statement is, 0 to 1; None = unknown.
        until: Minutes after the newest frame to which the series is known; None = nothing is.
    """

    key: str
    spells: tuple[Spell, ...]
    chance: float | None
    confidence: float | None
    until: float | None


UNKNOWN = Outlook("rain.unknown", (), None, None, None)


def intensity(rate: float) -> str:
    """Text key of a rate in mm h-1.

    >>> intensity(2.5)
    'rain.moderate'
    """
    return next(key for key, lowest in reversed(INTENSITIES) if rate >= lowest)


def describe(
    minutes: NDArray[np.float64],
    value: NDArray[np.float32],
    chance: NDArray[np.float32],
    any_chance: float | None = None,
) -> Outlook:
    """Find the spells of rain in a series.

    Args:
        minutes: (L,) after the newest frame, rising.
        value: (L,) expected rate, mm h-1; NaN unknown.
        chance: (L,) of rain, 0 to 1; NaN unknown. The series ends where it becomes unknown.
        any_chance: That it rains at all in the series, where members tell; else the highest chance of a step is taken.

    >>> series = np.array([0, 0.1, 0.3, 0.7, 0.9, 0.4, 0.1], np.float32)
    >>> found = describe(np.arange(0.0, 35, 5), 4 * series, series)
    >>> found.key, found.spells[0].start, found.spells[0].end, found.spells[0].intensity
    ('rain.starts', 12.5, 24.0, 'rain.moderate')
    """
    known = np.isfinite(value) & np.isfinite(chance)
    count = len(known) if known.all() else int(known.argmin())
    if count == 0:
        return UNKNOWN
    minutes, value, chance = minutes[:count], value[:count], chance[:count]
    most = float(chance.max()) if any_chance is None else max(any_chance, float(chance.max()))
    until = float(minutes[-1])
    spells = _spells(minutes, value, chance)
    if not spells:
        if most >= LIKELY:
            return Outlook("rain.perhaps", (), most, most, until)
        return Outlook("rain.none", (), most, 1.0 - most, until)
    first = spells[0]
    key = "rain.starts" if first.start is not None else "rain.goes_on" if first.end is None else "rain.ends"
    return Outlook(key, spells, most, first.confidence, until)


def _spells(minutes: NDArray[np.float64], value: NDArray[np.float32], chance: NDArray[np.float32]) -> tuple[Spell, ...]:
    wet = chance >= LIKELY
    edges = np.flatnonzero(np.diff(wet)) + 1
    starts = ([0] if wet[0] else []) + [int(place) for place in edges if wet[place]]
    ends = [int(place) for place in edges if not wet[place]] + ([len(wet)] if wet[-1] else [])
    pairs: list[tuple[int, int]] = []
    for start, end in zip(starts, ends, strict=True):
        if pairs and minutes[start] - minutes[pairs[-1][1] - 1] <= PAUSE_MINUTES:
            pairs[-1] = (pairs[-1][0], end)
        else:
            pairs.append((start, end))
    return tuple(_spell(minutes, value, chance, start, end) for start, end in pairs)


def _spell(
    minutes: NDArray[np.float64], value: NDArray[np.float32], chance: NDArray[np.float32], start: int, end: int
) -> Spell:
    peak = float(value[start:end].max())
    return Spell(
        None if start == 0 else _crossing(minutes, chance, start),
        None if end == len(chance) else _crossing(minutes, chance, end),
        intensity(peak),
        round(peak, 2),
        round(float(chance[start:end].mean()), 2),
    )


def _crossing(minutes: NDArray[np.float64], chance: NDArray[np.float32], place: int) -> float:
    """When the chance passes LIKELY between a step and the one before, to a tenth of a minute."""
    before, after = float(chance[place - 1]), float(chance[place])
    share = (LIKELY - before) / (after - before)
    return round(float(minutes[place - 1] + share * (minutes[place] - minutes[place - 1])), 1)


def sentence(outlook: Outlook, clock: Callable[[float], str]) -> str:
    """The outlook in English.

    Args:
        outlook: What to say.
        clock: Minutes after the newest frame as a time of day, such as "14:12".

    >>> found = Outlook("rain.starts", (Spell(12, 40, "rain.moderate", 4.2, 0.7),), 0.9, 0.7, 120)
    >>> sentence(found, lambda minutes: f"14:{minutes:02.0f}")
    'Rain starts at 14:12, moderate, ends 14:40 (confidence 70 %).'
    """
    if outlook.until is None or outlook.chance is None or outlook.confidence is None:
        return "Nothing is known about rain here."
    if not outlook.spells:
        sure = f"No rain until {clock(outlook.until)}"
        if outlook.key == "rain.perhaps":
            return f"Some rain by {clock(outlook.until)} is likely ({100 * outlook.chance:.0f} %); when is open."
        if outlook.chance >= PERHAPS:
            return f"{sure} is likely, yet the chance of some is {100 * outlook.chance:.0f} %."
        return f"{sure} (confidence {100 * outlook.confidence:.0f} %)."
    first = outlook.spells[0]
    strength = first.intensity.removeprefix("rain.")
    after = f"ends {clock(first.end)}" if first.end is not None else f"goes on beyond {clock(outlook.until)}"
    begins = f"Rain starts at {clock(first.start)}, {strength}" if first.start is not None else f"Rain now, {strength}"
    again = ""
    if len(outlook.spells) > 1 and outlook.spells[1].start is not None:
        again = f"; again from {clock(outlook.spells[1].start)}"
    return f"{begins}, {after} (confidence {100 * outlook.confidence:.0f} %){again}."
