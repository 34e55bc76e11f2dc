"""Rain sequences in NumPy's npz: `rate` uint16 in 1/100 mm/h (65535 = missing), `times`, `lats`, `lons`, `step`.

The layout of research archives at 0.01 degree: rate (T, Y, X), times ISO 8601 in UTC, latitudes north to south. Pickled
objects are never read, and an array's size is known from its header before room is made for it.
"""

import io
import zipfile
import zlib
from datetime import UTC, datetime, timedelta
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import DecodeError
from brise.conventions.rain import MAX_RATE, MAX_SLOTS, RainFrame
from brise.formulas.regridding import Raster
from brise.io.sources.payload import unpack
from brise.io.sources.radar import Options, Radar, check_size, frame_of, stamp

MAX_BYTES = 512 * 2**20
"""Of the file, and of all its arrays together once open."""

MISSING = 65535
SCALE = 100
"""Values of `rate` for one mm/h."""

_BROKEN = (OSError, EOFError, ValueError, zipfile.BadZipFile, RuntimeError, SyntaxError, TokenError, zlib.error)
"""What zipfile and NumPy answer to a broken, encrypted or unknown archive."""


def decode(payload: bytes, received_at: datetime, options: Options) -> tuple[RainFrame, ...]:
    """Every frame of a sequence.

    Raises:
        DecodeError: Not an npz, cut short, too large, an array missing or of a wrong type, or a time that cannot be.
    """
    raw = unpack(payload, "npz", MAX_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            room = sum(entry.file_size for entry in archive.infolist())
            if room > MAX_BYTES:
                raise DecodeError(f"npz: {room} bytes when decompressed, more than the limit of {MAX_BYTES}")
            rate, times, lats, lons = (_array(archive, name) for name in ("rate", "times", "lats", "lons"))
    except _BROKEN as error:
        raise DecodeError(f"npz: {error}") from error
    if rate.dtype != np.uint16 or rate.ndim != 3 or rate.shape != (times.size, lats.size, lons.size):
        raise DecodeError(
            f"npz: rate is {rate.dtype} {rate.shape}; uint16 {(times.size, lats.size, lons.size)} "
            "by times, lats and lons is expected"
        )
    if not 0 < len(rate) <= MAX_SLOTS:
        raise DecodeError(f"npz: {len(rate)} frames; 1 to {MAX_SLOTS} are allowed")
    check_size(*rate.shape[1:], "npz")
    raster = _raster(lats, lons)
    moments = [stamp(_moment(text), received_at, "npz") for text in times.ravel().tolist()]
    return tuple(
        frame_of(_rate(packed), raster, moment, "npz", options) for packed, moment in zip(rate, moments, strict=True)
    )


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    if f"{name}.npy" not in archive.namelist():
        raise DecodeError(f"npz: no array {name}; it holds {', '.join(archive.namelist()[:10])}")
    with archive.open(f"{name}.npy") as file:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise DecodeError(f"npz: {name} has header version {version}; (1, 0) is read")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        wanted = int(np.prod(shape, dtype=object)) * dtype.itemsize
        held = archive.getinfo(f"{name}.npy").file_size
        if dtype.hasobject or wanted > held:
            raise DecodeError(f"npz: {name} is {dtype} {shape}, {wanted} bytes, and the file holds {held}")
    with archive.open(f"{name}.npy") as file:
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def _raster(lats: NDArray[Any], lons: NDArray[Any]) -> Raster:
    """Coordinates are rounded to 1e-4 degree, because float32 ones are not even."""
    if min(lats.size, lons.size) < 2 or lats.dtype.kind != "f" or lons.dtype.kind != "f":
        raise DecodeError(f"npz: lats and lons are {lats.dtype} {lats.shape} and {lons.dtype} {lons.shape}")
    height, width = (
        round(float(part[-1] - part[0]) / (part.size - 1), 6) for part in (-lats.astype(float), lons.astype(float))
    )
    if not (height > 0 and width > 0):
        raise DecodeError(f"npz: latitudes must fall and longitudes rise, steps are {-height} and {width}")
    north, west = round(float(lats[0]), 4), round(float(lons[0]), 4)
    for name, part, first, step in (("lats", lats, north, -height), ("lons", lons, west, width)):
        off = np.abs(part - (first + step * np.arange(part.size))).max()
        if not off < 0.1 * abs(step):
            raise DecodeError(f"npz: {name} are not even: {off:.5f} degrees off steps of {step}")
    return Raster("", west - width / 2, north + height / 2, width, height, lats.size, lons.size)


def _moment(text: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise DecodeError(f"npz: time {str(text)[:40]!r} is not ISO 8601") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _rate(packed: NDArray[np.uint16]) -> NDArray[np.float32]:
    rate = packed.astype(np.float32) / np.float32(SCALE)
    rate[packed > MAX_RATE * SCALE] = np.nan  # missing, and what cannot be rain
    return rate


RADAR = Radar(
    "npz",
    "Rain sequences in NumPy files",
    "the file's",
    "Radar: as the file's provider asks",
    "",
    timedelta(minutes=5),
    timedelta(0),
    decode,
)
