"""One fire on a scene: the smallest window that holds it, its tables of spread, its front, and what its flames did.

A fire burns little of most landscapes. So a window round the ignitions is made ready, and a larger one only where the
front reached its rim: cost and memory follow the fire, not the map.
"""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.fire import FireGrid, FireStart, FireWeather, Landscape
from brise.formulas.fire.front import Clock, Front, Ignition, Spread, front
from brise.formulas.fire.front_spotting import Spotting, front_with_spotting
from brise.formulas.north import convergence
from brise.products.fire_embers import FARTHEST_M, embers_of
from brise.products.fire_ground import Terrain, Window, terrain_of
from brise.products.fire_ignition import Placed, burnable, lit_cells, place
from brise.products.fire_moisture import moistures
from brise.products.fire_run import Array32, FireOptions
from brise.products.fire_sun import Shadows, shadows_of
from brise.products.fire_tables import Beds, beds_of, flames, heads, table
from brise.products.fire_weather import Slots, slots

Array = NDArray[np.float64]

FIRST_REACH = 32
"""Cells from the ignitions to the rim of the first window."""
MAX_TABLE_CELLS = 400_000_000
"""Cells times rows of weather that are held at once: 12 bytes each."""
CUT_UP_TO = 60_000_000
"""Cells times rows of weather times members up to which cells are cut in parts: a minute or so of one core."""
_PARTS = 3
_MOST_WET = 3.0
_TOLD_FROM = 0.5  # degrees between the norths


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """How one possible fire differs from the inputs.

    Attributes:
        wind_speed: (T) or a number that multiplies.
        wind_turn: (T) or a number, degrees clockwise.
        dead: Of the moisture of dead fuel.
        live: Of the moisture of live fuel.
        rate: Of the rate of spread.
        fuel: Of the rate of spread, by fuel model.
        shift: Eastward and northward, m, of the ignitions.
        seed: Of the embers.
    """

    wind_speed: Array | float = 1.0
    wind_turn: Array | float = 0.0
    dead: float = 1.0
    live: float = 1.0
    rate: float = 1.0
    fuel: dict[int, float] = field(default_factory=dict)
    shift: tuple[float, float] = (0.0, 0.0)
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """A window made ready: its terrain, the moistures (T, 5, E) of the rows in use, and what they assume."""

    terrain: Terrain
    moisture: Array
    assumptions: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Checked inputs: what any number of possible fires have in common; `kept` remembers windows made ready.

    `north` is where the grid's north points at the ignition, degrees clockwise from true north.
    """

    landscape: Landscape
    weather: FireWeather
    options: FireOptions
    placed: Placed
    slots: Slots
    clock: Clock
    north: float = 0.0
    shadows: Shadows | None = None
    kept: dict[Window, Ready] = field(default_factory=dict)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """All of them, once each."""
        wet = self.ready(self.window(FIRST_REACH)).assumptions
        turned = _told_north(self.north, self.options.grid_north)
        said = (*self.landscape.assumptions, *self.slots.assumptions, *self.placed.assumptions, *wet, *turned)
        return tuple(dict.fromkeys(said))

    def window(self, reach: int) -> Window:
        """The cells within `reach` of the ignitions."""
        rows = np.concatenate([each.rows for each in self.placed.ignitions])
        columns = np.concatenate([each.columns for each in self.placed.ignitions])
        return (
            max(int(rows.min()) - reach, 0),
            min(int(rows.max()) + reach + 2, self.landscape.grid.rows),
            max(int(columns.min()) - reach, 0),
            min(int(columns.max()) + reach + 2, self.landscape.grid.columns),
        )

    def ready(self, window: Window) -> Ready:
        """A window made ready, once."""
        if window not in self.kept:
            cells = (window[1] - window[0]) * (window[3] - window[2])
            if cells * len(self.slots.rows) > MAX_TABLE_CELLS:
                raise InputError(
                    f"the fire covers {cells:,} cells over {len(self.slots.rows)} rows of weather, over the limit of "
                    f"{MAX_TABLE_CELLS:,} cells times rows: fewer hours, coarser cells, or fewer rows"
                )
            sunlit = _sunlit(self.weather, self.options)
            terrain = terrain_of(self.landscape, window, self.options, sunlit, self.shadows)
            wet = moistures(self.weather, self.options, terrain.exposures, self.north)
            self.kept[window] = Ready(terrain, wet.values[self.slots.rows], wet.assumptions)
        return self.kept[window]


@dataclass(frozen=True, slots=True, eq=False)
class Burned:
    """One fire in its window (Y, X): seconds, m s-1, radians; NaN where it did not come.

    Attributes:
        window: Of the landscape.
        front: Arrival, direction and rate.
        beds: (T) of each row of weather, for what the flames did.
        reach: Of the window, in cells from the ignitions.
    """

    window: Window
    front: Front
    beds: tuple[Beds, ...]
    reach: int


@dataclass(frozen=True, slots=True, eq=False)
class Flames:
    """What the flames did in the cells that burned, flat in the window; attributes as in `fire_run.FireResult`."""

    cells: NDArray[np.intp]
    flame_length: Array32
    intensity: Array32
    kind: NDArray[np.int8]
    fraction: Array32


def scene_of(landscape: Landscape, weather: FireWeather, starts: list[FireStart], options: FireOptions) -> Scene:
    """The inputs, checked.

    Raises:
        InputError: As `fire_ignition.place`, `fire_weather.slots`, `fire_moisture.moistures` and `terrain_of` say; or
            no burn period lies within the simulation.
    """
    placed = place(landscape, starts, options)
    end = options.hours * 3600.0
    periods = []
    for opens, closes in options.burn_periods:
        first, last = ((moment - options.start) / np.timedelta64(1, "s") for moment in (opens, closes))
        if last > 0 and first < end:
            periods.append((max(float(first), 0.0), min(float(last), end)))
    if options.burn_periods and not periods:
        raise InputError(f"no burn period lies within {options.hours:g} h from {options.start}")
    north = north_at(landscape.grid, placed.ignitions)
    shadows = shadows_of(landscape, options, north) if _sunlit(weather, options) else None
    rows = slots(weather, options, 0.0 if options.grid_north else north)
    scene = Scene(landscape, weather, options, placed, rows, Clock(0.0, end, tuple(periods)), north, shadows)
    if options.embers:
        return replace(scene, options=replace(options, parts=1))
    return scene if options.parts else _with_parts(scene, max(options.members, 1))


def north_at(grid: FireGrid, ignitions: tuple[Ignition, ...]) -> float:
    """Where the grid's north points in the middle of the ignitions, degrees clockwise from true north.

    Raises:
        InputError: The grid's reference system cannot be read.
    """
    row = float(np.mean([row for each in ignitions for row in each.rows]))
    column = float(np.mean([column for each in ignitions for column in each.columns]))
    return convergence(grid.crs, grid.west + (column + 0.5) * grid.cell_m, grid.north - (row + 0.5) * grid.cell_m)


def _told_north(north: float, as_grid: bool) -> tuple[str, ...]:
    if abs(north) < _TOLD_FROM:
        return ()
    where = f"The grid's north points {abs(north):.1f} degrees {'east' if north > 0 else 'west'} of true north here"
    if as_grid:
        return (f"{where}; wind directions were taken from the grid's north, as asked.",)
    return (f"{where}; wind and sun were turned to the grid.",)


def _with_parts(scene: Scene, members: int) -> Scene:
    """The scene with as many parts a side of a cell as its fire and members afford."""
    whole = replace(scene, options=replace(scene.options, parts=1))
    window = burn(whole).window
    cells = (window[1] - window[0]) * (window[3] - window[2]) * len(scene.slots.rows) * members
    return replace(scene, options=replace(scene.options, parts=_PARTS)) if cells <= CUT_UP_TO else whole


def _sunlit(weather: FireWeather, options: FireOptions) -> bool:
    given = [
        name in weather.moisture or (options.moisture is not None and options.moisture[k] is not None)
        for k, name in enumerate(("moisture_1h", "moisture_10h", "moisture_100h"))
    ]
    return options.place is not None and not all(given) and bool(np.isfinite(weather.temperature).any())


def burn(scene: Scene, factors: Factors | None = None, reach: int = FIRST_REACH) -> Burned:
    """The fire of one set of factors, in a window that holds it.

    Args:
        scene: What all fires have in common.
        factors: None is the inputs as they are.
        reach: Of the first window, in cells.
    """
    factors = factors or Factors()
    ignitions = _shifted(scene, factors.shift)
    while True:
        window = scene.window(reach)
        ready = scene.ready(window)
        beds = tuple(_beds(scene, ready, factors))
        found = _front(scene, ready, (beds, ignitions), factors.seed)
        if not _at_rim(found.arrival, window, scene):
            return Burned(window, found, beds, reach)
        reach *= 2


def flames_of(scene: Scene, burned: Burned) -> Flames:
    """What the flames did in every cell that burned."""
    terrain = scene.ready(burned.window).terrain
    arrival = burned.front.arrival.ravel()
    cells = np.flatnonzero(np.isfinite(arrival))
    row = np.maximum(np.searchsorted(scene.slots.start, arrival[cells], side="left") - 1, 0)
    out = Flames(
        cells,
        np.zeros(len(cells), np.float32),
        np.zeros(len(cells), np.float32),
        np.zeros(len(cells), np.int8),
        np.zeros(len(cells), np.float32),
    )
    rate = burned.front.rate.ravel()[cells]
    for k in np.unique(row):
        own = np.flatnonzero(row == k)
        head = heads(terrain, burned.beds[k], cells[own], scene.options)
        share = np.where(head.rate > 0, rate[own] / np.where(head.rate > 0, head.rate, 1.0), 1.0)
        intensity = head.intensity * np.minimum(np.where(np.isnan(share), 1.0, share), 1.0)
        out.intensity[own], out.kind[own], out.fraction[own] = intensity, np.maximum(head.kind, 1), head.fraction
        out.flame_length[own] = flames(intensity.astype(np.float32), head.kind)
    return out


def _beds(scene: Scene, ready: Ready, factors: Factors) -> list[Beds]:
    count, options = len(scene.slots.rows), scene.options
    speed = scene.slots.speed * factors.wind_speed
    towards = np.radians(scene.slots.wind_from + factors.wind_turn + 180.0)
    factor = np.array([0.005] * 3 + [0.3] * 2)  # the driest there is, live fuel being alive
    scaled = ready.moisture * np.array([factors.dead] * 3 + [factors.live] * 2)[None, :, None]
    wet = np.clip(scaled, np.minimum(factor[None, :, None], ready.moisture), _MOST_WET)
    overall = options.rate_factor * factors.rate
    codes = ready.terrain.codes.tolist()
    rate = np.array([overall * options.fuel_factors.get(k, 1.0) * factors.fuel.get(k, 1.0) for k in codes])
    east, north = speed * np.sin(towards), speed * np.cos(towards)
    return [beds_of(ready.terrain, wet[k], (float(east[k]), float(north[k])), rate, overall) for k in range(count)]


def _front(scene: Scene, ready: Ready, fire: tuple[tuple[Beds, ...], tuple[Ignition, ...]], seed: int) -> Front:
    beds, ignitions = fire
    terrain = ready.terrain
    tables = [table(terrain, each, scene.options) for each in beds]
    spreads = [Spread(float(start), *found) for start, found in zip(scene.slots.start, tables, strict=True)]
    top, left = terrain.window[0], terrain.window[2]
    lit = [each for each in ignitions if _lights(each, spreads, scene, (top, left))]
    if not lit:
        nothing = np.full(terrain.shape, np.nan, np.float32)
        return Front(nothing, nothing.copy(), nothing.copy())
    inside = [
        replace(each, rows=[r - top for r in each.rows], columns=[c - left for c in each.columns]) for each in lit
    ]
    if scene.options.embers:
        return _spotted(scene, ready, (beds, spreads), inside, seed)
    how = (scene.options.parts, scene.options.touched)
    found = front(spreads, inside, scene.clock, scene.landscape.grid.cell_m, *how)
    for (_, closed), (opens, _) in pairwise(scene.clock.periods):  # a cell's time is the mean of its corners'
        found.arrival[(found.arrival > closed) & (found.arrival < opens)] = opens
    return found


def _spotted(
    scene: Scene, ready: Ready, rows: tuple[tuple[Beds, ...], list[Spread]], ignitions: list[Ignition], seed: int
) -> Front:
    air = scene.weather.temperature[scene.slots.rows]
    embers = [
        embers_of(ready.terrain, beds, ready.moisture[k, 0], float(air[k]), scene.options)
        for k, beds in enumerate(rows[0])
    ]
    rng = np.random.default_rng((scene.options.seed, seed))
    cell = scene.landscape.grid.cell_m
    spotting = Spotting(embers, farthest=FARTHEST_M)
    return front_with_spotting(rows[1], ignitions, scene.clock, cell, spotting, rng).front


def _lights(ignition: Ignition, spreads: list[Spread], scene: Scene, corner: tuple[int, int]) -> bool:
    """Whether any fuel at an ignition burns when its time comes: fuel can be too wet to."""
    time = ignition.time
    if scene.clock.periods:
        later = [period for period in scene.clock.periods if period[1] > time]
        if not later:
            return False
        time = max(time, later[0][0])
    k = max(int(np.searchsorted(scene.slots.start, time, side="right")) - 1, 0)
    rows, columns = lit_cells(ignition, spreads[k].rate.shape, corner)
    return bool((spreads[k].rate[rows, columns] > 0).any())


def _shifted(scene: Scene, shift: tuple[float, float]) -> tuple[Ignition, ...]:
    if shift == (0.0, 0.0):
        return scene.placed.ignitions
    grid, out = scene.landscape.grid, []
    for each in scene.placed.ignitions:
        rows: list[float] = [row - shift[1] / grid.cell_m for row in each.rows]
        columns: list[float] = [column + shift[0] / grid.cell_m for column in each.columns]
        moved = replace(each, rows=rows, columns=columns)
        inside = all(-0.5 <= r < grid.rows - 0.5 for r in rows) and all(-0.5 <= c < grid.columns - 0.5 for c in columns)
        fuel = inside and burnable(scene.landscape.fuel[lit_cells(moved, grid.shape)], scene.options).any()
        out.append(moved if fuel else each)
    return tuple(out)


def _at_rim(arrival: Array32, window: Window, scene: Scene) -> bool:
    """Whether the fire reached a side of the window that is not a side of the landscape."""
    grid = scene.landscape.grid
    rim = 1 + (int(np.ceil(FARTHEST_M / grid.cell_m)) if scene.options.embers else 0)  # embers land in the window
    sides = (
        (window[0] > 0, arrival[:rim]),
        (window[1] < grid.rows, arrival[-rim:]),
        (window[2] > 0, arrival[:, :rim]),
        (window[3] < grid.columns, arrival[:, -rim:]),
    )
    return any(open_ and np.isfinite(side).any() for open_, side in sides)
