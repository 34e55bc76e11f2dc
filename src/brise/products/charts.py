"""Small charts as SVG text: lines over ordered labels, dots on a square, stations on a map. Colours come from the page.

Every number is drawn into a box of its own units and scales with the page's width; classes `s0` … `s5` are the page's
series colours, `ink` its text, `faint` its grid.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH, HEIGHT = 360, 220
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 26, 34
SERIES = 6


@dataclass(frozen=True, slots=True)
class Axis:
    """A vertical axis: its ends, its ticks with their labels, and a line that means something.

    Attributes:
        low: Bottom.
        high: Top.
        ticks: Values.
        percent: Whether labels are per cent.
        mark: Drawn across; None = no line.
    """

    low: float
    high: float
    ticks: tuple[float, ...]
    percent: bool = False
    mark: float | None = None

    def text(self, value: float) -> str:
        """A tick's label."""
        return f"{100 * value:g} %" if self.percent else f"{value:g}"


def axis(values: Sequence[float], percent: bool = False, mark: float | None = None) -> Axis:
    """An axis with round ticks that holds every known value and the mark.

    >>> axis([0.02, 0.11], percent=True, mark=0.0).ticks
    (0.0, 0.05, 0.1, 0.15)
    """
    known = [value for value in (*values, *([] if mark is None else [mark])) if np.isfinite(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    span = (high - low) or abs(high) or 1.0
    raw = span / 4
    scale = 10.0 ** np.floor(np.log10(raw))
    step = float(next(part * scale for part in (1, 2, 5, 10) if part * scale >= raw * 0.999))
    first, last = int(np.floor(low / step + 1e-9)), int(np.ceil(high / step - 1e-9))
    last += int(first == last)
    ticks = tuple(round(step * number, 10) for number in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], ticks, percent, mark)


def lines(title: str, labels: Sequence[str], series: Mapping[str, Sequence[float]], side: Axis, below: str) -> str:
    """Lines over labels at equal distances; unknown points are left out.

    Args:
        title: Above.
        labels: Of the horizontal axis.
        series: Name -> a value a label, NaN = unknown; the first six get colours of their own.
        side: The vertical axis.
        below: What the labels are.
    """
    across = np.linspace(LEFT + 8, WIDTH - RIGHT - 8, len(labels)) if len(labels) > 1 else np.array([WIDTH / 2])
    parts = [_frame(side), *(_label(x, HEIGHT - BOTTOM + 14, text) for x, text in zip(across, labels, strict=True))]
    parts.append(_label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, below))
    for number, (name, values) in enumerate(series.items()):
        points = [(x, _height(value, side)) for x, value in zip(across, values, strict=True) if np.isfinite(value)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        marks = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>' for x, y in points)
        parts.append(
            f'<g class="s{number % SERIES}"><title>{escape(name)}</title><polyline points="{path}"/>{marks}</g>'
        )
    return _svg(title, parts, HEIGHT)


def calibration(title: str, expected: Sequence[float], series: Mapping[str, Sequence[float]]) -> str:
    """Observed shares over stated ones, 0 to 1 both; on the diagonal, words are kept."""
    side = Axis(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0), percent=True)
    height = WIDTH - LEFT - RIGHT + TOP + BOTTOM
    across = [LEFT + share * (WIDTH - LEFT - RIGHT) for share in expected]
    ends = (LEFT, height - BOTTOM, WIDTH - RIGHT, TOP)
    parts = [
        _frame(side, height),
        '<line class="mark" x1="{}" y1="{}" x2="{}" y2="{}"/>'.format(*ends),
        *(_label(x, height - BOTTOM + 14, f"{100 * share:g} %") for x, share in zip(across, expected, strict=True)),
        _label((LEFT + WIDTH - RIGHT) / 2, height - 4, "share that was announced"),
    ]
    for number, (name, values) in enumerate(series.items()):
        points = [
            (x, _height(value, side, height)) for x, value in zip(across, values, strict=True) if np.isfinite(value)
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        marks = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.4"/>' for x, y in points)
        parts.append(
            f'<g class="s{number % SERIES}"><title>{escape(name)}</title><polyline points="{path}"/>{marks}</g>'
        )
    return _svg(title, parts, height)


def places(title: str, where: Sequence[tuple[float, float]], gain: Sequence[float], names: Sequence[str]) -> str:
    """Stations on a map, north up: blue where the challenger errs less, red where it errs more, by size.

    Args:
        title: Above.
        where: Latitude and longitude of each station.
        gain: 1 - ratio of errors, NaN = unknown.
        names: Of each station.
    """
    latitude, longitude = (np.array(part, float) for part in zip(*where, strict=True))
    east = (longitude - longitude.mean()) * np.cos(np.deg2rad(latitude.mean()))
    north = latitude - latitude.mean()
    reach = max(float(np.ptp(east)), float(np.ptp(north)), 1e-6)
    size = WIDTH - 2 * LEFT
    x = WIDTH / 2 + (east - (east.max() + east.min()) / 2) / reach * size
    tall = max(float(np.ptp(north)) / reach * size + TOP + BOTTOM + 40, 140.0)
    y = tall / 2 + 4 - (north - (north.max() + north.min()) / 2) / reach * size
    parts = []
    for place, value in enumerate(gain):
        known = bool(np.isfinite(value))
        sort = ("better" if value >= 0 else "worse") if known else "unknown"
        radius = 4 + min(abs(value), 0.2) * 50 if known else 4.0
        said = f"{names[place]}: {100 * value:+.1f} %" if known else f"{names[place]}: unknown"
        parts.append(
            f'<circle class="{sort}" cx="{x[place]:.1f}" cy="{y[place]:.1f}" r="{radius:.1f}">'
            f"<title>{escape(said)}</title></circle>"
        )
    kilometres = 10.0 ** np.floor(np.log10(reach * 111.2 / 2)) if reach * 111.2 > 2 else 1.0
    long = kilometres / 111.2 / reach * size
    parts.append(f'<line class="ink" x1="{LEFT}" x2="{LEFT + long:.1f}" y1="{tall - 12:.1f}" y2="{tall - 12:.1f}"/>')
    parts.append(f'<text x="{LEFT + long + 6:.1f}" y="{tall - 8:.1f}">{kilometres:g} km</text>')
    return _svg(title, parts, tall)


def _height(value: float, side: Axis, height: float = HEIGHT) -> float:
    share = (value - side.low) / (side.high - side.low)
    return float(height - BOTTOM - share * (height - TOP - BOTTOM))


def _frame(side: Axis, height: float = HEIGHT) -> str:
    parts = []
    for tick in side.ticks:
        y = _height(tick, side, height)
        parts.append(f'<line class="faint" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="end" x="{LEFT - 6}" y="{y + 3.5:.1f}">{escape(side.text(tick))}</text>')
    if side.mark is not None:
        y = _height(side.mark, side, height)
        parts.append(f'<line class="mark" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
    return "".join(parts)


def _label(x: float, y: float, text: str) -> str:
    return f'<text class="middle" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _svg(title: str, parts: Sequence[str], height: float) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f'<text class="title" x="2" y="14">{escape(title)}</text>{"".join(parts)}</svg>'
    )
