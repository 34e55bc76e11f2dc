"""Where a fire starts, in the plane of the landscape: a place, GeoJSON, Shapefile, Cell2Fire's cells, hotspots, CSV.

An area burns as a whole within its outer ring; islands inside a perimeter are not kept apart. A `time` (or `datetime`)
of a feature or a row is when that part starts, ISO 8601, UTC unless it says otherwise.
"""

import csv
import io
import json
import logging
import re
import struct
import warnings
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapefile
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform

from brise.conventions.errors import DecodeError, InputError, NotFoundError
from brise.conventions.fire import FireGrid, FireStart
from brise.io.sources.firms import Hotspot, read_hotspots

logging.getLogger("shapefile").setLevel(logging.ERROR)  # which way a ring turns does not matter here

MAX_BYTES = 64 * 2**20
MAX_CORNERS = 500_000

Points = list[tuple[float, float]]
Shape = tuple[Points, bool, np.datetime64 | None]
"""Corners, whether they bound an area, and when it starts."""

_PAIR = re.compile(r"^\s*([+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*[,; ]\s*([+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*$")


def read_ignitions(given: str, grid: FireGrid) -> list[FireStart]:
    """Where the fire starts.

    Args:
        given: "LAT,LON" in degrees ("x,y" in metres of the grid where the landscape names no reference system), or the
            path of GeoJSON (.geojson, .json), a Shapefile, Cell2Fire's Ignitions.csv, FIRMS hotspots (.csv, .json), or
            a CSV with latitude and longitude, or x and y.
        grid: Of the landscape.

    Raises:
        NotFoundError: There is no such file.
        InputError: It cannot be read, or starts outside the landscape; with the value and the place.
    """
    pair = _PAIR.match(given)
    if pair:
        first, second = float(pair.group(1)), float(pair.group(2))
        return _inside([_place(first, second, grid)], grid, given)
    path = Path(given)
    if not path.is_file():
        raise NotFoundError(f"{given}: no such file, and not LAT,LON such as 50.85,4.35")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path.name}: {path.stat().st_size:,} bytes, over the limit of {MAX_BYTES:,}")
    if path.suffix.lower() in (".shp", ".shx", ".dbf"):
        shapes = _shapefile(path.with_suffix(".shp"), grid)
    elif path.suffix.lower() == ".csv":
        return _table(path, grid)
    else:
        return _json(path, grid)
    return _inside(shapes, grid, path.name)


def _place(first: float, second: float, grid: FireGrid) -> Shape:
    if not grid.crs:
        return [(first, second)], False, None
    if not (-90 <= first <= 90 and -180 <= second <= 180):
        raise InputError(f"ignition {first:g},{second:g}: latitude within -90 to 90 and longitude within -180 to 180")
    return _moved([(second, first)], "EPSG:4326", grid, f"{first:g},{second:g}"), False, None


def _moved(points: Points, crs: Any, grid: FireGrid, what: str) -> Points:
    """Points of a reference system in the plane of the grid."""
    if not grid.crs:
        raise InputError(f"{what}: the landscape names no reference system; give x,y in metres of its own plane")
    try:
        x, y = transform(CRS.from_user_input(crs), CRS.from_wkt(grid.crs), *zip(*points, strict=True))[:2]
    except (RasterioError, CRSError, ValueError) as error:
        raise InputError(f"{what}: cannot be brought into the landscape's plane: {str(error)[:120]}") from None
    return list(zip(x, y, strict=True))


def _inside(shapes: list[Shape], grid: FireGrid, what: str) -> list[FireStart]:
    """The starts; every point and line must lie on the landscape, and of an area some part."""
    if not shapes:
        raise InputError(f"{what}: no ignition in it")
    if sum(len(points) for points, _, _ in shapes) > MAX_CORNERS:
        raise InputError(f"{what}: more than {MAX_CORNERS:,} corners")
    west, north = grid.west, grid.north
    east, south = west + grid.columns * grid.cell_m, north - grid.rows * grid.cell_m
    starts = []
    for points, closed, time in shapes:
        x, y = np.array(points, float).T
        if not np.isfinite([x, y]).all():
            raise InputError(f"{what}: a corner without coordinates: {points[0]}")
        out = (x < west) | (x >= east) | (y <= south) | (y > north)
        beyond = x.max() < west or x.min() >= east or y.max() <= south or y.min() > north
        if (closed and beyond) or (not closed and out.any()):
            k = int(np.flatnonzero(out)[0])
            raise InputError(
                f"{what}: ignition at x {x[k]:.1f}, y {y[k]:.1f} lies outside the landscape, "
                f"x {west:.1f} to {east:.1f}, y {south:.1f} to {north:.1f}"
            )
        starts.append(FireStart(tuple(x.tolist()), tuple(y.tolist()), closed, time))
    return starts


def _when(properties: Mapping[str, Any] | None, what: str) -> np.datetime64 | None:
    found = next((properties[key] for key in ("time", "datetime") if properties and properties.get(key)), None)
    if found is None:
        return None
    try:
        moment = datetime.fromisoformat(str(found))
    except ValueError:
        raise InputError(f"{what}: {str(found)[:40]!r} is no time such as 2025-03-23T14:00Z") from None
    return np.datetime64((moment if moment.tzinfo is None else moment.astimezone(UTC)).replace(tzinfo=None), "s")


def _json(path: Path, grid: FireGrid) -> list[FireStart]:
    payload = path.read_bytes()
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        raise InputError(f"{path.name}: not JSON, and none of .shp, .csv") from None
    if isinstance(body, list):
        return starts_of_hotspots(_hotspots(payload, path.name), grid)
    return read_geojson(body, grid, path.name)


def read_geojson(body: Any, grid: FireGrid, what: str = "ignition") -> list[FireStart]:
    """Ignitions of a GeoJSON value: any geometry, feature or collection; longitude first (RFC 7946).

    A `crs` member of the older standard, which names another reference system, is honoured. Where the landscape names
    none, coordinates are metres of its plane.

    Args:
        body: The value.
        grid: Of the landscape.
        what: For messages.

    Raises:
        InputError: No geometry, or one outside the landscape.
    """
    if not isinstance(body, dict):
        raise InputError(f"{what}: GeoJSON is an object")
    crs = "EPSG:4326"
    named = body.get("crs")
    if isinstance(named, dict) and isinstance(named.get("properties"), dict):
        crs = str(named["properties"].get("name", crs))
    shapes = []
    for geometry, properties in _features(body, what, 0):
        time = _when(properties, what)
        for points, closed in _parts(geometry, what):
            shapes.append((points if not grid.crs else _lonlat(points, crs, grid, what), closed, time))
    return _inside(shapes, grid, what)


def _lonlat(points: Points, crs: str, grid: FireGrid, what: str) -> Points:
    if crs == "EPSG:4326" or crs.endswith("CRS84"):
        bad = next((p for p in points if not (-180 <= p[0] <= 180 and -90 <= p[1] <= 90)), None)
        if bad is not None:
            raise InputError(f"{what}: {bad[0]:.8g}, {bad[1]:.8g} is no longitude and latitude")
        crs = "EPSG:4326"
    return _moved(points, crs, grid, what)


def _features(body: Any, what: str, depth: int) -> Iterable[tuple[dict[str, Any], Any]]:
    if not isinstance(body, dict) or depth > 8:
        raise InputError(f"{what}: not GeoJSON: {str(body)[:60]!r}")
    kind = body.get("type")
    if kind == "FeatureCollection" and isinstance(body.get("features"), list):
        for feature in body["features"]:
            yield from _features(feature, what, depth + 1)
    elif kind == "Feature":
        if body.get("geometry") is not None:
            for geometry, _ in _features(body["geometry"], what, depth + 1):
                properties = body.get("properties")
                yield geometry, properties if isinstance(properties, dict) else None
    elif kind == "GeometryCollection" and isinstance(body.get("geometries"), list):
        for geometry in body["geometries"]:
            yield from _features(geometry, what, depth + 1)
    elif "coordinates" in body:
        yield body, None
    else:
        raise InputError(f"{what}: not GeoJSON: type {str(kind)[:40]!r}")


_RINGS = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon")


def _parts(geometry: dict[str, Any], what: str) -> list[tuple[Points, bool]]:
    """Each part of a geometry: its corners, and whether it is an area."""
    kind, at = str(geometry.get("type")), geometry.get("coordinates")
    if kind not in _RINGS:
        raise InputError(f"{what}: a geometry of type {kind[:40]!r} is not read")
    many, closed = kind.startswith("Multi"), kind.endswith("Polygon")
    try:
        parts: list[Any] = list(at) if many else [at]  # type: ignore[arg-type]
        lines = [part[0] if closed else [part] if kind.endswith("Point") else part for part in parts]
        out = [([(float(p[0]), float(p[1])) for p in line], closed) for line in lines]
    except (TypeError, ValueError, IndexError, KeyError):
        raise InputError(f"{what}: coordinates of the {kind} are not positions: {str(at)[:60]}") from None
    if any(not points or (closed and len(points) < 3) for points, closed in out):
        raise InputError(f"{what}: a {kind} without enough corners")
    return out


def _shapefile(path: Path, grid: FireGrid) -> list[Shape]:
    """Parts of every record; in the plane of its .prj, or of the landscape where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", shapefile.PossiblyCorruptFileHeader)  # a shape that breaks off is refused
            with shapefile.Reader(str(path)) as reader:
                rows = [row for row in reader.iterShapeRecords() if row.shape.shapeType != shapefile.NULL]
        records = [(row.shape.__geo_interface__, row.record.as_dict()) for row in rows]
    except (
        shapefile.ShapefileException,
        shapefile.GeoJSON_Error,
        struct.error,
        OSError,
        ValueError,
        LookupError,
    ) as error:
        raise InputError(f"{path.name}: cannot be read: {str(error)[:120]}") from None
    prj = path.with_suffix(".prj")
    crs = prj.read_text(encoding="utf-8", errors="replace").strip() if prj.is_file() and grid.crs else ""
    shapes: list[Shape] = []
    for geometry, record in records:
        time = _when({str(k).lower(): v for k, v in record.items()}, path.name)
        for points, closed in _parts(dict(geometry), path.name):
            shapes.append((_moved(points, crs, grid, path.name) if crs else points, closed, time))
    return shapes


def _table(path: Path, grid: FireGrid) -> list[FireStart]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name}: not text (byte {error.start})") from None
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    reader.fieldnames = [" ".join(name.lower().split()) for name in reader.fieldnames or []]
    columns = set(reader.fieldnames)
    if {"acq_date", "acq_time", "latitude", "longitude"} <= columns:
        return starts_of_hotspots(_hotspots(path.read_bytes(), path.name), grid)
    rows = [row for row in reader if any((value or "").strip() for value in row.values() if isinstance(value, str))]
    cell = next((name for name in ("ncell", "cell") if name in columns), None)
    if cell is not None:
        return _inside([_cell(row, cell, k, grid, path.name) for k, row in enumerate(rows, 1)], grid, path.name)
    keys = next((pair for pair in _PAIRS if set(pair) <= columns), None)
    if keys is None:
        wanted = "latitude and longitude, x and y, or Cell2Fire's Year and Ncell"
        raise InputError(f"{path.name}: columns {', '.join(sorted(columns))[:120]}; wanted are {wanted}")
    shapes = []
    for k, row in enumerate(rows, 1):
        first, second = (_number(row, key, k, path.name) for key in keys)
        what = f"{path.name} row {k}"
        points = [(first, second)] if keys == ("x", "y") else _place(first, second, grid)[0]
        shapes.append((points, False, _when(row, what)))
    return _inside(shapes, grid, path.name)


_PAIRS = (("latitude", "longitude"), ("lat", "lon"), ("lat", "lng"), ("x", "y"))


def _number(row: Mapping[str, Any], key: str, line: int, name: str) -> float:
    try:
        value = float(row[key])
    except (TypeError, ValueError):
        raise InputError(f"{name} row {line}: {key} is {row[key]!r}, a number is wanted") from None
    if not np.isfinite(value):
        raise InputError(f"{name} row {line}: {key} is {row[key]!r}, a number is wanted")
    return value


def _cell(row: Mapping[str, Any], key: str, line: int, grid: FireGrid, name: str) -> Shape:
    """Cell2Fire counts cells from 1, row by row from the north-west."""
    value, count = _number(row, key, line, name), grid.rows * grid.columns
    if value != int(value) or not 1 <= value <= count:
        raise InputError(f"{name} row {line}: cell {value:g} is outside the landscape's 1 to {count:,}")
    down, right = divmod(int(value) - 1, grid.columns)
    return [(grid.west + (right + 0.5) * grid.cell_m, grid.north - (down + 0.5) * grid.cell_m)], False, None


def _hotspots(payload: bytes, name: str) -> list[Hotspot]:
    try:
        return read_hotspots(payload, name)
    except DecodeError as error:
        raise InputError(str(error)) from None


def starts_of_hotspots(hotspots: list[Hotspot], grid: FireGrid) -> list[FireStart]:
    """Points with their times, one a hotspot; those outside the landscape are left out, low confidence too.

    Args:
        hotspots: As satellites saw them; each may lie anywhere in its pixel (`Hotspot.scan_m`, `track_m`).
        grid: Of the landscape.

    Raises:
        InputError: None of them lies on the landscape.
    """
    sure = [spot for spot in hotspots if spot.confidence != "low"]
    if not sure:
        raise InputError(f"hotspots: none of {len(hotspots)} is above low confidence")
    points = _moved([(spot.longitude, spot.latitude) for spot in sure], "EPSG:4326", grid, "hotspots")
    starts = []
    for (x, y), spot in zip(points, sure, strict=True):
        try:
            time = np.datetime64(spot.time.astimezone(UTC).replace(tzinfo=None), "s")
            starts += _inside([([(x, y)], False, time)], grid, "hotspots")
        except InputError as error:
            outside = error
    if not starts:
        raise InputError(f"none of {len(sure)} {outside}")
    return starts
