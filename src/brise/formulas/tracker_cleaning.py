"""What in a tracker's rows is doubtful: flagged, never changed.

Warm-up: gas cells need a quarter of an hour after switching on (Flow's maker). A pause of more than five rows, and of
more than five minutes, counts as switched off. Dropout: the first row after a pause, a quantity that is missing, and
zeros of a gas cell that was not ready: VOC is never 0 in air, and NO2 is not 0 in a row that lacks particles or VOC, or
between two rows that have some. Stuck: one value for an hour (three for a whole number, which air can keep), outside
clean air. Spike: one row eight times its neighbours, or an eighth.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.conventions.trackers import MEASURED, SampleFlag, suspect_bit

Array = NDArray[np.float64]
Times = NDArray[np.int64]
Mask = NDArray[np.bool_]

WARM_UP_S = 900
"""After switching on (Flow: "about 15 minutes" for NO2 and VOC)."""

WARMED = ("no2", "no", "o3", "so2", "co", "nh3", "voc")
"""What heated cells measure."""

OFF_S, OFF_PERIODS = 300, 5
PAUSE_PERIODS = 2.5
STUCK_S, STUCK_WHOLE_S, STUCK_ROWS = 3600, 3 * 3600, 20
LOOK_S = STUCK_WHOLE_S
"""How far before and after a row one must look to judge it."""

SPIKE = float(np.log(8.0))
AHEAD_S = 86_400
"""A time further ahead of now is a clock's error, whatever its zone."""


@dataclass(frozen=True, slots=True)
class Law:
    """Of one quantity, in its unit.

    Attributes:
        floor: Below it differences count as absolute, above as relative.
        quiet: Below it equal values in a row are what clean air shows.
    """

    floor: float
    quiet: float


LAWS: dict[str, Law] = {
    "pm1": Law(10, 5), "pm25": Law(10, 5), "pm10": Law(15, 10), "no2": Law(20, 20), "no": Law(20, 20),
    "o3": Law(40, 60), "so2": Law(20, 20), "co": Law(500, 600), "nh3": Law(20, 20), "voc": Law(100, 50),
    "co2": Law(400, 450),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Doubts:
    """(N,) SampleFlag of rows, and (N,) bits of the quantities meant."""

    flags: NDArray[np.int64]
    suspect: NDArray[np.int64]


def doubts(time: Times, columns: dict[str, Array], given: NDArray[np.int64], period_s: int) -> Doubts:
    """Judge rows; those within LOOK_S of an end, only by what is there.

    Args:
        time: (N,) seconds since 1970, increasing.
        columns: Quantity -> (N,), our units; other columns are left alone.
        given: (N,) flags that the rows have already.
        period_s: Usual seconds from a row to the next.

    >>> t = np.arange(0, 60 * 30, 60)
    >>> out = doubts(t, {"no2": np.full(30, 30.0), "pm25": np.full(30, 3.0)}, np.zeros(30, np.int64), 60)
    >>> int(((out.flags & SampleFlag.WARM_UP) != 0).sum()), int(out.suspect[0]), int(out.suspect[20])
    (15, 8, 0)
    """
    flags, suspect = given.copy(), np.zeros(len(time), np.int64)
    values = {name: columns[name] for name in MEASURED if name in columns}
    if len(time):
        for mask, flag, names in _findings(time, values, given, period_s):
            flags[mask] |= int(flag)
            for name in names:
                if name in values:
                    suspect[mask & ~np.isnan(values[name])] |= suspect_bit(name)
    return Doubts(flags, suspect)


def _findings(
    time: Times, values: dict[str, Array], given: NDArray[np.int64], period_s: int
) -> Iterator[tuple[Mask, SampleFlag, tuple[str, ...]]]:
    """Each finding: which rows, why, and which quantities of them are meant."""
    pause = np.diff(time, prepend=np.int64(-(10**12)))
    if any(name in values for name in WARMED):
        yield _since(time, pause > max(OFF_S, OFF_PERIODS * period_s)) < WARM_UP_S, SampleFlag.WARM_UP, WARMED
    yield pause > PAUSE_PERIODS * period_s, SampleFlag.DROPOUT, ()
    for value in values.values():
        if not np.isnan(value).all():
            yield np.isnan(value), SampleFlag.DROPOUT, ()
    for name, mask in _not_ready(time, values, period_s).items():
        yield mask, SampleFlag.DROPOUT, (name,)
    for name in LAWS.keys() & values.keys():
        yield _stuck(time, values[name], LAWS[name]), SampleFlag.STUCK, (name,)
        yield _spikes(time, values[name], LAWS[name], period_s), SampleFlag.SPIKE, (name,)
    apart = (given & SampleFlag.CHANNELS_DISAGREE) != 0
    yield apart, SampleFlag.CHANNELS_DISAGREE, ("pm1", "pm25", "pm10")
    yield (given & SampleFlag.CLOCK_JUMP) != 0, SampleFlag.CLOCK_JUMP, MEASURED


def _since(time: Times, starts: Mask) -> Times:
    """Seconds since the newest start."""
    begun = np.maximum.accumulate(np.where(starts, np.arange(len(time)), 0))
    return np.asarray(time - time[begun])


def _neighbours(time: Times, value: Array, period_s: int) -> tuple[Array, Array]:
    """The value before and the one after, where they are near in time."""
    near = np.diff(time) <= 3 * period_s
    before, after = np.full(len(value), np.nan), np.full(len(value), np.nan)
    before[1:] = np.where(near, value[:-1], np.nan)
    after[:-1] = np.where(near, value[1:], np.nan)
    return before, after


def _not_ready(time: Times, values: dict[str, Array], period_s: int) -> dict[str, Mask]:
    """Zeros of gas cells that are no measurement."""
    out: dict[str, Mask] = {}
    no_particles = np.zeros(len(time), bool)
    for name in ("pm1", "pm25", "pm10"):
        if name in values and not np.isnan(values[name]).all():
            no_particles |= np.isnan(values[name])
    if "voc" in values and (values["voc"] > 0).any():
        out["voc"] = values["voc"] == 0
    if "no2" in values:
        before, after = _neighbours(time, values["no2"], period_s)
        with_others = no_particles | out.get("voc", np.zeros(len(time), bool))
        out["no2"] = (values["no2"] == 0) & (with_others | (np.minimum(before, after) >= 4.0))
    return out


def _stuck(time: Times, value: Array, law: Law) -> Mask:
    same = np.r_[False, value[1:] == value[:-1]]
    run = np.cumsum(~same) - 1
    starts = np.flatnonzero(~same)
    ends = np.r_[starts[1:], len(value)] - 1
    lasting = time[ends] - time[starts]
    first = value[starts]
    limit = np.where(first == np.round(first), STUCK_WHOLE_S, STUCK_S)
    long = (lasting >= limit) & (ends - starts + 1 >= STUCK_ROWS) & (first > law.quiet)
    return np.asarray(long[run])


def _spikes(time: Times, value: Array, law: Law, period_s: int) -> Mask:
    if np.nanmax(value, initial=0.0) <= law.floor * 7:  # nothing is eight times anything
        return np.zeros(len(value), bool)
    y = np.log(np.maximum(value, 0.0) + law.floor)
    before, after = _neighbours(time, y, period_s)
    up, down = np.minimum(y - before, y - after), np.minimum(before - y, after - y)
    return np.asarray((up > SPIKE) | (down > SPIKE))


def clock_jumps(time: Times, seen: tuple[int, int] | None) -> tuple[Mask, tuple[int, int] | None]:
    """Rows of a file after its clock went back, until it is as late as it was.

    A file that runs backwards, or in no order, tells nothing of its clock; neither do rows from before its first one,
    which are another export written below.

    Args:
        time: (N,) seconds since 1970, in the order of the file.
        seen: First and latest time of the file's rows before these; None = there are none.

    Returns:
        (N,) mask, and `seen` for the rows after these.

    >>> clock_jumps(np.array([0, 60, 120, 60, 130]) + 10**9, None)[0].tolist()
    [False, False, False, True, False]
    """
    if not len(time):
        return np.zeros(0, bool), seen
    first, latest = seen or (int(time[0]), int(time[0]))
    before = np.maximum.accumulate(np.r_[np.int64(latest), time[:-1]])
    after = (first, max(latest, int(time.max())))
    if (np.diff(time) < 0).sum() > max(3, len(time) // 50):
        return np.zeros(len(time), bool), after
    return np.asarray((time < before) & (time >= first)), after
