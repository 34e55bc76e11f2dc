"""Smoke of a wildfire at the ground, hour by hour: an experimental layer, of this fire alone.

What burned in an hour (heat, fine particles) is let go as puffs that rise with their heat, drift with the weather
stream's wind and spread with its stability (`formulas/smoke.py`). Nothing is deposited or formed on the way.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.fire import FireWeather, Landscape
from brise.conventions.grids import EARTH_RADIUS_KM, Grid
from brise.formulas.boundary_layer import MEMORY_H, mixing_height
from brise.formulas.fire.emissions import emission
from brise.formulas.fire.fuel_models import FUEL_MODELS, FuelModel
from brise.formulas.meteorology import wind_components
from brise.formulas.smoke import Puffs, join, plume_rise, stability, wind_aloft, within
from brise.formulas.sun import solar_position
from brise.products.fire_release import crown_fuel, hour_of
from brise.products.fire_run import FireResult

PRODUCT = "smoke"
Array = NDArray[np.float64]
LonLat = Callable[[Array, Array], tuple[Array, Array]]

STEP = 0.01
"""Degrees of a cell of the map: about a kilometre."""

REACH = 0.55
"""Degrees that the map reaches beyond the fire."""

BLOCKS = 8
"""Sources lie on at most so many by so many blocks; each block's heat rises as one plume."""

BLOCK_M = 1_000.0
CONVECTIVE = 0.83
"""Share of the heat that rises; the rest is radiated (Freeborn et al. 2008, JGR 113, D01301: 11.7 to 17 %)."""

LOFTED = 0.75
"""Share of the particles that rise with the heat; the rest smoulders at the ground (Lavdas 1996, VSMOKE)."""

UNDER_LID = 0.8
"""A plume that would rise above the mixing height stays at this share of it: ground values err on the high side."""

SENTENCES = (
    "Experimental: puffs of this fire alone, over flat ground, with one wind for the whole map; nothing is deposited.",
    "Of the heat 83 % rises; of the particles 75 % rise with it, the rest smoulders at the ground.",
)
TWENTY_FEET_TO_TEN_METRES = 1.15
_DEGREE_M = EARTH_RADIUS_KM * 1000 * np.pi / 180
_SUBSTEPS = (12, 60)
_SMOULDER_M = 10.0
_FORGOTTEN = 4.0  # sides beyond the map


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What a fire gave off: H hours from its start, at N places.

    Attributes:
        start: UTC.
        latitude: (N) degrees.
        longitude: (N) degrees.
        heat: (H, N) J within each hour.
        pm25: (H, N) kg within each hour.
        side_m: Of the ground that a place stands for, m.
    """

    start: np.datetime64
    latitude: Array
    longitude: Array
    heat: Array
    pm25: Array
    side_m: float


@dataclass(frozen=True, slots=True, eq=False)
class Smoke:
    """Fine particles of a fire at the ground.

    Attributes:
        grid: Of the map.
        time: (H) ends of the hours, UTC.
        pm25: (H, Y, X) µg m-3, mean over the hour and the cell.
        heat: (H) J.
        emitted: (H) kg.
        plume: (H) m, middle of the highest plume let go in the hour; NaN = none.
        stability: (H) Pasquill's class, 0 = A.
        lid: (H) mixing height, m.
        within: kg over the map at the end, at any height.
        left: kg that the wind took off the map.
        assumptions: In sentences.
    """

    grid: Grid
    time: NDArray[np.datetime64]
    pm25: NDArray[np.float32]
    heat: Array
    emitted: Array
    plume: Array
    stability: NDArray[np.intp]
    lid: Array
    within: float
    left: float
    assumptions: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Air:
    """The air of each hour."""

    east: Array
    north: Array
    kind: NDArray[np.intp]
    lid: Array
    temperature: Array


def source_of(
    landscape: Landscape, result: FireResult, lonlat: LonLat, models: Mapping[int, FuelModel] = FUEL_MODELS
) -> Source | None:
    """What a fire gave off by hour, gathered on squares of BLOCK_M / 2; None where nothing burned.

    A cell gives off all that it has in the hour in which fire came.

    Args:
        landscape: What burned.
        result: When, and which share of the crowns.
        lonlat: Longitudes and latitudes of x and y in the landscape's plane.
        models: Those that its fuel numbers may mean.
    """
    row, column = np.nonzero(np.isfinite(result.arrival))
    if not len(row):
        return None
    hour, hours = hour_of(result, (row, column))
    grid = result.grid
    _, heat, pm25 = emission(landscape.fuel[row, column], crown_fuel(landscape, result, (row, column)), models)
    side = max(1, round(BLOCK_M / 2 / grid.cell_m))
    block, which = np.unique((row // side) * (grid.columns // side + 1) + column // side, return_inverse=True)
    count = np.bincount(which)
    x, y = (np.asarray(np.bincount(which, at + 0.5) / count) * grid.cell_m for at in (column, row))
    longitude, latitude = lonlat(grid.west + x, grid.north - y)

    def by_hour(values: Array) -> Array:
        table = np.bincount(hour * len(block) + which, values * grid.cell_m**2, hours * len(block))
        return np.asarray(table, float).reshape(hours, len(block))

    start = result.start.astype("datetime64[s]")
    return Source(start, latitude, longitude, by_hour(heat), by_hour(pm25), side * grid.cell_m)


def compute(source: Source, weather: FireWeather) -> Smoke:
    """The smoke of a source in its weather.

    Args:
        source: What the fire gave off.
        weather: Covers the hours; a row holds until the next one.

    Raises:
        InputError: No places, or figures that are negative or NaN.
    """
    _check(source)
    hours = len(source.heat)
    places = _blocks(source)
    grid = _grid(source)
    air = _air(source, weather, hours)
    across = _DEGREE_M * np.cos(np.radians(_middle(source)[0]))
    east = (np.append(grid.longitude, grid.longitude[-1] + STEP) - STEP / 2 - _middle(source)[1]) * across
    north = (np.append(grid.latitude, grid.latitude[-1] - STEP) + STEP / 2 - _middle(source)[0]) * _DEGREE_M
    cloud = Puffs(*(np.zeros(0) for _ in range(6)))
    pm25 = np.zeros((hours, grid.rows, grid.columns), np.float32)
    plume, left = np.full(hours, np.nan), 0.0
    for hour in range(hours):
        fresh = _fresh(places, hour, air, source.side_m)
        if len(fresh.mass):
            plume[hour] = float(fresh.height.max())
        cloud, mean = _an_hour(cloud, fresh, (east, north), (air, hour))
        pm25[hour] = mean * 1e9
        near = _near(cloud, east, north)
        left += float(cloud.mass[~near].sum())
        cloud = cloud.keep(near)
    inside = float((cloud.mass * _share_within(cloud, east, north)).sum())
    return Smoke(
        grid=grid,
        time=source.start + np.arange(1, hours + 1).astype("timedelta64[h]"),
        pm25=pm25,
        heat=source.heat.sum(axis=1),
        emitted=source.pm25.sum(axis=1),
        plume=plume,
        stability=air.kind,
        lid=air.lid,
        within=inside,
        left=left + float(cloud.mass.sum()) - inside,
        assumptions=SENTENCES,
    )


def _check(source: Source) -> None:
    if not len(source.latitude) or source.heat.shape != source.pm25.shape or source.heat.ndim != 2:
        raise InputError(
            f"smoke: {len(source.latitude)} places, heat of shape {source.heat.shape}, pm25 {source.pm25.shape}"
        )
    for name, values in (("heat", source.heat), ("pm25", source.pm25)):
        bad = ~(np.isfinite(values) & (values >= 0))
        if bad.any():
            hour, place = np.argwhere(bad)[0]
            raise InputError(f"smoke: {name} of hour {hour} at place {place} is {values[hour, place]}")


def _middle(source: Source) -> tuple[float, float]:
    return (
        float(source.latitude.min() + source.latitude.max()) / 2,
        float(source.longitude.min() + source.longitude.max()) / 2,
    )


def _grid(source: Source) -> Grid:
    """Whole steps round the fire, as wide in metres as it is high."""
    middle = _middle(source)
    wider = REACH / max(float(np.cos(np.radians(middle[0]))), 0.1)
    north = np.ceil((source.latitude.max() + REACH) / STEP) * STEP
    west = np.floor((source.longitude.min() - wider) / STEP) * STEP
    rows = round((north - np.floor((source.latitude.min() - REACH) / STEP) * STEP) / STEP) + 1
    columns = round((np.ceil((source.longitude.max() + wider) / STEP) * STEP - west) / STEP) + 1
    return Grid(PRODUCT, round(float(north), 6), round(float(west), 6), STEP, int(rows), int(columns))


def _blocks(source: Source) -> tuple[Array, Array, Array, Array, float]:
    """Sources gathered: x and y (N), heat and particles (H, N), and the side of a block, m."""
    latitude, longitude = _middle(source)
    x = (source.longitude - longitude) * _DEGREE_M * np.cos(np.radians(latitude))
    y = (source.latitude - latitude) * _DEGREE_M
    side = max(BLOCK_M, source.side_m, float(np.ptp(x)) / BLOCKS, float(np.ptp(y)) / BLOCKS)
    key = np.floor(x / side).astype(int) * 100_000 + np.floor(y / side).astype(int)
    found, which = np.unique(key, return_inverse=True)
    count, weight = len(found), source.pm25.sum(axis=0) + 1e-12
    total = np.bincount(which, weight, count)

    def gathered(rows: Array) -> Array:
        return np.stack([np.asarray(np.bincount(which, row, count), float) for row in rows])

    middle = [np.asarray(np.bincount(which, weight * at, count) / total) for at in (x, y)]
    return middle[0], middle[1], gathered(source.heat), gathered(source.pm25), min(side, max(source.side_m, BLOCK_M))


def _air(source: Source, weather: FireWeather, hours: int) -> _Air:
    """Wind, stability and lid of each hour, at its middle."""
    latitude, longitude = _middle(source)
    middle = source.start.astype("datetime64[s]") + np.timedelta64(1800, "s") + np.arange(-MEMORY_H, hours) * 3600
    row = np.clip(np.searchsorted(weather.time, middle, side="right") - 1, 0, len(weather.time) - 1)
    speed = weather.wind_speed * (TWENTY_FEET_TO_TEN_METRES if weather.wind_height == "20ft" else 1.0)
    elevation = solar_position(middle, latitude, longitude)[0]
    sky = weather.cloud[row]
    clear = 1.0 - 0.75 * np.where(np.isnan(sky), 0.5, sky) ** 3.4  # Kasten and Czeplak 1980
    now = row[MEMORY_H:]
    temperature = weather.temperature[now]
    east, north = wind_components(speed[now], weather.wind_from[now])
    return _Air(
        east,
        north,
        stability(speed[now], elevation[MEMORY_H:], sky[MEMORY_H:]),
        mixing_height(np.sin(np.radians(elevation)) * clear, speed[now]),
        np.where(np.isnan(temperature), 288.15, temperature),
    )


def _fresh(places: tuple[Array, Array, Array, Array, float], hour: int, air: _Air, side_m: float) -> Puffs:
    """What an hour lets go: rising and smouldering puffs, whole."""
    x, y, heat, mass, side = places
    lit = mass[hour] > 0
    power = heat[hour, lit] * CONVECTIVE / 3600.0
    wind = float(np.hypot(air.east[hour], air.north[hour]))
    kind, lid = air.kind[hour], float(air.lid[hour])
    rise = plume_rise(power, wind_aloft(wind, 50.0, kind), kind, air.temperature[hour])
    height = np.minimum(np.maximum(rise, _SMOULDER_M), UNDER_LID * lid)
    ground = max(side, side_m) / 4.3  # a square as a Gaussian (ISC3's area sources by volume)
    rising = Puffs(x[lit], y[lit], mass[hour, lit] * LOFTED, height, np.hypot(ground, height / 3.5), height / 3.5)
    low = np.full(int(lit.sum()), _SMOULDER_M)
    smoulder = Puffs(x[lit], y[lit], mass[hour, lit] * (1 - LOFTED), low, np.full(len(low), ground), low / 2.15)
    return join(rising, smoulder)


def _an_hour(cloud: Puffs, fresh: Puffs, edges: tuple[Array, Array], air: tuple[_Air, int]) -> tuple[Puffs, Array]:
    """Let an hour pass: the cloud after it, and the hour's mean concentration at the ground, kg m-3.

    Within the hour the air does not change, so all that one place lets go takes the same way: smoke of each age is
    drawn once, as often as it is there. Older smoke is wider, so half as many steps and puffs do.
    """
    now, hour = air
    wind, kind, lid = (float(now.east[hour]), float(now.north[hour])), int(now.kind[hour]), float(now.lid[hour])
    fastest = float(wind_aloft(np.hypot(*wind), 200.0, kind))
    steps = int(np.clip(np.ceil(3600.0 * fastest / (0.7 * STEP * _DEGREE_M)), *_SUBSTEPS))
    mean = np.zeros((len(edges[1]) - 1, len(edges[0]) - 1))
    for age in range(steps):
        seen = _aged(fresh, (wind, kind), 3600.0 * (age + 0.5) / steps, (steps - age - 0.5) / steps**2)
        mean += seen.ground(*edges, lid)
    fewer = (steps + 1) // 2
    for _ in range(fewer if len(cloud.mass) else 0):
        cloud.move(wind, kind, 1800.0 / fewer)
        mean += cloud.ground(*edges, lid) / fewer
        cloud.move(wind, kind, 1800.0 / fewer)
    for age in range(fewer):
        cloud = join(cloud, _aged(fresh, (wind, kind), 3600.0 * (age + 0.5) / fewer, 1.0 / fewer))
    return cloud, mean


def _aged(fresh: Puffs, air: tuple[tuple[float, float], int], seconds: float, share: float) -> Puffs:
    """A share of what was let go, some time later."""
    out = Puffs(fresh.x, fresh.y, fresh.mass * share, fresh.height, fresh.side, fresh.up)
    out.move(*air, seconds)
    return out


def _near(cloud: Puffs, east: Array, north: Array) -> NDArray[np.bool_]:
    """Puffs that still touch the map."""
    margin = _FORGOTTEN * cloud.side
    inside = (cloud.x > east[0] - margin) & (cloud.x < east[-1] + margin)
    return np.asarray(inside & (cloud.y > north[-1] - margin) & (cloud.y < north[0] + margin))


def _share_within(cloud: Puffs, east: Array, north: Array) -> Array:
    columns = within(east[[0, -1]], cloud.x, cloud.side)[:, 0]
    rows = -within(north[[0, -1]], cloud.y, cloud.side)[:, 0]
    return np.asarray(columns * rows)
