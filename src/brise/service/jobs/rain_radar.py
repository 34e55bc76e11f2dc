"""Where rain frames come from: a folder that radar files fall into, or a radar that does not exist."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import numpy as np

from brise.conventions.errors import InputError
from brise.conventions.grids import Grid
from brise.conventions.rain import RainFrame
from brise.formulas.cities import CITIES
from brise.io.sources.radar import Radar, decode_all
from brise.io.sources.radar_registry import RADARS
from brise.io.sources.radar_simulated import simulate
from brise.products.rain_nowcast import FRAMES
from brise.service.settings import Area

log = logging.getLogger("brise.rain")

SIMULATED_CITIES = ("london", "new_york", "tokyo")
SIMULATED_STEP = timedelta(minutes=5)
SIMULATED_CELLS = 200
"""Along a side of 0.01 degree cells."""

FILES_READ = 3 * FRAMES
"""The newest files of a folder that are looked at: some may be unreadable, late or repeated."""

MOST_CELLS = 1_500_000
"""Of one area: about 3 GB while its nowcast is made. BRISE_AREA cuts out less of a larger field."""

MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK", "npz"),
    (b"\x89HDF", "odim"),
    (b"GRIB", "mrms"),
    (b"\x1f\x8b", "mrms"),
    (b"II*\0", "geotiff"),
    (b"MM\0*", "geotiff"),
)
"""How files of a kind begin, and which reader takes them (MRMS comes gzipped)."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Frames of one area.

    Attributes:
        name: Of the area.
        frames: In any order.
        notes: Files that were left out, and why.
    """

    name: str
    frames: tuple[RainFrame, ...]
    notes: tuple[str, ...] = ()


class RadarFeed(Protocol):
    """What the rain job needs of a feed."""

    def scenes(self, now: datetime) -> list[Scene]:
        """The newest frames of every area, each with at least one; what cannot be read is named."""


def reader_of(payload: bytes, path: Path) -> Radar:
    """The reader of a file: that of the folder it lies in, if a source is called so, else by how it begins.

    Raises:
        InputError: It is of no known kind.
    """
    named = RADARS.get(path.parent.name)
    if named is not None and named.decode is not None:
        return named
    for begins, name in MAGIC:
        if payload.startswith(begins):
            return RADARS[name]
    kinds = ", ".join(sorted({name for _, name in MAGIC}))
    raise InputError(f"{path.name}: no radar file that is known ({kinds}); it begins {payload[:8]!r}")


def read_file(path: Path, now: datetime) -> tuple[list[RainFrame], list[str]]:
    """Frames of a radar file, and why it gave none."""
    try:
        payload = path.read_bytes()
        radar = reader_of(payload, path)
    except OSError as error:
        return [], [f"left out {path.name}: {error.strerror}"]
    except InputError as error:
        return [], [f"left out {error}"]
    return decode_all(radar, [(path.name, payload)], now)


def cropped(frame: RainFrame, area: Area | None) -> RainFrame:
    """The part of a frame within (south, west, north, east); the whole where no part is."""
    if area is None:
        return frame
    south, west, north, east = area
    rows = np.flatnonzero((frame.latitudes >= south) & (frame.latitudes <= north))
    columns = np.flatnonzero((frame.longitudes >= west) & (frame.longitudes <= east))
    if not rows.size or not columns.size:
        return frame
    down, across = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    rate = np.ascontiguousarray(frame.rate[down, across])
    return replace(frame, rate=rate, latitudes=frame.latitudes[down], longitudes=frame.longitudes[across])


Read = tuple[tuple[RainFrame, ...], tuple[str, ...]]


@dataclass(slots=True)
class FolderRadar:
    """Files of any known kind; each folder within is an area of its own.

    Attributes:
        folder: Where files fall into.
        area: What is cut out of them.
        known: What each file gave, by path, time and size.
    """

    folder: Path
    area: Area | None = None
    known: dict[tuple[Path, int, int], Read] = field(default_factory=dict)

    def scenes(self, now: datetime) -> list[Scene]:
        """The newest files of every area."""
        found: list[Scene] = []
        still: dict[tuple[Path, int, int], Read] = {}
        for name, paths in self._areas().items():
            frames: list[RainFrame] = []
            notes: list[str] = []
            for path in paths:
                status = path.stat()
                key = (path, status.st_mtime_ns, status.st_size)
                still[key] = self.known.get(key) or self._read(path, now)
                frames += still[key][0]
                notes += still[key][1]
            if frames:
                newest = sorted(frames, key=lambda frame: frame.time)[-FILES_READ:]
                found.append(Scene(name, tuple(newest), tuple(notes)))
            elif notes:
                log.warning("radar %s: %s", name, "; ".join(notes))
        self.known = still
        return found

    def _areas(self) -> dict[str, list[Path]]:
        """Area -> its newest files, oldest first."""
        folders = {"radar": self.folder}
        folders |= {path.name: path for path in sorted(self.folder.iterdir()) if path.is_dir()}
        files = {
            name: [one for one in folder.iterdir() if one.is_file() and not one.name.startswith(".")]
            for name, folder in folders.items()
        }
        return {
            name: sorted(some, key=lambda path: (path.stat().st_mtime_ns, path.name))[-FILES_READ:]
            for name, some in files.items()
            if some
        }

    def _read(self, path: Path, now: datetime) -> Read:
        frames, notes = read_file(path, now)
        kept = [cropped(frame, self.area) for frame in frames[-FILES_READ:]]
        small = [frame for frame in kept if frame.rate.size <= MOST_CELLS]
        if len(small) < len(kept):
            rows, columns = kept[0].rate.shape
            notes.append(
                f"left out {path.name}: {rows} x {columns} cells, at most {MOST_CELLS}; set BRISE_AREA to less"
            )
        return tuple(small), tuple(notes)


@dataclass(frozen=True, slots=True)
class SimulatedRadar:
    """Rain that moves, grows and decays over a few cities; labelled, never a measurement."""

    cities: Sequence[str] = SIMULATED_CITIES
    cells: int = SIMULATED_CELLS

    def scenes(self, now: datetime) -> list[Scene]:
        """The frames that a radar would have given by now."""
        start = datetime.fromtimestamp(0, now.tzinfo)
        newest = start + (now - start) // SIMULATED_STEP * SIMULATED_STEP
        times = [newest - step * SIMULATED_STEP for step in range(FRAMES)][::-1]
        return [Scene(name, tuple(simulate(self._grid(name), time) for time in times)) for name in self.cities]

    def _grid(self, name: str) -> Grid:
        city, half = CITIES[name], self.cells // 2 / 100
        return Grid(
            name.replace("_", "-"),
            round(round(city.latitude, 2) + half, 2),
            round(round(city.longitude, 2) - half, 2),
            0.01,
            self.cells,
            self.cells,
        )
