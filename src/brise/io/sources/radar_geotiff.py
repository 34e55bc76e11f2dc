"""Rain rate or reflectivity in a GeoTIFF of one band (OGC 19-008r4), read by Pillow.

The band's meaning is no part of GeoTIFF, so each provider has its `Band`. Place: ModelPixelScale and ModelTiepoint
with an EPSG code, projected or geographic. Time: the DateTime tag, taken as UTC, or `Options.time`.
"""

import io
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from brise.conventions.errors import DecodeError, InputError
from brise.conventions.rain import RainFrame
from brise.formulas.reflectivity import FINLAND, MARSHALL_PALMER, Relation
from brise.formulas.regridding import Raster
from brise.io.sources.payload import unpack
from brise.io.sources.radar import Options, Radar, check_size, frame_of, rates, scaled, stamp

MAX_BYTES = 256 * 2**20
MAX_TILE = 4096
"""Pixels along a side of a tile."""

MODES = ("L", "I;16", "I;16B", "I;16S", "I", "F")
"""Pillow's names of one band of 8, 16 or 32 bits."""

_BROKEN = (OSError, SyntaxError, ValueError, TypeError, LookupError, OverflowError, MemoryError, struct.error)
"""What Pillow answers to corrupt files."""

_DATE_TIME, _TILE_WIDTH, _TILE_LENGTH, _NODATA = 306, 322, 323, 42113
_PIXEL_SCALE, _TIEPOINT, _GEO_KEYS = 33550, 33922, 34735
_MODEL_TYPE, _RASTER_TYPE, _GEOGRAPHIC_CODE, _PROJECTED_CODE = 1024, 1025, 2048, 3072
_PIXEL_IS_POINT = 2


@dataclass(frozen=True, slots=True)
class Band:
    """What a provider's pixels mean.

    Attributes:
        name: Of the source.
        quantity: "rate" (mm/h) or "dbz".
        gain: value = gain x pixel + offset.
        offset: In the quantity's unit.
        dry: Pixel for "looked and found nothing", or None.
        missing: Pixel for "never looked", beside the file's own GDAL_NODATA; or None.
        relation: Z-R of the provider, where `Options` names none.
    """

    name: str
    quantity: str = "rate"
    gain: float = 1.0
    offset: float = 0.0
    dry: float | None = None
    missing: float | None = None
    relation: Relation = MARSHALL_PALMER


RATE = Band("geotiff")
"""Pixels are mm/h."""

FMI = Band("fmi", "dbz", 0.5, -32.0, dry=0.0, missing=255.0, relation=FINLAND)
"""FMI's open reflectivity composites: dBZ = pixel / 2 - 32, 255 outside the radars' reach."""


def decode(payload: bytes, received_at: datetime, options: Options, band: Band = RATE) -> tuple[RainFrame, ...]:
    """One field.

    Raises:
        DecodeError: Not a TIFF, cut short, too large, several bands, without place or time.
    """
    what = band.name
    raw = unpack(payload, what, MAX_BYTES)
    try:
        with Image.open(io.BytesIO(raw), formats=("TIFF",)) as image:
            tags: dict[int, Any] = dict(image.tag_v2)  # type: ignore[attr-defined]
            pixels = _pixels(image, tags, what)
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DecodeError(f"{what}: not a TIFF that can be read") from error
    except _BROKEN as error:
        raise DecodeError(f"{what}: the TIFF is corrupt: {error}") from error
    unknown = [float(part) for part in (band.missing, _number(tags.get(_NODATA))) if part is not None]
    values = scaled(pixels, band.gain, band.offset)
    if band.dry is not None:
        values[pixels == band.dry] = -np.inf if band.quantity == "dbz" else 0.0
    for missing in unknown:
        values[pixels == missing] = np.nan
    rate = rates(values, band.quantity, options.relation or band.relation)
    time = stamp(_moment(tags, options, what), received_at, what)
    return (frame_of(rate, _raster(tags, pixels.shape, what), time, what, options),)


def _pixels(image: Image.Image, tags: dict[int, Any], what: str) -> NDArray[Any]:
    columns, rows = image.size
    check_size(rows, columns, what)
    if image.mode not in MODES or getattr(image, "n_frames", 1) != 1:
        raise DecodeError(f"{what}: mode {image.mode} in {getattr(image, 'n_frames', 1)} pages; one of {MODES} in one")
    if max(int(tags.get(_TILE_WIDTH, 0)), int(tags.get(_TILE_LENGTH, 0))) > MAX_TILE:
        raise DecodeError(f"{what}: tiles of {tags.get(_TILE_WIDTH)} x {tags.get(_TILE_LENGTH)}; at most {MAX_TILE}")
    return np.asarray(image)


def _number(text: Any) -> float | None:
    try:
        return float(str(text).strip("\0 "))
    except ValueError:
        return None


def _moment(tags: dict[int, Any], options: Options, what: str) -> datetime:
    if _DATE_TIME not in tags:
        if options.time is None:
            raise DecodeError(f"{what}: the TIFF has no DateTime tag; give its time")
        return options.time
    try:
        return datetime.strptime(str(tags[_DATE_TIME]).strip("\0 "), "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise DecodeError(f"{what}: DateTime {str(tags[_DATE_TIME])[:40]!r} is not YYYY:MM:DD HH:MM:SS") from error


def _raster(tags: dict[int, Any], shape: tuple[int, ...], what: str) -> Raster:
    try:
        width, height = (float(part) for part in tags[_PIXEL_SCALE][:2])
        column, row, _, x, y = (float(part) for part in tags[_TIEPOINT][:5])
        words = [int(part) for part in tags[_GEO_KEYS]]
    except (KeyError, ValueError, TypeError) as error:
        raise DecodeError(
            f"{what}: no ModelPixelScale, ModelTiepoint and GeoKeyDirectory; where does it lie?"
        ) from error
    keys = {words[i]: words[i + 3] for i in range(4, len(words) - 3, 4) if words[i + 1] == 0}
    kind = keys.get(_MODEL_TYPE)
    code = keys.get(_PROJECTED_CODE if kind == 1 else _GEOGRAPHIC_CODE, 0)
    if kind not in (1, 2) or not 1024 <= code < 32767:
        raise DecodeError(f"{what}: model type {kind} with code {code}; an EPSG code, projected or geographic, is read")
    half = 0.5 if keys.get(_RASTER_TYPE) == _PIXEL_IS_POINT else 0.0
    try:
        return Raster(
            f"EPSG:{code}" if kind == 1 else "",
            x - (column + half) * width,
            y + (row + half) * height,
            width,
            height,
            shape[0],
            shape[1],
        )
    except InputError as error:
        raise DecodeError(f"{what}: {error}") from error


RADAR = Radar(
    "geotiff",
    "Rain rates in GeoTIFF files",
    "the file's",
    "Radar: as the file's provider asks",
    "",
    timedelta(minutes=5),
    timedelta(0),
    decode,
)

RADAR_FMI = Radar(
    "fmi",
    "FMI radar composite",
    "CC BY 4.0",
    "Radar: Finnish Meteorological Institute, open data",
    "https://en.ilmatieteenlaitos.fi/open-data-licence",
    timedelta(minutes=5),
    timedelta(minutes=5),
    partial(decode, band=FMI),
)
