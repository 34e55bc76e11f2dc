"""Radar composites in HDF5: ODIM_H5 (OPERA, and RMI, DWD, FMI... in the same layout) and KNMI's own layout.

ODIM (OPERA working document WD_2008_03, versions 2.0 to 2.4): pixels in /dataset<n>/data<m>/data, value
= gain x pixel + offset, `nodata` = never looked, `undetect` = looked and found nothing;
corners are those of the outermost pixels.
KNMI (KNMI HDF5 Data Format Specification 3.5): /image1/image_data with a calibration formula, time in /overview.
A payload is read in memory; links to other files, virtual and external storage are refused.
"""

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import DecodeError
from brise.conventions.rain import RainFrame
from brise.formulas.regridding import Raster, plain_projection
from brise.io.sources.payload import unpack
from brise.io.sources.radar import Options, Radar, check_size, frame_of, rates, scaled, stamp

MAX_BYTES = 128 * 2**20
MAX_NODES = 500
"""Groups and datasets of a file."""

MAX_CHUNK = 64 * 2**20
"""Bytes of one compressed block once open."""

QUANTITIES = ("RATE", "ACRR", "DBZH", "DBZV")
"""In order of preference; TH and TV are not cleaned of clutter and are no rain."""

IMAGES = ("COMP", "IMAGE", "CVOL")

_BROKEN = (OSError, LookupError, RuntimeError, ValueError, TypeError, MemoryError, OverflowError, AttributeError)
"""What h5py answers to corrupt blocks; our own InputError is a ValueError."""

_FORMULA = re.compile(r"\s*GEO\s*=\s*([-+\d.eE]+)\s*\*\s*PV\s*(?:(?:\+\s*)?([-+]?\s*\d[-+\d.eE]*))?\s*", re.ASCII)


def decode(payload: bytes, received_at: datetime, options: Options) -> tuple[RainFrame, ...]:
    """One composite.

    Raises:
        DecodeError: Not HDF5, cut short, too large, linked elsewhere, of neither layout, no composite, without a rain
            quantity, without geometry or time, or geometry that contradicts itself.
    """
    raw = unpack(payload, "odim", MAX_BYTES)
    try:
        with h5py.File(io.BytesIO(raw), "r") as file:
            _check_nodes(file)
            return (_knmi if "image1" in file and "overview" in file else _odim)(file, received_at, options)
    except _BROKEN as error:
        raise DecodeError(f"odim: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip("'\"").splitlines()[0][:200] if str(error) else type(error).__name__


def _check_nodes(file: h5py.File) -> None:
    waiting: list[Any] = [file]
    seen = 0
    while waiting:
        group = waiting.pop()
        for name in group:
            seen += 1
            if seen > MAX_NODES:
                raise DecodeError(f"odim: more than {MAX_NODES} groups and datasets")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise DecodeError(f"odim: {group.name}/{name} is a link; only data of the file itself are read")
            node = group[name]
            if isinstance(node, h5py.Group):
                waiting.append(node)


def _pixels(node: Any) -> NDArray[np.float32]:
    if not isinstance(node, h5py.Dataset) or node.ndim != 2 or node.dtype.kind not in "uif":
        raise DecodeError("odim: the pixels are no two-dimensional array of numbers")
    rows, columns = node.shape
    check_size(rows, columns, f"odim: {node.name}")
    if node.is_virtual or node.external:
        raise DecodeError(f"odim: {node.name} lies in other files")
    if node.chunks and int(np.prod(node.chunks)) * node.dtype.itemsize > MAX_CHUNK:
        raise DecodeError(f"odim: {node.name} has blocks of {node.chunks} pixels; at most {MAX_CHUNK} bytes each")
    return np.asarray(node[()])


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size else ""
    return (value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)).strip("\0 ")


class _Attributes:
    """Attributes of groups, the most particular first."""

    def __init__(self, file: h5py.File, paths: tuple[str, ...]) -> None:
        self.holders = [file[path].attrs for path in paths if path in file]
        self.paths = paths

    def get(self, name: str) -> Any:
        return next((holder[name] for holder in self.holders if name in holder), None)

    def text(self, name: str) -> str:
        found = self.get(name)
        if found is None:
            raise DecodeError(f"odim: no attribute {name} in {' or '.join(self.paths)}")
        return _text(found)

    def number(self, name: str) -> float:
        found = float(self.text(name))
        if not np.isfinite(found):
            raise DecodeError(f"odim: {name} of {self.paths[0]} is {found}")
        return found


def _odim(file: h5py.File, received_at: datetime, options: Options) -> tuple[RainFrame, ...]:
    kind = _text(file["what"].attrs.get("object", "")) if "what" in file else ""
    if kind not in IMAGES:
        raise DecodeError(f"odim: object {kind[:20]!r}; composites ({', '.join(IMAGES)}) are read")
    found: dict[str, tuple[str, _Attributes]] = {}
    for path in _data_paths(file):
        what = _Attributes(file, (f"{path}/what", f"{path.rsplit('/', 1)[0]}/what", "what"))
        found.setdefault(_text(what.get("quantity") or ""), (path, what))
    quantity = next((name for name in QUANTITIES if name in found), None)
    if quantity is None:
        raise DecodeError(f"odim: quantities {sorted(found)}; one of {', '.join(QUANTITIES)} is needed")
    path, what = found[quantity]
    pixels = _pixels(file[f"{path}/data"])
    values = scaled(pixels, what.number("gain"), what.number("offset"))
    dry = -np.inf if quantity.startswith("DBZ") else 0.0
    values[pixels == what.number("undetect")] = dry
    values[pixels == what.number("nodata")] = np.nan
    end = _moment(what.text("date") + what.text("time"))
    if quantity == "ACRR":
        start, end = (_moment(what.text(f"{side}date") + what.text(f"{side}time")) for side in ("start", "end"))
        values *= _per_hour(start, end)
    raster = _odim_raster(_Attributes(file, (f"{path.split('/')[0]}/where", "where")), pixels.shape)
    rate = rates(values, "dbz" if quantity.startswith("DBZ") else "rate", options.relation)
    return (frame_of(rate, raster, stamp(end, received_at, "odim"), "odim", options),)


def _data_paths(file: h5py.File) -> Iterator[str]:
    for dataset in sorted(name for name in file if re.fullmatch(r"dataset\d+", name)):
        for data in sorted(name for name in file[dataset] if re.fullmatch(r"data\d+", name)):
            yield f"{dataset}/{data}"


def _moment(digits: str) -> datetime:
    if not re.fullmatch(r"\d{14}", digits, re.ASCII):
        raise DecodeError(f"odim: date and time {digits[:20]!r} are not YYYYMMDD and HHMMSS")
    return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _per_hour(start: datetime, end: datetime) -> np.float32:
    if not timedelta(0) < end - start <= timedelta(hours=1):
        raise DecodeError(f"odim: an accumulation from {start} to {end}; more than 0 and up to 60 minutes make a rate")
    return np.float32(timedelta(hours=1) / (end - start))


def _odim_raster(where: _Attributes, shape: tuple[int, ...]) -> Raster:
    rows, columns = round(where.number("ysize")), round(where.number("xsize"))
    if (rows, columns) != shape:
        raise DecodeError(f"odim: {shape} pixels, but ysize and xsize are {rows} and {columns}")
    projection = plain_projection(where.text("projdef"))
    plane = Raster(projection, 0.0, 0.0, 1.0, 1.0, rows, columns)

    def corner(name: str) -> tuple[float, float]:
        x, y = plane.project(np.array([where.number(f"{name}_lon")]), np.array([where.number(f"{name}_lat")]))
        return float(x[0]), float(y[0])

    (left, bottom), (right, top) = corner("LL"), corner("UR")
    width, height = (right - left) / columns, (top - bottom) / rows
    for name, own in (("xscale", width), ("yscale", height)):
        stated = where.get(name)
        if stated is not None and projection and abs(float(stated) - own) > 0.02 * abs(own):
            raise DecodeError(f"odim: {name} {float(stated):g}, but the corners LL and UR make it {own:g}")
    return Raster(projection, left, top, width, height, rows, columns)


def _knmi(file: h5py.File, received_at: datetime, options: Options) -> tuple[RainFrame, ...]:
    overview, image = _Attributes(file, ("overview",)), _Attributes(file, ("image1",))
    calibration = _Attributes(file, ("image1/calibration",))
    formula = _FORMULA.fullmatch(calibration.text("calibration_formulas"))
    if formula is None:
        raise DecodeError(
            f"odim: KNMI calibration {calibration.text('calibration_formulas')[:60]!r} is not GEO = a*PV + b"
        )
    gain, offset = float(formula[1]), float((formula[2] or "0").replace(" ", ""))
    pixels = _pixels(file["image1/image_data"])
    parameter = image.text("image_geo_parameter").upper()
    values = scaled(pixels, gain, offset)
    start, end = (_knmi_time(overview.text(f"product_datetime_{side}")) for side in ("start", "end"))
    if "DBZ" in parameter:
        values[pixels == 0] = -np.inf
    elif "PRECIP" in parameter and "MM" in parameter:
        values *= _per_hour(start, end)
    else:
        raise DecodeError(f"odim: KNMI image of {parameter[:40]!r}; reflectivity (DBZ) or precipitation (MM) is read")
    for name in ("calibration_missing_data", "calibration_out_of_image"):
        # In reflectivity images 0 is both "no echo" and, in older files, the stated missing value.
        unknown = calibration.number(name)
        if not ("DBZ" in parameter and unknown == 0):
            values[pixels == unknown] = np.nan
    rate = rates(values, "dbz" if "DBZ" in parameter else "rate", options.relation)
    raster = _knmi_raster(file, pixels.shape)
    return (frame_of(rate, raster, stamp(end, received_at, "odim"), "odim", options),)


def _knmi_time(text: str) -> datetime:
    try:
        return datetime.strptime(text[:20], "%d-%b-%Y;%H:%M:%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise DecodeError(f"odim: KNMI time {text[:40]!r} is not like 26-AUG-2010;00:05:00") from error


def _knmi_raster(file: h5py.File, shape: tuple[int, ...]) -> Raster:
    """Offsets count pixels from the projection's origin, rows southward where the pixel height is negative."""
    where, chart = _Attributes(file, ("geographic",)), _Attributes(file, ("geographic/map_projection",))
    size = round(where.number("geo_number_rows")), round(where.number("geo_number_columns"))
    if size != shape:
        raise DecodeError(f"odim: {shape} pixels, but KNMI's rows and columns are {size}")
    width, height = where.number("geo_pixel_size_x"), where.number("geo_pixel_size_y")
    left, top = where.number("geo_column_offset") * width, where.number("geo_row_offset") * height
    projection = plain_projection(chart.text("projection_proj4_params"))
    if height >= 0:
        raise DecodeError(f"odim: KNMI pixel height {height}; rows running north are not read")
    # a and b are given in km, which makes PROJ's metres km.
    return Raster(projection, left, top, width, -height, *size)


RADAR = Radar(
    "odim",
    "Radar composites in HDF5 (ODIM, KNMI)",
    "the provider's (OPERA members differ; KNMI and RMI: CC BY 4.0)",
    "Radar: the national weather service that made the composite (EUMETNET OPERA, KNMI, RMI)",
    "https://www.eumetnet.eu/activities/observations-programme/current-activities/opera/",
    timedelta(minutes=5),
    timedelta(minutes=10),
    decode,
)
