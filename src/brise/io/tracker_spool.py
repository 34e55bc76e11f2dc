"""Rows of any order and number, put in the order of time in bounded memory.

Rows are kept by device and week of their time, in memory up to a limit and beyond it in a folder; then each week is
taken whole. One device has at most one row a second, so a week is never too large, however large the files were.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError, StoreError

Array = NDArray[np.float64]
Table = tuple[NDArray[np.int64], dict[str, Array]]
"""Times, seconds since 1970, and columns of the same length."""

WEEK_S = 7 * 86_400
IN_MEMORY = 48 * 2**20
MOST_DEVICES = 1_000
COMPACT_FROM = 800_000
"""Rows of one week after which rows of one time are put together: more than a week's 604,800 seconds."""


class Spool:
    """Rows by device and week."""

    def __init__(self, folder: Path, compact: Callable[[Table], Table], in_memory: int | None = None) -> None:
        """Start empty.

        Args:
            folder: Where to write when memory is full; exists, and is nobody else's.
            compact: Puts rows of one time together.
            in_memory: Bytes kept before the folder is used; None = IN_MEMORY.
        """
        self._folder = folder
        self._compact = compact
        self._most = IN_MEMORY if in_memory is None else in_memory
        self._kept: dict[tuple[str, int], list[Table]] = {}
        self._rows: dict[tuple[str, int], int] = {}
        self._devices: dict[str, int] = {}
        self._bytes = 0

    @property
    def devices(self) -> list[str]:
        """In the order in which they came."""
        return list(self._devices)

    def weeks(self, device: str) -> list[int]:
        """Weeks since 1970 in which a device has rows, in order."""
        return sorted(week for name, week in self._rows if name == device)

    def add(self, device: str, time: NDArray[np.int64], columns: dict[str, Array]) -> None:
        """Keep rows, in any order.

        Raises:
            InputError: There are more devices than one import may have.
            StoreError: The folder cannot be written.
        """
        if not len(time):
            return
        if device not in self._devices:
            if len(self._devices) >= MOST_DEVICES:
                raise InputError(f"more than {MOST_DEVICES} devices in one import")
            self._devices[device] = len(self._devices)
        week = time // WEEK_S
        if week[0] == week[-1] and (week == week[0]).all():
            self._keep(device, int(week[0]), (time, columns))
        else:
            order = np.argsort(week, kind="stable")
            edges = np.flatnonzero(np.diff(week[order])) + 1
            for rows in np.split(order, edges):
                self._keep(device, int(week[rows[0]]), (time[rows], {n: v[rows] for n, v in columns.items()}))
        if self._bytes > self._most:
            self._spill()

    def _keep(self, device: str, week: int, table: Table) -> None:
        key = (device, week)
        self._kept.setdefault(key, []).append(table)
        self._rows[key] = self._rows.get(key, 0) + len(table[0])
        self._bytes += table[0].nbytes + sum(value.nbytes for value in table[1].values())
        if self._rows[key] > COMPACT_FROM:
            time, columns = self._compact(self.take(device, week))
            self._rows[key] = len(time)
            self._kept[key] = [(time, columns)]
            self._bytes += time.nbytes + sum(value.nbytes for value in columns.values())

    def take(self, device: str, week: int, keep: bool = False) -> Table:
        """All rows of a device and week, in the order in which they came; they are kept no longer.

        Args:
            device: One of `devices`.
            week: One of its `weeks`.
            keep: Keep them.

        Raises:
            StoreError: The folder cannot be read.
        """
        tables = []
        path = self._path(device, week)
        if path.exists():
            try:
                with path.open("rb") as file:
                    tables += list(_read(file))
                if not keep:
                    path.unlink()
            except (OSError, ValueError, EOFError) as error:
                raise StoreError(f"{path}: what was put aside cannot be read: {error}") from None
        if keep:
            return join(tables + self._kept.get((device, week), []))
        kept = self._kept.pop((device, week), [])
        self._bytes -= sum(t.nbytes + sum(v.nbytes for v in c.values()) for t, c in kept)
        return join(tables + kept)

    def _path(self, device: str, week: int) -> Path:
        return self._folder / f"{self._devices.get(device, -1)}-{week}.rows"

    def _spill(self) -> None:
        for (device, week), tables in self._kept.items():
            path = self._path(device, week)
            try:
                with path.open("ab") as file:
                    for table in tables:
                        _write(file, table)
            except OSError as error:
                raise StoreError(f"{path}: cannot put rows aside: {error.strerror or error}") from None
        self._kept.clear()
        self._bytes = 0


def join(tables: list[Table]) -> Table:
    """Tables one below the other; a column that one lacks is unknown there."""
    if len(tables) == 1:
        return tables[0]
    names = list(dict.fromkeys(name for _, columns in tables for name in columns))
    time = np.concatenate([time for time, _ in tables]) if tables else np.zeros(0, np.int64)
    columns = {
        name: np.concatenate([c[name] if name in c else np.full(len(t), np.nan) for t, c in tables]) for name in names
    }
    return time, columns


def _write(file: IO[bytes], table: Table) -> None:
    time, columns = table
    np.save(file, np.array(list(columns)), allow_pickle=False)
    np.save(file, time, allow_pickle=False)
    for value in columns.values():
        np.save(file, value, allow_pickle=False)


def _read(file: IO[bytes]) -> Iterator[Table]:
    while file.read(1):
        file.seek(-1, 1)
        names = np.load(file, allow_pickle=False)
        time = np.load(file, allow_pickle=False)
        yield time, {str(name): np.load(file, allow_pickle=False) for name in names}
