"""Landscapes from LCP files, GeoTIFF stacks, and folders of GeoTIFF or ESRI ASCII layers.

A folder may hold a `landscape.toml` that says what names leave open (its path may also be given instead of the folder):

    crs = "EPSG:3812"                                     # where the files name none
    [layers]
    fuel = "codes.tif"
    slope = { file = "slope.tif", unit = "degrees" }      # or percent, fraction
    elevation = { file = "stack.tif", band = 2, unit = "m" }

Layers: fuel, elevation, slope, aspect (where the ground faces) or upslope (the opposite), canopy_cover, canopy_height,
canopy_base, canopy_density; the units are those of `fire_layers.UNITS`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.warp import transform_bounds

from brise.conventions.errors import InputError, NotFoundError
from brise.conventions.fire import Landscape
from brise.formulas.fire.fuel_models import FUEL_MODELS, NON_BURNABLE, FuelModel
from brise.formulas.fire.terrain import slope_and_aspect
from brise.io.sources.fire_layers import UNDECLARED, UNITS, Meaning, meaning_of, meanings, written_unit
from brise.io.sources.fire_rasters import (
    Band,
    Bounds,
    Frame,
    cropped,
    frame_of,
    grid_of,
    metric,
    opened,
    read_band,
)

Array32 = NDArray[np.float32]

_SUFFIXES = (".tif", ".tiff", ".asc")
_LCP_TAGS = {
    1: ("elevation", "ELEVATION_UNIT_NAME"), 2: ("slope", "SLOPE_UNIT_NAME"), 3: ("aspect", "ASPECT_UNIT_NAME"),
    4: ("fuel", ""), 5: ("canopy_cover", "CANOPY_COV_UNIT_NAME"), 6: ("canopy_height", "CANOPY_HT_UNIT_NAME"),
    7: ("canopy_base", "CBH_UNIT_NAME"), 8: ("canopy_density", "CBD_UNIT_NAME"),
}  # fmt: skip
_CANOPY = ("canopy_cover", "canopy_height", "canopy_base", "canopy_density")
_MOST = {"slope": 20.0, "canopy_cover": 1.0, "canopy_height": 130.0, "canopy_base": 130.0, "canopy_density": 5.0}
"""Largest value that is possible, SI: more is another unit."""

_STEEP = 0.05  # from where slope and elevation are compared
_FEWEST_STEEP = 100
_COMPARED = 1_000_000  # cells at most, or nearly
_BLOCK = 256  # rows


@dataclass(frozen=True, slots=True)
class _Found:
    """What the files turned out to be.

    Attributes:
        bands: By layer.
        notes: What was decided.
        declared: Whether the user himself declared the slope.
        crs: That he declared.
    """

    bands: dict[str, Band]
    notes: tuple[str, ...] = ()
    declared: bool = False
    crs: str = ""


@dataclass(frozen=True, slots=True)
class LandscapeOptions:
    """How to read a landscape.

    Attributes:
        window: (west, south, east, north) to crop to, in `window_crs`.
        window_crs: Such as "EPSG:4326"; "" = the plane of the landscape's grid.
        slope_unit: "percent", "degrees" or "fraction", over whatever the files say; "" = as they say.
        whole_degrees: Round slopes to whole degrees, as an LCP file (and so FlamMap) holds them.
        fuel_models: By number, those that the fuel layer may hold beside non-burnable ones.
    """

    window: Bounds | None = None
    window_crs: str = ""
    slope_unit: str = ""
    whole_degrees: bool = False
    fuel_models: Mapping[int, FuelModel] = field(default_factory=lambda: FUEL_MODELS)


def read_landscape(path: Path, options: LandscapeOptions | None = None) -> Landscape:
    """Read a landscape from an LCP, a multi-band GeoTIFF, a folder of layers, or a `landscape.toml`.

    Headers are read first: too many cells, or layers that do not lie on each other, are refused before any value is
    read. What is missing or was decided is said in the landscape's `assumptions`.

    Args:
        path: The file or folder.
        options: How to read it.

    Raises:
        NotFoundError: There is no such file or folder.
        InputError: What is wrong, with the file and the value.
    """
    chosen = options or LandscapeOptions()
    if chosen.slope_unit and chosen.slope_unit not in UNITS["slope"]:
        raise InputError(f"slope unit {chosen.slope_unit!r}: one of {', '.join(UNITS['slope'])}")
    found = _found(path)
    bands, notes = found.bands, list(found.notes)
    if chosen.slope_unit and "slope" in bands:
        bands["slope"] = replace(bands["slope"], unit=chosen.slope_unit)
        found = replace(found, declared=True)
    if "fuel" not in bands:
        raise InputError(f"{path.name}: no fuel layer; found {', '.join(sorted(bands)) or 'no layer'}")
    _check_units(bands, path.name)
    source = frame_of(list(bands.values()), found.crs)
    plane, warped = metric(source, path.name)
    target, first = cropped(plane, _window(chosen, plane, path.name), path.name)
    if warped:
        notes.append(f"warped from {source.crs.to_string()[:40]} to {target.crs.to_string()}, fuel by nearest cell")
    layers = {
        name: _in_si(read_band(band, source, target, first, warped), band)
        for name, band in bands.items()
        if name != "fuel"
    }
    codes = read_band(bands["fuel"], source, target, first, warped)
    fuel = _fuel(codes, target, chosen.fuel_models, bands["fuel"].path.name)
    return _landscape(target, fuel, layers, (chosen, notes, found.declared))


def _window(options: LandscapeOptions, plane: Frame, name: str) -> Bounds | None:
    if options.window is None or not options.window_crs:
        return options.window
    if plane.crs is None:
        raise InputError(f"{name}: a window in {options.window_crs}, but the landscape names no reference system")
    west, south, east, north = transform_bounds(options.window_crs, plane.crs, *options.window)
    return float(west), float(south), float(east), float(north)


def _found(path: Path) -> _Found:
    if not path.exists():
        raise NotFoundError(f"{path}: no such landscape")
    if path.is_dir():
        own = path / "landscape.toml"
        return _declared(own) if own.is_file() else _folder(path)
    if path.suffix.lower() == ".toml":
        return _declared(path)
    with opened(path) as raster:
        if raster.driver == "LCP":
            return _Found(_lcp(path, raster))
        if raster.count > 1:
            return _Found(_stack(path, raster))
    named = meaning_of(path.stem)
    if named is None or named.layer != "fuel":
        raise InputError(f"{path.name}: one band, and its name does not say that it is fuel; give the folder instead")
    return _Found({"fuel": Band(path, 1, "fuel", "")})


def _lcp(path: Path, raster: Any) -> dict[str, Band]:
    found = {}
    for index in range(1, min(raster.count, len(_LCP_TAGS)) + 1):
        layer, tag = _LCP_TAGS[index]
        label = str(raster.tags(index).get(tag, "")) if tag else ""
        unit = written_unit(layer, label, path.name) if tag else ""
        found[layer] = Band(path, index, layer, unit)
    return found


def _stack(path: Path, raster: Any) -> dict[str, Band]:
    found: dict[str, tuple[Meaning, Band]] = {}
    for index, label in zip(raster.indexes, raster.descriptions, strict=True):
        meaning = meaning_of(label or "")
        if meaning is None:
            continue
        unit = str(raster.units[index - 1] or raster.tags(index).get("UnitOfMeasure", ""))
        stated = "" if meaning.layer == "fuel" else written_unit(meaning.layer, unit, path.name)
        chosen = meaning.unit if stated in ("", UNDECLARED) else stated
        old = found.get(meaning.layer)
        if old is None or meaning.rank < old[0].rank:
            found[meaning.layer] = (meaning, Band(path, index, meaning.layer, chosen))
    if not found:
        raise InputError(
            f"{path.name}: {raster.count} bands without names of layers (such as 'Fuel Model'); "
            "say what they are in a landscape.toml"
        )
    return {layer: band for layer, (_, band) in found.items()}


def _folder(path: Path) -> _Found:
    files = {each.stem: each for each in sorted(path.iterdir()) if each.suffix.lower() in _SUFFIXES and each.is_file()}
    named, layout = meanings(list(files))
    if not named:
        return _found(_whole(path, list(files.values())))
    notes = [layout] if layout else []
    best: dict[str, tuple[Meaning, Path]] = {}
    for stem, meaning in named.items():
        old = best.get(meaning.layer)
        if old is not None and old[0].rank == meaning.rank:
            raise InputError(
                f"{path.name}: {old[1].name} and {files[stem].name} both give {meaning.layer}; "
                "take one away, or say which in a landscape.toml"
            )
        if old is None or meaning.rank < old[0].rank:
            best[meaning.layer] = (meaning, files[stem])
        if old is not None:
            used = best[meaning.layer][1].name
            notes.append(f"two files give {meaning.layer}: {used} is used")
    if strange := [file.name for stem, file in files.items() if stem not in named]:
        more = f" and {len(strange) - 5} more" if len(strange) > 5 else ""
        notes.append(f"not used, as their names are no layer's: {', '.join(strange[:5])}{more}")
    if "fuel" not in best:
        raise InputError(f"{path.name}: no fuel layer among {', '.join(file.name for file in files.values())[:200]}")
    return _Found({layer: Band(file, 1, layer, m.unit) for layer, (m, file) in best.items()}, tuple(notes))


def _whole(path: Path, files: list[Path]) -> Path:
    """The one file of a folder that holds a landscape by itself: its LCP, else its GeoTIFF of several bands."""
    stacks = [each for each in sorted(path.iterdir()) if each.suffix.lower() == ".lcp"]
    if not stacks:
        for file in files:
            with opened(file) as raster:
                stacks += [file] if raster.count > 1 else []
    if len(stacks) != 1:
        among = ", ".join(file.name for file in [*stacks, *files])[:200] or "nothing"
        raise InputError(f"{path.name}: no file has the name of a layer; found {among}")
    return stacks[0]


def _declared(path: Path) -> _Found:
    try:
        said_all = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name}: not TOML: {error}") from None
    table, crs = said_all.get("layers"), said_all.get("crs", "")
    if not isinstance(table, dict) or not table or not isinstance(crs, str) or said_all.keys() - {"layers", "crs"}:
        raise InputError(f"{path.name}: a table [layers], and maybe crs, is wanted")
    bands = {layer: _entry(path, layer, said) for layer, said in table.items()}
    return _Found(bands, declared="slope" in bands, crs=crs)


def _entry(path: Path, layer: str, said: Any) -> Band:
    """One layer of a landscape.toml."""
    entry = {"file": said} if isinstance(said, str) else said
    if layer not in UNITS:
        raise InputError(f"{path.name}: layer {layer!r} is none of {', '.join(UNITS)}")
    if not isinstance(entry, dict) or not isinstance(entry.get("file"), str) or entry.keys() - _ENTRY:
        raise InputError(f"{path.name}: {layer} wants a file, and may have a band and a unit; got {said!r}")
    file = path.parent / entry["file"]
    if not file.is_file():
        raise NotFoundError(f"{path.name}: {layer}: no file {entry['file']}")
    index, usual = entry.get("band", 1), meaning_of(file.stem)
    with opened(file) as raster:
        if not isinstance(index, int) or not 1 <= index <= raster.count:
            raise InputError(f"{path.name}: {layer}: band {index!r} of {file.name}, which has {raster.count}")
    implied = usual.unit if usual is not None and usual.layer == layer else _USUAL.get(layer, UNDECLARED)
    return Band(file, index, layer, str(entry.get("unit", implied)))


_USUAL = {"fuel": "", "elevation": "m", "aspect": "degrees", "upslope": "degrees"}
_ENTRY = {"file", "band", "unit"}


def _check_units(bands: dict[str, Band], name: str) -> None:
    for layer, band in bands.items():
        known = ", ".join(filter(None, UNITS[layer]))
        if band.unit == UNDECLARED:
            if layer != "slope":
                continue  # a layer of zeros needs none; the values are looked at later
            raise InputError(
                f"{name}: {band.path.name} does not say whether slope is in degrees or percent; rename it "
                "slope_degrees or slope_percent, or declare its unit in a landscape.toml"
            )
        if band.unit not in UNITS[layer]:
            raise InputError(f"{name}: {layer} in {band.unit!r}; units of it: {known}")


def _in_si(values: Array32, band: Band) -> Array32:
    """The layer in SI; aspect and the like in degrees clockwise from north."""
    if band.unit == UNDECLARED:
        if np.nanmax(values, initial=0.0) > 0:
            known = ", ".join(UNITS[band.layer])
            raise InputError(
                f"{band.path.name}: {band.layer} without a unit, largest {np.nanmax(values):g}; "
                f"declare one of {known} in a landscape.toml"
            )
        return values
    if band.layer == "slope" and band.unit == "degrees":
        _within(values, band, 0.0, 89.0, "degrees")
        return np.tan(np.radians(values))
    if band.layer in ("aspect", "upslope"):
        values[values < 0] = np.nan  # LANDFIRE and FARSITE write -1 (or -9999) for flat ground
        _within(values, band, 0.0, 361.0, "degrees")
        if band.unit == "grass degrees":
            values[values == 0] = np.nan  # GRASS writes 0 for flat ground
            return (90.0 - values) % 360.0
        return (values + (180.0 if band.layer == "upslope" else 0.0)) % 360.0
    out = values * np.float32(UNITS[band.layer][band.unit])
    if band.layer in _MOST:
        _within(out, band, 0.0, _MOST[band.layer], f"after reading it in {band.unit}")
    return out


def _within(values: Array32, band: Band, low: float, high: float, how: str) -> None:
    bad = (values < low) | (values > high * (1 + 1e-6))
    if bad.any():
        row, column = (int(k[0]) for k in np.nonzero(bad))
        raise InputError(
            f"{band.path.name}: {band.layer} {values[row, column]:g} {how} at row {row + 1}, column {column + 1} "
            f"is outside {low:g} to {high:g}; is the unit right?"
        )


def _fuel(codes: Array32, frame: Frame, models: Mapping[int, FuelModel], name: str) -> NDArray[np.int16]:
    """The fuel layer; a code that no table holds is refused with its count and first place."""
    known = np.zeros(1 << 15, bool)
    known[[*models, *NON_BURNABLE]] = True
    whole = np.where(np.isnan(codes) | (codes == 0), np.float32(-1), codes)  # no scheme of models has a number 0
    at = np.clip(whole, 0, known.size - 1).astype(np.int16)
    bad = (whole != -1) & ((at != whole) | ~known[at])
    if bad.any():
        found, counts = np.unique(whole[bad], return_counts=True)
        row, column = (int(k[0]) for k in np.nonzero(whole == found[0]))
        x, y = frame.transform @ (column + 0.5, row + 0.5)
        more = f" (and {', '.join(f'{c:g}' for c in found[1:6])})" if len(found) > 1 else ""
        raise InputError(
            f"{name}: fuel model {found[0]:g}{more} is not known: {counts[0]} of {codes.size} cells, first at row "
            f"{row + 1}, column {column + 1} (x {x:.1f}, y {y:.1f}); give it in a fuel-model file"
        )
    if (whole == -1).all():
        raise InputError(f"{name}: no fuel anywhere: every cell is without a value")
    return whole.astype(np.int16)


def _landscape(
    frame: Frame,
    fuel: NDArray[np.int16],
    layers: dict[str, Array32],
    how: tuple[LandscapeOptions, list[str], bool],
) -> Landscape:
    options, notes, declared = how
    facing = layers.pop("upslope", None)
    if facing is not None:
        layers["aspect"] = facing
    grid = grid_of(frame)
    slope, aspect, said = _ground(layers, fuel, grid.cell_m, declared)
    if options.whole_degrees and slope is not None:
        slope = np.tan(np.radians(np.rint(np.degrees(np.arctan(slope)))))
        said = [*said, "slopes rounded to whole degrees, as an LCP file holds them"]
    canopy, told = _canopy(layers, fuel)
    burnable = fuel > -1
    if not burnable.all():
        notes = [*notes, f"{int((~burnable).sum())} of {fuel.size} cells have no fuel value: they do not burn"]
    cover, height, base, density = (canopy.get(name) for name in _CANOPY)
    return Landscape(
        grid, fuel, layers.get("elevation"), slope, aspect, cover, height, base, density, (*notes, *said, *told)
    )


def _ground(
    layers: dict[str, Array32], fuel: NDArray[np.int16], cell_m: float, declared: bool
) -> tuple[Array32 | None, Array32 | None, list[str]]:
    """Slope and aspect of every cell, and what was decided: the layers, or the elevation where they fail."""
    slope, aspect, elevation = (layers.get(name) for name in ("slope", "aspect", "elevation"))
    by_height = None
    if elevation is not None and not np.isnan(elevation).all():
        by_height = _by_height(elevation, cell_m)
    if slope is None or aspect is None:
        lacking = " and ".join(n for n, layer in (("slope", slope), ("aspect", aspect)) if layer is None)
        if by_height is None:
            return None, None, [f"no {lacking} and no elevation: the ground is taken as flat"]
        return *by_height, [f"no {lacking}: slope and aspect from the elevation (Horn 1981)"]
    if by_height is not None and (trouble := contradiction((slope, aspect), by_height)):
        if not declared:
            return *by_height, [f"{trouble}; slope and aspect are taken from the elevation instead (Horn 1981)"]
        return *_filled(slope, aspect, fuel)[:2], [f"{trouble}; used as declared", *_filled(slope, aspect, fuel)[2]]
    return _filled(slope, aspect, fuel)


def _by_height(elevation: Array32, cell_m: float) -> tuple[Array32, Array32]:
    """Slope and aspect of the elevation, some rows at a time: the arithmetic wants a dozen arrays."""
    steep, facing = np.empty_like(elevation), np.empty_like(elevation)
    for top in range(0, len(elevation), _BLOCK):
        above, below = min(top, 1), min(top + _BLOCK, len(elevation))
        found = slope_and_aspect(elevation[top - above : below + 1], cell_m)
        for layer, values in zip((steep, facing), found, strict=True):
            layer[top:below] = values[above : above + below - top]
    return steep, facing


def contradiction(given: tuple[Array32, Array32], by_height: tuple[Array32, Array32]) -> str:
    """What the elevation says against the slope and aspect layers, or "": a wrong unit, or the opposite direction.

    Compared where both are above 5 %: a slope in percent taken for degrees is 1.75 times too steep and the reverse 0.57
    times, so a median outside 0.72 to 1.4 is neither rounding nor another smoothing; an aspect that is really uphill
    points the other way.
    """
    every = max(1, int(np.sqrt(given[0].size / _COMPARED)))
    slope, aspect, steep, facing = (layer[::every, ::every] for layer in (*given, *by_height))
    with np.errstate(invalid="ignore"):
        both = (slope > _STEEP) & (steep > _STEEP) & np.isfinite(aspect) & np.isfinite(facing)
    if both.sum() < _FEWEST_STEEP:
        return ""
    ratio = float(np.median(slope[both] / steep[both]))
    along = float(np.median(np.cos(np.radians((aspect - facing)[both]))))
    said = []
    if not 0.72 < ratio < 1.4:
        said.append(f"the slope layer, read in its unit, is {ratio:.2f} times as steep as the elevation makes it")
    if along < 0:
        said.append("the aspect layer points uphill by the elevation" if along < -0.7 else "aspect does not follow it")
    return " and ".join(said)


def _filled(slope: Array32, aspect: Array32, fuel: NDArray[np.int16]) -> tuple[Array32, Array32, list[str]]:
    said = []
    unknown = np.isnan(slope) & (fuel > -1)
    if unknown.any():
        slope = np.where(unknown, np.float32(0.0), slope)
        said.append(f"slope unknown in {int(unknown.sum())} cells with fuel: taken as flat")
    blind = np.isnan(aspect) & (slope > 0) & (fuel > -1)
    if blind.any():
        aspect = np.where(blind, np.float32(0.0), aspect)
        said.append(f"aspect unknown in {int(blind.sum())} sloping cells: taken as north, as FlamMap does")
    return slope, aspect, said


def _canopy(layers: dict[str, Array32], fuel: NDArray[np.int16]) -> tuple[dict[str, Array32], list[str]]:
    there = {name: layers[name] for name in _CANOPY if name in layers}
    said = []
    for name, values in there.items():
        unknown = np.isnan(values) & (fuel > -1)
        if unknown.any():
            there[name] = np.where(unknown, np.float32(0.0), values)
            said.append(f"{name} unknown in {int(unknown.sum())} cells with fuel: taken as none")
    if not {"canopy_cover", "canopy_height"} <= there.keys():
        said.append("no canopy cover and height: the wind reaches the flames as in the open")
    if not {"canopy_base", "canopy_density"} <= there.keys():
        said.append("no canopy base and density: surface fire only")
    elif not there["canopy_density"].any():
        said.append("the canopy's density is 0 everywhere: surface fire only")
    return there, said
