"""How a wildfire spreads: from a landscape, its weather and where it started to arrival times and flames."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from brise.conventions.fire import FireStart, FireWeather, Landscape
from brise.formulas.fire.fuel_models import CLASSES
from brise.products.fire_burn import Burned, Factors, Scene, burn, flames_of, scene_of
from brise.products.fire_ground import barred
from brise.products.fire_run import Array32, FireOptions, FireResult, Progress

PRODUCT = "fire_spread"

__all__ = ["PRODUCT", "FireOptions", "FireResult", "barred", "compute", "simulate"]


def simulate(
    landscape: Landscape,
    weather: FireWeather,
    starts: list[FireStart],
    options: FireOptions,
    progress: Progress | None = None,
    factors: Factors | None = None,
) -> FireResult:
    """One fire, with every input as given, or as `factors` change them (those of a calibration).

    Args:
        landscape: What burns; `barred` puts barriers into it.
        weather: Covers the time that is simulated.
        starts: Where and when fire starts.
        options: How.
        progress: Called with the share done.
        factors: None changes nothing.

    Raises:
        InputError: What `scene_of` refuses.
    """
    tell = progress or (lambda _: None)
    tell(0.0)
    scene = scene_of(landscape, weather, starts, options)
    burned = burn(scene, factors)
    tell(0.8)
    result = result_of(scene, burned, factors)
    tell(1.0)
    return result


compute = simulate


def result_of(scene: Scene, burned: Burned, factors: Factors | None = None) -> FireResult:
    """The fields of one fire over the whole landscape."""
    flames = flames_of(scene, burned)
    shape = scene.landscape.grid.shape
    window, front = burned.window, burned.front

    def whole(values: Array32) -> Array32:
        out = np.full(shape, np.nan, np.float32)
        out[window[0] : window[1], window[2] : window[3]] = values
        return out

    def sparse(values: Array32) -> Array32:
        out = np.full(front.arrival.shape, np.nan, np.float32)
        out.ravel()[flames.cells] = values
        return whole(out)

    crown = np.zeros(shape, np.int8)
    inner = np.zeros(front.arrival.shape, np.int8)
    inner.ravel()[flames.cells] = flames.kind
    crown[window[0] : window[1], window[2] : window[3]] = inner
    arrival = whole(front.arrival / np.float32(60.0))
    return FireResult(
        grid=scene.landscape.grid,
        start=scene.options.start,
        hours=scene.options.hours,
        arrival=arrival,
        rate=whole(front.rate),
        direction=whole((np.degrees(front.direction) + np.float32(scene.north)) % np.float32(360.0)),
        flame_length=sparse(flames.flame_length),
        intensity=sparse(flames.intensity),
        crown=crown,
        fraction=sparse(flames.fraction),
        assumptions=scene.assumptions,
        warnings=warnings_of(arrival, scene.landscape.fuel),
        provenance=provenance_of(scene, factors),
        simulated=scene.landscape.simulated,
    )


def warnings_of(arrival: Array32, fuel: NDArray[np.int16]) -> tuple[str, ...]:
    """What makes the answer less sure, from minutes and fuel model numbers (Y, X)."""
    said = []
    sides = np.concatenate([arrival[0], arrival[-1], arrival[:, 0], arrival[:, -1]])
    if np.isfinite(sides).any():
        said.append(
            f"The fire reached the edge of the landscape {np.nanmin(sides):.0f} min after the start; "
            "what it did beyond is not known."
        )
    rows, columns = (np.flatnonzero(np.isfinite(arrival).any(axis=axis)) for axis in (1, 0))
    if rows.size:
        near = (slice(max(rows[0] - 1, 0), rows[-1] + 2), slice(max(columns[0] - 1, 0), columns[-1] + 2))
        if (binary_dilation(np.isfinite(arrival[near])) & (fuel[near] < 0)).any():
            said.append("The fire reached cells whose fuel is unknown; they were taken not to burn.")
    if not np.isfinite(arrival).any():
        said.append("Nothing burned: the fuel at the ignition is too wet, or no burn period follows it.")
    elif np.isfinite(arrival).sum() == 1:
        said.append("The fire did not leave the cell it started in.")
    return tuple(said)


def provenance_of(scene: Scene, factors: Factors | None) -> Mapping[str, object]:
    """What a run used, in words and numbers."""
    options, wet = scene.options, scene.ready(scene.window(0)).moisture
    return {
        "length_to_width": options.length_to_width,
        "wind_limit": options.wind_limit,
        "crown": options.crown,
        "parts_of_a_cell": options.parts,
        "touched": options.touched,
        "embers": options.embers,
        "foliar_moisture": options.foliar_moisture,
        "dead_moisture": options.dead_moisture,
        "rate_factor": options.rate_factor * (factors.rate if factors else 1.0),
        "wind_factor": options.wind_factor,
        "wind_turn_deg": options.wind_turn,
        "wind_rows": len(scene.slots.rows),
        "wind_speed_20ft_m_s": [round(float(np.min(scene.slots.speed)), 3), round(float(np.max(scene.slots.speed)), 3)],
        "moisture_at_start": {
            name: round(float(value), 4) for name, value in zip(CLASSES, np.median(wet[0], axis=-1), strict=True)
        },
        "grid_north_deg": round(scene.north, 2),
        "wind_from_grid_north": options.grid_north,
        "seed": options.seed,
    }
