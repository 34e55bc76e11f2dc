"""MRMS PrecipRate (NOAA/NSSL) in GRIB2, gzipped or plain: mm/h on the 0.01 degree grid of the contiguous US.

Only what MRMS writes is read: a regular latitude-longitude grid (template 3.0) in one PNG (template 5.41) without
bitmap (WMO Manual on Codes I.2). Negative values are its codes for "no radar reaches here" (-3) and "missing" (-1).
Why not a GRIB library: docs/decisions/0007-radar-formats.md.
"""

import io
import math
import struct
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from brise.conventions.errors import DecodeError
from brise.conventions.rain import RainFrame
from brise.formulas.regridding import Raster
from brise.io.sources.payload import unpack
from brise.io.sources.radar import Options, Radar, check_size, frame_of, rates, stamp

MAX_BYTES = 128 * 2**20
PARAMETER = (209, 6, 1)
"""Discipline, category, number of PrecipRate, mm/h."""

_PNG = b"\x89PNG\r\n\x1a\n"
_DEPTHS = {8: "L", 16: "I;16"}
"""Bits of a grey PNG -> Pillow's mode."""


def decode(payload: bytes, received_at: datetime, options: Options) -> tuple[RainFrame, ...]:
    """One field.

    Raises:
        DecodeError: Not GRIB2, cut short, corrupt, too large, another parameter, grid or packing.
    """
    raw = unpack(payload, "mrms", MAX_BYTES)
    if raw[:4] != b"GRIB" or len(raw) < 16 or raw[7] != 2:
        raise DecodeError("mrms: not a GRIB message of edition 2")
    if int.from_bytes(raw[8:16], "big") != len(raw) or not raw.endswith(b"7777"):
        raise DecodeError(f"mrms: {len(raw)} bytes are not one whole message of {int.from_bytes(raw[8:16], 'big')}")
    sections = _sections(raw)
    try:
        parameter = (raw[6], sections[4][9], sections[4][10])
        if parameter != PARAMETER:
            raise DecodeError(f"mrms: parameter {parameter}; PrecipRate is {PARAMETER}")
        year, month, day, hour, minute, second = struct.unpack(">HBBBBB", sections[1][12:19])
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        raster = _raster(sections[3])
        values = _values(sections, raster)
    except (KeyError, IndexError, struct.error) as error:
        raise DecodeError(f"mrms: a section is missing or too short ({error})") from error
    except (ValueError, OverflowError) as error:  # a day 32; our own InputError is a ValueError too
        raise DecodeError(f"mrms: {error}") from error
    rate = rates(values, "rate", options.relation)
    return (frame_of(rate, raster, stamp(moment, received_at, "mrms"), "mrms", options),)


def _sections(raw: bytes) -> dict[int, bytes]:
    """Number -> whole section, its length included, so that offsets are the Manual's octets less one."""
    found: dict[int, bytes] = {}
    place = 16
    while place < len(raw) - 4:
        length, number = int.from_bytes(raw[place : place + 4], "big"), raw[place + 4]
        if length < 5 or place + length > len(raw) - 4:
            raise DecodeError(f"mrms: section {number} at byte {place} has {length} bytes, beyond the message's end")
        if number in found:
            raise DecodeError(f"mrms: section {number} comes twice; one field a message is read")
        found[number] = raw[place : place + length]
        place += length
    return found


def _signed(raw: bytes) -> int:
    """GRIB's integers: the first bit is the sign, the rest the size."""
    value, sign = int.from_bytes(raw, "big"), 1 << (8 * len(raw) - 1)
    return sign - value if value & sign else value


def _raster(section: bytes) -> Raster:
    template, scanning = int.from_bytes(section[12:14], "big"), section[71]
    if template != 0 or scanning != 0:
        raise DecodeError(f"mrms: grid template {template} with scanning mode {scanning}; 0 and 0 are read")
    columns, rows, basic_angle = struct.unpack(">III", section[30:42])
    if basic_angle not in (0, 0xFFFFFFFF):
        raise DecodeError(f"mrms: basic angle {basic_angle}; millionths of a degree are read")
    check_size(rows, columns, "mrms")
    north, west = _signed(section[46:50]) * 1e-6, _signed(section[50:54]) * 1e-6
    width, height = struct.unpack(">II", section[63:71])
    return Raster("", west - width * 5e-7, north + height * 5e-7, width * 1e-6, height * 1e-6, rows, columns)


def _values(sections: dict[int, bytes], raster: Raster) -> NDArray[np.float32]:
    packing = sections[5]
    count, template = struct.unpack(">IH", packing[5:11])
    (reference,) = struct.unpack(">f", packing[11:15])
    binary, decimal, bits = _signed(packing[15:17]), _signed(packing[17:19]), packing[19]
    if template != 41 or sections[6][5] != 255 or count != raster.rows * raster.columns:
        raise DecodeError(
            f"mrms: packing {template} of {count} values, bitmap {sections[6][5]}; "
            f"41 of {raster.rows * raster.columns} and none (255) are read"
        )
    if not math.isfinite(reference) or max(abs(binary), abs(decimal)) > 100:
        raise DecodeError(f"mrms: reference {reference}, binary scale {binary}, decimal scale {decimal} cannot be")
    if bits == 0:
        return np.full((raster.rows, raster.columns), reference * 10.0**-decimal, np.float32)
    packed = _png(sections[7][5:], bits, (raster.columns, raster.rows))
    values = packed.astype(np.float32)
    values *= np.float32(2.0**binary * 10.0**-decimal)
    values += np.float32(reference * 10.0**-decimal)
    return values


def _png(raw: bytes, bits: int, size: tuple[int, int]) -> NDArray[np.uint16]:
    if not raw.startswith(_PNG) or bits not in _DEPTHS:
        raise DecodeError(f"mrms: {bits} bits a value in no PNG; a grey PNG of 8 or 16 bits is read")
    # Size and depth by the header itself, before Pillow makes room for anything.
    width, height, depth, colour = struct.unpack(">IIBB", raw[16:26])
    if (width, height) != size or depth != bits or colour != 0:
        raise DecodeError(
            f"mrms: a PNG of {width} x {height}, {depth} bits, colour {colour}; expected {size}, {bits}, 0"
        )
    try:
        with Image.open(io.BytesIO(raw), formats=("PNG",)) as image:
            if image.mode != _DEPTHS[bits]:
                raise DecodeError(f"mrms: a PNG of mode {image.mode}; expected {_DEPTHS[bits]}")
            return np.asarray(image, np.uint16)
    except (OSError, SyntaxError, ValueError) as error:  # Pillow: cut short, a wrong checksum, a broken stream
        raise DecodeError(f"mrms: the PNG is corrupt: {error}") from error


RADAR = Radar(
    "mrms",
    "MRMS precipitation rate",
    "public domain (US government)",
    "Radar: NOAA/NSSL Multi-Radar/Multi-Sensor System",
    "https://www.nssl.noaa.gov/projects/mrms/",
    timedelta(minutes=2),
    timedelta(minutes=3),
    decode,
)
