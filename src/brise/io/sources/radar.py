"""What a radar source is, and what its readers share: options, limits, and the last step to a RainFrame."""

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import ConventionError, DecodeError, InputError
from brise.conventions.grids import Grid
from brise.conventions.rain import MAX_RATE, RainFrame
from brise.formulas.reflectivity import MARSHALL_PALMER, Relation, rain_from_dbz
from brise.formulas.regridding import MAX_PIXELS, Area, Raster, covering, own_pixels, regrid

logger = logging.getLogger(__name__)

MAX_AHEAD = timedelta(minutes=15)
"""How far a frame's time may lie after we received it: clocks differ, and accumulations are stamped with their end."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to read a payload.

    Attributes:
        grid: Pixels wanted; None = the payload's own where it has 0.01 degree, else 0.01 degree over all it covers.
        area: (south, west, north, east) in degrees, to which the latter is cut; None = all of it.
        relation: Z-R, where the payload holds reflectivity; None = the provider's, or Marshall and Palmer's.
        time: Of a payload that does not say its own.
    """

    grid: Grid | None = None
    area: Area | None = None
    relation: Relation | None = None
    time: datetime | None = None


Decoder = Callable[[bytes, datetime, Options], tuple[RainFrame, ...]]
"""(payload, received_at, options) -> frames; raises DecodeError when the payload cannot be read."""


@dataclass(frozen=True, slots=True)
class Radar:
    """One provider or format of rain fields.

    Attributes:
        name: What its frames carry as source.
        title: For people.
        licence: Of the data.
        attribution: The line to show beside them.
        terms_url: Where the terms are.
        interval: Between two frames.
        latency: How long after its time a frame usually arrives.
        decode: Payload to frames; None = it has no files.
        simulate: (grid, time) -> frame, of a radar that does not exist; None = it exists.
    """

    name: str
    title: str
    licence: str
    attribution: str
    terms_url: str
    interval: timedelta
    latency: timedelta
    decode: Decoder | None = None
    simulate: Callable[[Grid, datetime], RainFrame] | None = None


_STAMP = re.compile(r"(?<!\d)(\d{8})[T_-]?(\d{4})(\d{2})?(?!\d)", re.ASCII)


def time_in_name(name: str) -> datetime | None:
    """The UTC time that a file's name tells, as YYYYMMDD and HHMM or HHMMSS; None where it tells none.

    >>> time_in_name("201609281600_fmi.radar.composite.lowest_FIN_SUOMI1.tif").isoformat()
    '2016-09-28T16:00:00+00:00'
    """
    for day, minute, second in _STAMP.findall(name):
        try:
            return datetime.strptime(day + minute + (second or "00"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def decode_all(
    radar: Radar, payloads: Iterable[tuple[str, bytes]], received_at: datetime, options: Options | None = None
) -> tuple[list[RainFrame], list[str]]:
    """Frames of many payloads; one that cannot be read is left out and named.

    Args:
        radar: Whose.
        payloads: (name, bytes) each, such as file names and contents.
        received_at: When we had them, UTC.
        options: How to read them; without a time, names tell the time of payloads that do not.

    Returns:
        The frames, and a note for each payload that was left out.

    Raises:
        InputError: The radar has no files.
    """
    if radar.decode is None:
        raise InputError(f"radar {radar.name} has no files to read")
    options = options or Options()
    frames: list[RainFrame] = []
    notes: list[str] = []
    for name, payload in payloads:
        own = options if options.time else replace(options, time=time_in_name(name))
        try:
            frames += radar.decode(payload, received_at, own)
        except DecodeError as error:
            logger.warning("%s left out: %s", name, error)
            notes.append(f"left out {name}: {error}")
    return frames, notes


def scaled(pixels: NDArray[Any], gain: float, offset: float) -> NDArray[np.float32]:
    """Gain x pixel + offset; a corrupt gain gives infinity, which `rates` turns into missing."""
    with np.errstate(invalid="ignore", over="ignore"):
        values = pixels.astype(np.float32)
        values *= np.float32(gain)
        values += np.float32(offset)
    return values


def rates(values: NDArray[np.float32], quantity: str, relation: Relation | None) -> NDArray[np.float32]:
    """Rates in mm/h out of rates ("rate") or reflectivity ("dbz"); what cannot be rain becomes missing.

    Raises:
        DecodeError: Another quantity.
    """
    if quantity not in ("rate", "dbz"):
        raise DecodeError(f"radar: quantity {quantity!r}; known are 'rate' and 'dbz'")
    rate = rain_from_dbz(values, relation or MARSHALL_PALMER) if quantity == "dbz" else values.astype(np.float32)
    with np.errstate(invalid="ignore"):
        rate[~((rate >= 0) & (rate <= MAX_RATE))] = np.nan
    return rate


def stamp(moment: datetime, received_at: datetime, what: str) -> np.datetime64:
    """A frame's time, UTC to the second; a moment without zone is UTC.

    Raises:
        DecodeError: It lies more than MAX_AHEAD after `received_at`, or before weather radar.
    """
    utc = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    if utc > received_at + MAX_AHEAD or utc.year < 1950:
        raise DecodeError(
            f"{what}: its time {utc:%Y-%m-%dT%H:%M:%SZ} cannot be; received {received_at:%Y-%m-%dT%H:%MZ}"
        )
    return np.datetime64(utc.replace(tzinfo=None), "s")


def frame_of(
    rate: NDArray[np.float32], raster: Raster, time: np.datetime64, source: str, options: Options
) -> RainFrame:
    """A frame out of a raster of rates, on a latitude-longitude grid.

    Raises:
        DecodeError: The raster cannot be placed, lies outside the area, or would need too many pixels.
    """
    try:
        grid = options.grid or covering(raster, source, options.area)
        whole = options.grid is None and own_pixels(raster) and rate.shape == (grid.rows, grid.columns)
        on_grid = rate if whole else regrid(rate, raster, grid)
        return RainFrame(time, on_grid, grid.latitude, grid.longitude, source)
    except (ConventionError, InputError) as error:
        raise DecodeError(f"{source}: {error}") from error


def check_size(rows: int, columns: int, what: str) -> None:
    """Refuse a raster before its pixels are read.

    Raises:
        DecodeError: No pixel, or more than MAX_PIXELS.
    """
    if rows < 1 or columns < 1 or rows * columns > MAX_PIXELS:
        raise DecodeError(f"{what}: {rows} x {columns} pixels; 1 to {MAX_PIXELS} are allowed")
