"""Quality control of hourly means: QARTOD flags from seven small tests.

Each test takes (T, S) hourly means of one variable, T hours by S stations, gaps as NaN, and answers where something is
wrong. `assess` joins them: 1 pass, 2 not evaluated (no value), 3 suspect, 4 fail.

What fails is wrong without doubt: outside physics, a code for "missing", stuck, or a spike that came and went while the
stations around saw nothing. What is only unlikely is suspect: a fire's smoke and a frosty morning's traffic are
unlikely too. The newest hour is judged by what is known then: whether a jump stays is not, so it is suspect at most.

Jumps and differences are measured in y = ln(1 + x / floor), which is linear for clean air, where noise is additive, and
relative for dirty air, where everything is in proportion.

After: IOOS QARTOD Manual for Real-Time Quality Control (flags, range, spike, rate of change, flat line). Thresholds are
ours, set on Beijing, London, Mexico City and US smoke records; see docs/science/quality-control.md for the rates.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from brise.conventions.errors import InputError
from brise.conventions.grids import km_to_chord, unit_vectors
from brise.conventions.observations import Flag
from brise.conventions.variables import variable

Flags = NDArray[np.int8]
Mask = NDArray[np.bool_]
Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rules:
    """Thresholds of one variable, in its storage unit where not said otherwise.

    Attributes:
        ceiling: Above it an hourly mean of outdoor air is suspect, though possible.
        floor: Concentration below which differences count as absolute, above as relative.
        quiet: Below it equal hours in a row are what a rounding instrument shows in clean air.
        flat_suspect: Equal hours in a row above `quiet` that are suspect ...
        flat_fail: ... and that fail.
        flat_quiet: Equal hours in a row below `quiet` that are suspect; 0 = never.
        spike: Rise in y over both hours around that is a spike.
        step: Jump in y from the hour before that is a step.
        apart: Distance in y from the neighbours, beyond the station's habit, that is suspect.
        caps: Values an instrument shows when the truth is that or more.
    """

    ceiling: float
    floor: float
    quiet: float
    flat_suspect: int
    flat_fail: int
    flat_quiet: int = 0
    spike: float = 1.0
    step: float = 1.2
    apart: float = 1.1
    caps: tuple[float, ...] = ()


# Beta monitors end at 985, China's and many displays at 999, the SDS011 of volunteers at 999.9 (PM10: 1999.9): the
# truth is that or more, or the counter is full of fog or dust.
_PM_CAPS = (985.0, 999.0, 999.9, 1999.9)

RULES: dict[str, Rules] = {
    "pm1": Rules(3_000, 10, 10, 6, 12, 24, caps=_PM_CAPS),
    "pm25": Rules(3_000, 10, 10, 6, 12, 24, caps=_PM_CAPS),  # smoke has been measured at 1,847
    "pm10": Rules(6_000, 20, 15, 6, 12, 24, caps=_PM_CAPS),  # dust storms reach several thousand
    "no2": Rules(800, 20, 10, 6, 12, 24),
    "no": Rules(2_000, 20, 10, 6, 12),  # zero for days is normal away from roads
    "o3": Rules(500, 60, 20, 8, 12),  # zero all night is normal in cities
    "so2": Rules(2_500, 20, 20, 12, 24),  # sits at the detection limit for weeks
    "co": Rules(30_000, 500, 600, 16, 32),  # reported in steps of 100
}
"""Variables without a row get the range and sentinel tests only."""

SENTINELS = (-9999.0, -999.9, -999.0, -99.9, -99.0, 9999.0, 9999.9, 99999.0)
"""Codes for "missing" that pass for numbers."""

NEIGHBOURS = 8
FEWEST_NEIGHBOURS = 3
NEIGHBOUR_KM = 60.0
"""Farther stations may be in other air: across a plume's edge, a ridge, a front."""

HABIT_HOURS = 12
"""Hours a station must share with its neighbours before its usual distance from them is known."""

ALONE = 3.5
"""Multiple of the usual distance from the neighbours beyond which they do not share a jump ..."""

APART = 4.5
"""... and beyond which a station is suspect without one."""

LONGEST_GAP = 3
"""Hours over which a jump is still a jump."""

SAME_PLACE_KM = 0.3
"""Two networks' coordinates of one instrument differ by less."""


def range_flags(values: ArrayLike, name: str) -> Flags:
    """Fail outside the variable's physical range, suspect above what outdoor air reaches.

    >>> range_flags([[50.0, -21.0, 4000.0, 20000.0]], "pm25").tolist()
    [[1, 4, 3, 4]]
    """
    x, limits = np.asarray(values), variable(name)
    out = _passes(x)
    if name in RULES:
        out[x > RULES[name].ceiling] = Flag.SUSPECT
    out[(x < limits.minimum) | (x > limits.maximum)] = Flag.FAIL
    return out


def sentinel_flags(values: ArrayLike, name: str) -> Flags:
    """Fail codes for "missing"; suspect an instrument's cap, and -1 three times in a row.

    -1 is a code in some feeds and honest noise in others; noise does not repeat itself.

    >>> sentinel_flags([[9999.0, 999.0, -1.0, -1.0], [5.0, 5.0, -1.0, 2.0], [5.0, 5.0, -1.0, 2.0]], "pm25").tolist()
    [[4, 3, 3, 1], [1, 1, 3, 1], [1, 1, 3, 1]]
    """
    x = np.asarray(values)
    out = _passes(x)
    out[(x == -1) & (_run_lengths(x) >= 3)] = Flag.SUSPECT
    for cap in RULES[name].caps if name in RULES else ():
        out[x == cap] = Flag.SUSPECT
    for code in SENTINELS:
        out[np.abs(x - code) < 1e-3] = Flag.FAIL
    return out


def flat_line_flags(values: ArrayLike, name: str) -> Flags:
    """Flag every hour of a run of equal values; gaps neither break nor lengthen a run.

    >>> flat_line_flags(np.full((6, 1), 42.0), "pm25").ravel().tolist()
    [3, 3, 3, 3, 3, 3]
    """
    x, rules = np.asarray(values), RULES[name]
    out = _passes(x)
    length = _run_lengths(x)
    loud = x > rules.quiet
    out[loud & (length >= rules.flat_suspect)] = Flag.SUSPECT
    if rules.flat_quiet:
        out[~loud & (length >= rules.flat_quiet)] = Flag.SUSPECT
    out[loud & (length >= rules.flat_fail)] = Flag.FAIL
    return out


def _run_lengths(x: NDArray[np.floating]) -> NDArray[np.int64]:
    """(T, S) how many known values the run of equal known values around each holds; 0 where unknown."""
    by_station = x.T
    known = ~np.isnan(by_station)
    stations = np.nonzero(known)[0]
    series = by_station[known]  # gaps squeezed out, one station after the other
    starts = np.ones(len(series), bool)
    starts[1:] = (series[1:] != series[:-1]) | (stations[1:] != stations[:-1])
    out = np.zeros(by_station.shape, np.int64)
    if len(series):
        run = np.cumsum(starts) - 1
        out[known] = np.bincount(run)[run]
    return out.T


def spikes(y: Matrix, threshold: float) -> Mask:
    """Where y (T, S) stands above, or below, the known hours on both sides by more than `threshold`."""
    before, after = _nearest_known(y), _nearest_known(y[::-1])[::-1]
    up = y - np.maximum(before, after)
    down = np.minimum(before, after) - y
    return np.asarray((up > threshold) | (down > threshold))


def steps(y: Matrix, threshold: float) -> Mask:
    """Where y (T, S) differs from the known hour before, at most LONGEST_GAP hours ago, by more than `threshold`."""
    return np.asarray(np.abs(y - _nearest_known(y)) > threshold)


def _nearest_known(y: Matrix) -> Matrix:
    """The latest known value before each hour, at most LONGEST_GAP hours back; NaN without one."""
    out = np.full_like(y, np.nan)
    for lag in range(1, min(LONGEST_GAP, len(y) - 1) + 1):
        out[lag:] = np.where(np.isnan(out[lag:]), y[:-lag], out[lag:])
    return out


def neighbour_distance(y: Matrix, latitude: ArrayLike, longitude: ArrayLike) -> tuple[Matrix, Matrix]:
    """How far each station stands from the median of those around it, beyond its habit.

    A kerbside station is always above its neighbours: its median distance over the window is its habit, taken off.

    Args:
        y: (T, S), NaN unknown.
        latitude: (S,) degrees north.
        longitude: (S,) degrees east.

    Returns:
        The distance (T, S), NaN where fewer than FEWEST_NEIGHBOURS report or the habit is not known, and its usual size
        (T, S): the larger of the station's own spread over the window and its neighbours' spread at the hour.
    """
    near = neighbours(latitude, longitude, NEIGHBOURS, NEIGHBOUR_KM)
    padded = np.concatenate([y, np.full((len(y), 1), np.nan, y.dtype)], axis=1)  # column S: nobody there
    around = padded[:, near]
    middle = _median(around)
    spread = _median(np.abs(around - middle[..., None]))
    reporting = np.count_nonzero(~np.isnan(around), axis=-1)
    distance = np.where(reporting >= FEWEST_NEIGHBOURS, y - middle, np.float32(np.nan))
    enough = np.count_nonzero(~np.isnan(distance), axis=0) >= HABIT_HOURS
    distance = np.where(enough, distance - _median(distance.T), np.float32(np.nan))
    own = _median(np.abs(distance).T)
    return distance, np.float32(1.4826) * np.maximum(own, spread)  # median absolute deviation → standard deviation


def neighbours(latitude: ArrayLike, longitude: ArrayLike, count: int, reach_km: float) -> NDArray[np.intp]:
    """(S, count) positions of the nearest other stations within reach, by a tree; S where there is none."""
    xyz = unit_vectors(latitude, longitude)
    reach = float(km_to_chord(reach_km))
    found = np.asarray(cKDTree(xyz).query(xyz, k=count + 1, distance_upper_bound=reach)[1], np.intp)
    me = found == np.arange(len(xyz))[:, None]
    me[:, -1] |= ~me.any(axis=1)  # several stations at one spot may crowd a station out of its own list
    return np.reshape(found[~me], (len(xyz), count))


def _median(x: Matrix) -> Matrix:
    """Median over the last axis of what is known; NaN where nothing is. Sorting beats nanmedian on short axes."""
    ordered = np.sort(x, axis=-1)  # NaN last
    count = np.count_nonzero(~np.isnan(x), axis=-1)[..., None]
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=-1)
    high = np.take_along_axis(ordered, np.minimum(count // 2, x.shape[-1] - 1), axis=-1)
    return np.asarray((low + high)[..., 0] / 2)


def duplicate_series(values: ArrayLike, latitude: ArrayLike, longitude: ArrayLike) -> Mask:
    """(S,) stations that repeat an earlier column at the same place, hour by hour: one instrument in two networks.

    They must share HABIT_HOURS hours, be equal in every one, and not be constant.

    >>> x = np.arange(24.0)[:, None] + np.zeros(2)
    >>> duplicate_series(x, [51.5, 51.5], [0.0, 0.001]).tolist()
    [False, True]
    """
    x = np.asarray(values)
    near = neighbours(latitude, longitude, 4, SAME_PLACE_KM)
    out = np.zeros(x.shape[1], bool)
    for column in near.T:
        mine = np.nonzero(column < np.arange(x.shape[1]))[0]  # the earlier one stays
        one, other = x[:, mine], x[:, column[mine]]
        shared = ~np.isnan(one) & ~np.isnan(other)
        varies = np.max(np.where(shared, one, -np.inf), axis=0) > np.min(np.where(shared, one, np.inf), axis=0)
        out[mine] |= (np.count_nonzero(shared, axis=0) >= HABIT_HOURS) & ~(shared & (one != other)).any(axis=0) & varies
    return out


def assess(values: ArrayLike, latitude: ArrayLike, longitude: ArrayLike, name: str) -> Flags:
    """Judge a network's recent hours of one variable.

    Args:
        values: (T, S) hourly means in the storage unit, hourly without a missing row, NaN = no value. Two days is a
            good window; with less than HABIT_HOURS the neighbours say nothing yet.
        latitude: (S,) degrees north.
        longitude: (S,) degrees east.
        name: The variable.

    Returns:
        (T, S) int8 flags of `Flag`; 2, not evaluated, where there is no value.

    Raises:
        InputError: The shapes do not fit, or the variable is unknown.
    """
    x = np.asarray(values)
    places = (np.shape(latitude), np.shape(longitude))
    if x.ndim != 2 or places != ((x.shape[1],),) * 2:
        raise InputError(f"quality control of {name}: values {x.shape}, places {places}; expected (T, S), (S,), (S,)")
    flags = np.maximum(range_flags(x, name), sentinel_flags(x, name))
    if name in RULES and x.size:
        flags = np.maximum(flags, flat_line_flags(x, name))
        trusted = np.where(flags < Flag.FAIL, x, np.nan)
        flags = np.maximum(flags, _jump_flags(trusted, latitude, longitude, RULES[name]))
        repeated = duplicate_series(trusted, latitude, longitude)
        flags[:, repeated] = np.maximum(flags[:, repeated], Flag.SUSPECT)
    return np.where(np.isnan(x), np.int8(Flag.NOT_EVALUATED), flags)


def _jump_flags(x: NDArray[np.floating], latitude: ArrayLike, longitude: ArrayLike, rules: Rules) -> Flags:
    """Spike, step and neighbours, judged together."""
    y = np.log1p(np.maximum(x, 0) / rules.floor).astype(np.float32)
    distance, usual = neighbour_distance(y, latitude, longitude)
    far, limit = np.abs(distance), np.maximum(ALONE * usual, rules.apart / 2)
    spike = spikes(y, rules.spike)
    shoulder = np.fmax(
        _nearest_known(far), _nearest_known(far[::-1])[::-1]
    )  # a plume rises and falls, a fault does not
    out = _passes(x)
    out[spike & ~(far <= limit)] = Flag.SUSPECT  # also where nobody is near to ask
    out[steps(y, rules.step) & (far > limit)] = Flag.SUSPECT
    out[far > np.maximum(APART * usual, rules.apart)] = Flag.SUSPECT
    out[spike & (far > limit) & ~(shoulder > limit)] = Flag.FAIL
    return out


def _passes(x: NDArray[np.floating]) -> Flags:
    return np.full(x.shape, Flag.PASS, np.int8)
