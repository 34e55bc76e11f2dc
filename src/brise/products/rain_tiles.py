"""Colours of rain on a map: dry is clear, what no radar sees is a thin grey veil, so that unknown never looks dry."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from brise.conventions.errors import InputError
from brise.products.tiles import PALETTES, Scale, Window, shade

LAYERS: dict[str, str] = {"rain_rate": "Rain rate", "rain_chance": "Chance of rain"}
"""Layer -> title. The chance is that of at least 0.1 mm/h."""

UNITS: dict[str, str] = {"rain_rate": "mm/h", "rain_chance": "1"}

RATES: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 50.0, 100.0)
"""mm/h; a band holds its lower edge."""

CHANCES: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
STOPS: dict[str, tuple[str, ...]] = {
    "rain_rate": ("#a5e0f5", "#3f9ee0", "#1d4fc4", "#2fa84f", "#f2d13c", "#f0862a", "#d6332e", "#a0186b", "#5c0f7a"),
    "rain_chance": ("#dbe9f6", "#6aaed6", "#2171b5", "#08306b"),
}

ALPHA = 215
UNSEEN = (128, 128, 128, 70)
"""Colour of a pixel that an area holds and no radar sees."""


def _ramp(stops: tuple[str, ...], count: int) -> NDArray[np.uint8]:
    rgb = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in stops], float)
    at = np.linspace(0, len(stops) - 1, count)
    return np.stack([np.interp(at, np.arange(len(stops)), channel) for channel in rgb.T], 1).round().astype(np.uint8)


def rain_scale(layer: str, palette: str = "default") -> Scale:
    """Colours of a layer; the first is of what is dry.

    Raises:
        InputError: No such layer or palette.
    """
    if layer not in LAYERS:
        raise InputError(f"layer={layer!r}: no rain layer; known are {', '.join(LAYERS)}")
    if palette != "default" and palette not in PALETTES:
        raise InputError(f"palette={palette!r}: default or one of {', '.join(PALETTES)}")
    edges = RATES if layer == "rain_rate" else CHANCES
    stops = STOPS[layer] if palette == "default" else PALETTES[palette]
    # a value on an edge has the colour below it: move each edge just below, so that 0.1 mm/h is rain
    lower = np.nextafter(np.array(edges, np.float32), np.float32(0)).astype(np.float64)
    return Scale(lower, np.concatenate([np.zeros((1, 3), np.uint8), _ramp(stops, len(edges))]))


def rain_stops(layer: str, palette: str = "default") -> list[tuple[float, str]]:
    """Value from which a colour holds, and the colour.

    >>> rain_stops("rain_rate")[0]
    (0.1, '#a5e0f5')
    """
    scale = rain_scale(layer, palette)
    edges = RATES if layer == "rain_rate" else CHANCES
    return [(value, "#" + bytes(colour).hex()) for value, colour in zip(edges, scale.colours[1:], strict=True)]


def rain_shade(values: NDArray[np.float32], part: Window, scale: Scale) -> NDArray[np.uint8]:
    """Colour numbers of a tile's pixels: 0 outside, 1 unseen, 2 dry, then the scale's.

    Args:
        values: (Y, X) at the window's rows and columns; NaN unknown.
        part: The window.
        scale: Of the layer.
    """
    colour = shade(values, part, scale)
    inside = ~(np.isnan(part.row)[:, None] | np.isnan(part.column))
    return np.where(inside, colour + np.uint8(1), np.uint8(0))


def rain_png(colour: NDArray[np.uint8], scale: Scale) -> bytes:
    """(256, 256) colour numbers as a palette PNG with one opacity a colour."""
    image = Image.fromarray(colour, "P")
    image.putpalette(b"\x00\x00\x00" + bytes(UNSEEN[:3]) + scale.colours.tobytes())
    opacity = bytes([0, UNSEEN[3], 0]) + bytes([ALPHA]) * (len(scale.colours) - 1)
    out = io.BytesIO()
    image.save(out, "PNG", transparency=opacity, compress_level=3)
    return out.getvalue()
