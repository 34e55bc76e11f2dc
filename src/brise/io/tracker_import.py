"""From an owner's files to samples: every row counted, in order of time, in its place, its doubts flagged.

Two passes in bounded memory. The first reads the files and puts rows and fixes aside by week; the second takes the
weeks in order, puts rows of one time together, joins places, and judges. A row is given out once what lies LOOK_S
after it is known, so the result does not depend on how the rows were cut.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.trackers import MEASURED, REPORTED, ReadReport, SampleFlag, check_samples
from brise.formulas.tracker_cleaning import AHEAD_S, LOOK_S, clock_jumps, doubts
from brise.formulas.tracker_rows import place_rows, possible_fixes, put_together
from brise.io.sources.tracker_table import Piece
from brise.io.tracker_files import Entry, entries
from brise.io.tracker_reading import Options, read_entry
from brise.io.tracker_spool import Spool, Table, join

Array = NDArray[np.float64]

_GIVEN = "given"
_PLACE = ("latitude", "longitude", "accuracy_m", "speed_m_s", "altitude_m")


@dataclass(slots=True)
class Device:
    """What is known of one device before its rows are taken.

    Attributes:
        make: The maker, for corrections.
        reader: The dialect of its first file.
        period_s: Usual seconds from a row to the next.
        columns: Quantities, and what the device reported, in the order in which they came.
        seen: First and latest time of the file that is being read.
    """

    make: str
    reader: str
    period_s: int
    columns: dict[str, None] = field(default_factory=dict)
    seen: tuple[int, int] | None = None


@dataclass(slots=True)
class Gathered:
    """Files read: rows and fixes put aside, devices, and what became of the lines.

    Attributes:
        rows: Measurements, by device and week.
        fixes: Places, by device and week; "" = of a track that names none.
        devices: Those that measured, in the order in which they came.
        report: Of all files.
    """

    rows: Spool
    fixes: Spool
    devices: dict[str, Device]
    report: ReadReport
    together: dict[str, int] = field(default_factory=lambda: {"duplicate": 0, "conflicting_duplicate": 0, "merged": 0})


def gather(
    paths: Iterable[Path], options: Options, folder: Path, told: Callable[[int, int], None] | None = None
) -> Gathered:
    """Read an owner's files.

    Args:
        paths: Tables, tracks and archives of them.
        options: What the owner says of them.
        folder: To put rows aside in; exists, and is nobody else's.
        told: Called with the bytes read and those there are.

    Raises:
        InputError: A file cannot be read, or none of them is a tracker's.
        StoreError: The folder cannot be written.
    """
    listed, notes = entries(paths)
    if not listed:
        raise InputError("; ".join(notes) or "no file was given")
    counts = {"duplicate": 0, "conflicting_duplicate": 0, "merged": 0}

    def compact(table: Table) -> Table:
        return _together(table, counts)

    gathered = Gathered(
        Spool(folder / "rows", compact), Spool(folder / "fixes", compact), {}, ReadReport(notes=list(notes)), counts
    )
    for name in ("rows", "fixes"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    total, done = max(sum(entry.size for entry in listed), 1), 0
    now = int(datetime.now(UTC).timestamp())

    def advance(read: int) -> None:
        nonlocal done
        done += read
        if told is not None:
            told(min(done, total), total)

    for entry in sorted(listed, key=_merged_first):
        for device in gathered.devices.values():
            device.seen = None
        for piece in read_entry(entry, options, gathered.report, advance):
            _put_aside(piece, gathered, now)
    if not gathered.devices:
        raise InputError(f"no measurements in {', '.join(e.name for e in listed[:5])}; {_why(gathered.report)}")
    _settle(gathered.report, counts)  # what was put together already, to stay small
    return gathered


def _settle(report: ReadReport, counts: dict[str, int]) -> None:
    report.merged += counts["merged"]
    for reason in ("duplicate", "conflicting_duplicate"):
        report.refuse(reason, counts[reason])
    counts.update(dict.fromkeys(counts, 0))


def _merged_first(entry: Entry) -> bool:
    """Measures with places beside them stand before others of the same time."""
    return "merged" not in entry.name.lower()


def _why(report: ReadReport) -> str:
    refused = [
        f"{count} lines refused as {reason}: {report.examples.get(reason, '')}"
        for reason, count in report.rejected.items()
    ]
    return "; ".join([*refused, *report.unknown_columns, *report.notes][:5]) or "the tables hold no rows"


def _put_aside(piece: Piece, gathered: Gathered, now: int) -> None:
    n = len(piece.time)
    if "latitude" in piece.columns:
        there = np.isfinite(piece.columns["latitude"])
        columns = {name: piece.columns[name][there] for name in _PLACE if name in piece.columns}
        gathered.fixes.add(piece.device, piece.time[there], columns | {_GIVEN: np.zeros(int(there.sum()))})
        gathered.report.fixes += int(there.sum())
        gathered.report.refused_fixes += int(((piece.flags & SampleFlag.IMPOSSIBLE_POSITION) != 0).sum())
    if not piece.measures or not n:
        return
    device = gathered.devices.get(piece.device)
    if device is None:
        device = gathered.devices[piece.device] = Device(piece.make, piece.reader, piece.period_s)
    steps = np.diff(piece.time)
    steps = steps[(steps > 0) & (steps <= 7200)]
    if device.seen is None and len(steps) >= 3:
        device.period_s = max(1, int(np.median(steps)))
    back, device.seen = clock_jumps(piece.time, device.seen)
    flags = piece.flags | np.where(back | (piece.time > now + AHEAD_S), int(SampleFlag.CLOCK_JUMP), 0)
    columns = {name: value for name, value in piece.columns.items() if name not in _PLACE}
    device.columns |= dict.fromkeys(columns)
    gathered.rows.add(piece.device, piece.time, columns | {_GIVEN: flags.astype(np.float64)})


def _together(table: Table, counts: dict[str, int]) -> Table:
    time, columns = table
    given = columns.pop(_GIVEN).astype(np.int64)
    out = put_together(time, columns, given)
    counts["duplicate"] += out.same
    counts["conflicting_duplicate"] += out.other
    counts["merged"] += out.merged
    return out.time, out.columns | {_GIVEN: out.flags.astype(np.float64)}


class _Fixes:
    """The fixes of a device around a week."""

    def __init__(self, gathered: Gathered, device: str) -> None:
        spool, alone = gathered.fixes, len(gathered.devices) == 1
        self._spool = spool
        self._sources = [name for name in spool.devices if alone or name in (device, "")]
        self._report = gathered.report
        self._cache: dict[int, Table] = {}

    def around(self, week: int) -> Table:
        self._cache = {w: table for w, table in self._cache.items() if w >= week - 1}
        for near in (week - 1, week, week + 1):
            if near not in self._cache:
                self._cache[near] = self._load(near)
        return join([self._cache[near] for near in (week - 1, week, week + 1)])

    def _load(self, week: int) -> Table:
        tables = [self._spool.take(name, week, keep=True) for name in self._sources]
        tables = [table for table in tables if len(table[0])]
        if not tables:
            return np.zeros(0, np.int64), {"latitude": np.zeros(0), "longitude": np.zeros(0)}
        time, columns = _together(join(tables), {"duplicate": 0, "conflicting_duplicate": 0, "merged": 0})
        columns.pop(_GIVEN)
        good = possible_fixes(time, columns["latitude"], columns["longitude"])
        self._report.refused_fixes += int((~good).sum())
        return time[good], {name: value[good] for name, value in columns.items()}


def samples_of(gathered: Gathered, device: str, report: ReadReport) -> Iterator[pd.DataFrame]:
    """The samples of one device, week by week, as `check_samples` returns them.

    Args:
        gathered: What was read.
        device: One of its devices.
        report: Gets what became of this device's rows; complete when the last frame was taken.

    Raises:
        StoreError: What was put aside cannot be read.
    """
    about = gathered.devices[device]
    report.device, report.reader = device or about.reader, about.reader
    fixes = _Fixes(gathered, device)
    known: Table = join([])  # given out already, for what comes to be judged beside it
    waiting: Table = join([])
    for week in gathered.rows.weeks(device):
        time, columns = _together(gathered.rows.take(device, week), gathered.together)
        places = place_rows(time, *fixes.around(week))
        report.joined += places.joined
        report.interpolated += places.interpolated
        report.held += places.held
        columns = columns | places.columns
        columns[_GIVEN] = (columns[_GIVEN].astype(np.int64) | places.flags).astype(np.float64)
        waiting = join([t for t in (waiting, (time, columns)) if len(t[0])])
        if len(waiting[0]):
            ready = int(np.searchsorted(waiting[0], waiting[0][-1] - LOOK_S, side="right"))
            frame, known = _judged(known, waiting, ready, about.period_s)
            waiting = _cut(waiting, slice(ready, None))
            yield from _told(frame, report)
    frame, _ = _judged(known, waiting, len(waiting[0]), about.period_s)
    yield from _told(frame, report)
    _settle(report, gathered.together)


def _cut(table: Table, rows: slice) -> Table:
    return table[0][rows], {name: value[rows] for name, value in table[1].items()}


def _judged(known: Table, waiting: Table, ready: int, period_s: int) -> tuple[pd.DataFrame, Table]:
    """The first `ready` rows that wait, judged beside all that is known; and what the next are judged beside."""
    done = len(known[0])
    time, columns = join([t for t in (known, waiting) if len(t[0])])
    if not ready:
        return pd.DataFrame(), known
    given = columns[_GIVEN].astype(np.int64)
    found = doubts(time, columns, given, period_s)
    rows = slice(done, done + ready)
    frame: dict[str, Any] = {"time": pd.DatetimeIndex(time[rows].astype("datetime64[s]")).tz_localize("UTC")}
    frame["period_s"] = np.full(ready, period_s, np.int32)
    for name, value in columns.items():
        if name in (*_PLACE, *MEASURED) or name.startswith(REPORTED):
            frame[name] = value[rows]
    frame |= {"flags": found.flags[rows], "suspect": found.suspect[rows]}
    last = time[done + ready - 1]
    first = int(np.searchsorted(time, last - LOOK_S))
    return check_samples(pd.DataFrame(frame)), _cut((time, columns), slice(first, done + ready))


def _told(frame: pd.DataFrame, report: ReadReport) -> Iterator[pd.DataFrame]:
    if not len(frame):
        return
    report.kept += len(frame)
    report.start = report.start or frame["time"].iloc[0].isoformat()
    report.end = frame["time"].iloc[-1].isoformat()
    flags = frame["flags"].to_numpy()
    for flag in SampleFlag:
        count = int(((flags & flag) != 0).sum())
        if count:
            name = str(flag.name).lower()
            report.flagged[name] = report.flagged.get(name, 0) + count
    yield frame
