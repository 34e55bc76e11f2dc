"""A fire front that throws embers ahead of itself: spot fires join it, seeded, in the order of time.

Embers leave a cell when it burns, fly with the wind (`spotting.landing` along it, a normal law across it) and, by
chance, light what they fall on after a delay. None lights anything sooner than that delay; so the fire is followed in
windows as long as it: all arrivals within one are final before its own embers are thrown. Frame after Perryman et al.
(2013, Int. J. Wildland Fire 22, 344).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.formulas.compiled import Array32
from brise.formulas.fire.front import Clock, Front, Ignition, Spread, front
from brise.formulas.fire.spotting import landing

Array = NDArray[np.float64]
Cells = tuple[NDArray[np.intp], NDArray[np.intp]]

_ACROSS = 0.92  # spread across the wind over the size of the source (Himoto and Tanaka 2005)


@dataclass(frozen=True, slots=True, eq=False)
class Embers:
    """What a cell throws when it burns under one table of spread, and what embers meet where they fall.

    Attributes:
        count: (Y, X) embers expected of a cell; 0 where it throws none (Perryman et al.: only where crowns burn).
        intensity: (Y, X) of its fire line, W m-1.
        chance: (Y, X) that an ember lights the cell it falls on (`spotting.ignition_probability`).
        wind: 20-ft wind, eastward and northward, blowing to, m s-1.
    """

    count: NDArray[np.floating]
    intensity: NDArray[np.floating]
    chance: NDArray[np.floating]
    wind: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Spotting:
    """How embers are thrown.

    Attributes:
        embers: One for each table of spread.
        delay: s from landing to a fire that spreads as its ellipse says (20 min: McAlpine and Wakimoto 1991).
        most: Embers that are followed in all, those of the earliest cells; what is over is counted.
        farthest: m that an ember is alive for; `spotting.spotting_distance` tells.
    """

    embers: Sequence[Embers]
    delay: float = 1200.0
    most: int = 100_000
    farthest: float = np.inf


@dataclass(frozen=True, slots=True, eq=False)
class Spotted:
    """The fire with its spot fires, each of them (N).

    Attributes:
        front: Arrival, direction and rate with spot fires.
        rows: Where spot fires started, in cells.
        columns: As `rows`.
        times: When, s.
        thrown: Embers that were followed.
        left_out: Embers beyond `Spotting.most`.
    """

    front: Front
    rows: Array
    columns: Array
    times: Array
    thrown: int
    left_out: int


def front_with_spotting(
    spreads: Sequence[Spread],
    ignitions: Sequence[Ignition],
    clock: Clock,
    cell_m: float,
    spotting: Spotting,
    rng: np.random.Generator,
) -> Spotted:
    """The fire's arrival where embers light spot fires ahead of it.

    The same generator state gives the same fire. Embers that fall outside, on what cannot burn or on what has burned
    are lost; of several in a cell the first to light counts.

    Raises:
        InputError: As `front`; embers that do not match the tables; a delay, number or distance that is not positive.

    >>> flat = np.zeros((61, 61))
    >>> table = Spread(0.0, flat + 0.1, flat, flat)
    >>> embers = Embers(flat + 0.05, flat + 5e6, flat + 0.5, (0.0, 8.0))
    >>> rng = np.random.default_rng(4)
    >>> start, hour = [Ignition([50], [30], 0.0)], Clock(0.0, 7200.0)
    >>> found = front_with_spotting([table], start, hour, 30.0, Spotting([embers]), rng)
    >>> found.thrown > len(found.times) > 0
    True
    """
    _check(spreads, spotting)
    lit, spots = list(ignitions), [np.zeros((0, 3))]
    thrown, left_out, opens, until = 0, 0, clock.start, clock.start
    while True:
        closes, known = min(opens + spotting.delay, clock.end), until
        until = min(closes + spotting.delay, clock.end)
        if until > known or len(spots[-1]):
            found = front(spreads, lit, Clock(clock.start, until, clock.periods), cell_m)
        if opens >= clock.end:
            break
        sources, over = _sources(found.arrival, (opens, closes), spreads, spotting.most - thrown, (spotting, rng))
        flights = _flights(sources, cell_m, rng)
        new = _lighting(flights, found.arrival, (spreads, spotting), clock, rng)
        lit += [Ignition([row], [column], time) for row, column, time in new.tolist()]
        spots.append(new)
        thrown, left_out, opens = thrown + len(flights), left_out + over, closes
    every = np.concatenate(spots)
    return Spotted(found, every[:, 0], every[:, 1], every[:, 2], thrown, left_out)


def _check(spreads: Sequence[Spread], spotting: Spotting) -> None:
    if len(spotting.embers) != len(spreads):
        raise InputError(f"{len(spreads)} tables of spread, and embers for {len(spotting.embers)}")
    for name, limit in (("delay", spotting.delay), ("most", spotting.most), ("farthest", spotting.farthest)):
        if not limit > 0:
            raise InputError(f"spotting's {name} is {limit}, and must be above 0")
    for k, embers in enumerate(spotting.embers):
        for name in ("count", "intensity", "chance"):
            values = np.asarray(getattr(embers, name))
            if values.shape != np.shape(spreads[k].rate):
                raise InputError(f"embers' {name} has shape {values.shape}, the rates {np.shape(spreads[k].rate)}")
            bad = int((~((values >= 0) & (values < np.inf))).sum())
            if bad:
                raise InputError(f"embers' {name} of table {k} is NaN, negative or infinite in {bad} cells")


def _picked(layers: Sequence[NDArray[np.floating]], spreads: Sequence[Spread], times: Array, at: Cells) -> Array:
    # the values at some cells and times, each from the table of its time
    starts = [spread.start for spread in spreads]
    which = np.maximum(np.searchsorted(starts, times, side="right") - 1, 0)
    found = np.zeros(len(times))
    for k in np.unique(which):
        own = which == k
        found[own] = np.asarray(layers[k])[at[0][own], at[1][own]]
    return found


def _sources(
    arrival: Array32,
    window: tuple[float, float],
    spreads: Sequence[Spread],
    most: int,
    how: tuple[Spotting, np.random.Generator],
) -> tuple[Array, int]:
    # one row an ember: row, column and time of its cell, intensity, wind; and how many were too many
    spotting, rng = how
    rows, columns = np.nonzero((arrival >= window[0]) & (arrival < window[1]))
    order = np.argsort(arrival[rows, columns], kind="stable")
    at = rows[order], columns[order]
    times = arrival[at].astype(float)
    number = rng.poisson(_picked([embers.count for embers in spotting.embers], spreads, times, at))
    intensity = _picked([embers.intensity for embers in spotting.embers], spreads, times, at)
    winds = [[np.full((1, 1), embers.wind[part]) for embers in spotting.embers] for part in (0, 1)]
    nowhere = np.zeros_like(at[0]), np.zeros_like(at[1])
    east, north = (_picked(wind, spreads, times, nowhere) for wind in winds)
    every = np.stack([at[0], at[1], times, intensity, east, north], axis=-1)
    all_of_them = np.repeat(np.arange(len(times)), number)
    kept = all_of_them[:most]
    return every[kept], len(all_of_them) - len(kept)


def _flights(sources: Array, cell_m: float, rng: np.random.Generator) -> Array:
    # where and when embers come down: row, column, time, metres flown
    row, column, time, intensity, east, north = sources.T
    speed = np.hypot(east, north)
    middle, wide = landing(intensity, speed)
    far = np.exp(middle + wide * rng.standard_normal(len(time)))
    aside = _ACROSS * cell_m * rng.standard_normal(len(time))
    start = rng.uniform(-0.5, 0.5, (2, len(time)))
    pace = np.maximum(speed, 0.1)  # in still air embers fall round about, not far
    east, north = np.where(speed > 0, east / pace, 1.0), north / pace
    row = row + start[0] - (north * far - east * aside) / cell_m
    column = column + start[1] + (east * far + north * aside) / cell_m
    return np.stack([row, column, time + far / pace, np.hypot(far, aside)], axis=-1)


def _lighting(
    flights: Array,
    arrival: Array32,
    tables: tuple[Sequence[Spread], Spotting],
    clock: Clock,
    rng: np.random.Generator,
) -> Array:
    # row, column and time of the spot fires, the first of each cell
    spreads, spotting = tables
    luck = rng.random(len(flights))
    cell = np.floor(flights[:, :2] + 0.5)
    inside = ((cell >= 0) & (cell < np.array(arrival.shape))).all(axis=1) & (flights[:, 3] <= spotting.farthest)
    flights, cell, luck = flights[inside], cell[inside].astype(int), luck[inside]
    at, times = (cell[:, 0], cell[:, 1]), _when_open(flights[:, 2] + spotting.delay, clock)
    lights = luck < _picked([embers.chance for embers in spotting.embers], spreads, flights[:, 2], at)
    lights &= _picked([spread.rate for spread in spreads], spreads, times, at) > 0
    lights &= (times < clock.end) & ~(arrival[at] <= times)
    new = np.column_stack([flights[lights, :2], times[lights]])
    new = new[np.argsort(new[:, 2], kind="stable")]
    flat = np.ravel_multi_index(tuple(np.floor(new[:, :2] + 0.5).astype(int).T), arrival.shape)
    return np.asarray(new[np.sort(np.unique(flat, return_index=True)[1])])


def _when_open(times: Array, clock: Clock) -> Array:
    # what comes down between burn periods waits for the next one
    if not clock.periods:
        return times
    opens, closes = np.array(clock.periods).T
    following = np.searchsorted(closes, times, side="right")
    return np.asarray(np.maximum(times, np.append(opens, np.inf)[following]))
