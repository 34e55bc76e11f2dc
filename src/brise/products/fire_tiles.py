"""Colours of a fire simulation on a map: when fire comes, how likely, how high its flames, and its smoke."""

from functools import lru_cache

import numpy as np

from brise.conventions.errors import InputError
from brise.products.tiles import Scale, pollutant_scale, pollutant_stops

LAYERS: dict[str, str] = {
    "arrival": "Fire arrives after",
    "burn_probability": "Chance that fire comes",
    "flame_length": "Flame length",
    "smoke": "Fine particles of this fire at the ground (experimental)",
}
"""Layer -> title."""

UNITS: dict[str, str] = {"arrival": "min", "burn_probability": "1", "flame_length": "m", "smoke": "µg/m³"}

SMOKE_FROM = 1.0
"""µg m-3: less is not drawn."""

_ARRIVAL = ("#7a0018", "#b5121b", "#e2442f", "#f47c3c", "#fbb04e", "#fde08a", "#fdf6c9", "#e6e6f2")
"""Dark where fire comes first."""

_STOPS: dict[str, tuple[tuple[float, str], ...]] = {
    "burn_probability": (
        (0.0, "#dbe9f6"), (0.05, "#b7d4ea"), (0.1, "#f6e8a6"), (0.25, "#f5bd52"), (0.5, "#e8743b"), (0.75, "#c0281f"),
        (0.9, "#6f0b1c"),
    ),
    "flame_length": (
        (0.0, "#5aa469"), (1.2, "#f2d13c"), (2.4, "#f0862a"), (3.4, "#d6332e"), (8.0, "#6a0f4b"),
    ),
}  # fmt: skip
"""Lower edge and colour. Flames: fought by hand, with machines, hard to control, crowns (4, 8 and 11 ft: Andrews and
Rothermel 1982)."""


def stops(layer: str, hours: float) -> list[tuple[float, str]]:
    """Value from which a colour holds, and the colour.

    Args:
        layer: Of `LAYERS`.
        hours: Of the simulation: its arrivals share eight colours.

    Raises:
        InputError: No such layer.

    >>> stops("arrival", 4.0)[1]
    (30.0, '#b5121b')
    """
    if layer == "arrival":
        return [(60.0 * hours * place / len(_ARRIVAL), colour) for place, colour in enumerate(_ARRIVAL)]
    if layer == "smoke":
        return pollutant_stops("pm25")
    if layer not in _STOPS:
        raise InputError(f"layer={layer!r}: one of {', '.join(LAYERS)}")
    return list(_STOPS[layer])


@lru_cache(maxsize=32)
def scale(layer: str, hours: float) -> Scale:
    """Colours of a layer by value.

    Raises:
        InputError: No such layer.
    """
    if layer == "smoke":
        return pollutant_scale("pm25")
    found = stops(layer, hours)
    # a value on an edge has the colour above it
    edges = np.nextafter(np.array([value for value, _ in found[1:]], np.float32), np.float32(0)).astype(np.float64)
    colours = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for _, colour in found], np.uint8)
    return Scale(edges, colours)
