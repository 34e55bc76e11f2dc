"""The app's first screen as the server draws it: a glance at the air that needs no further journey and no script.

It has the words, classes and colours of the app's own (web/src/now), whose styles come in the same page; the app takes
its place once it is there. What only it can do (other scales, the ball on the curve, activities) is left to it.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import orjson

from brise.formulas.indices.index import Band, Index
from brise.formulas.indices.registry import INDICES

SCALE = "us_aqi"
RIGHT_TO_LEFT = ("ar",)
LINKS = (("now", "/"), ("map", "/map"), ("places", "/places"), ("tracker", "/tracker"), ("settings", "/settings"))
WIDE, HIGH, TOP, GROUND = 360, 168, 14, 140
HOURS = 121
STEPS = 5
"""Advice is told in so many steps above the best."""

SYMBOLS = {
    "pm25": "PM₂.₅",
    "pm10": "PM₁₀",
    "no2": "NO₂",
    "o3": "O₃",
    "so2": "SO₂",
    "co": "CO",
    "nh3": "NH₃",
    "pb": "Pb",
}


@dataclass(frozen=True, slots=True)
class Words:
    """What a language says.

    Attributes:
        code: ISO 639-1.
        messages: By key, as in web/src/text/messages.
        told: Ages, distances and countries, as `Intl` writes them (web/vite.config.js).
        icons: Paths by name.
    """

    code: str
    messages: Mapping[str, str]
    told: Mapping[str, Any]
    icons: Mapping[str, str]

    def say(self, key: str, **values: object) -> str:
        """A message, safe in HTML, its {names} filled in."""
        text = self.messages.get(key, key)
        return escape(re.sub(r"\{(\w+)\}", lambda found: str(values.get(found[1], "")), text))

    def age(self, minutes: int) -> str:
        """How long ago."""
        unit, amount = ("minutes", minutes) if minutes < 90 else ("hours", round(minutes / 60))
        if unit == "hours" and minutes >= 48 * 60:
            unit, amount = "days", round(minutes / 1440)
        return str(self.told[unit][min(max(amount, 0), len(self.told[unit]) - 1)])

    def distance(self, km: float) -> str:
        """Kilometres, or metres where nearer than one."""
        unit, amount = ("metres", km * 100) if km < 1 else ("tenths", km * 10) if km < 9.95 else ("kilometres", km)
        return str(self.told[unit][min(round(amount), len(self.told[unit]) - 1)])

    def band(self, key: str) -> str:
        """The word of a band by its text key."""
        name = key.split(".")[1]
        if above := re.fullmatch(r"above_(\d+)", name):
            return self.say("band.above", percent=f"{above[1]} %")
        exact = f"band.{key}"
        return self.say(exact if exact in self.messages else "band." + re.sub(r"_\d+$", "", name))

    def icon(self, name: str, size: int = 24) -> str:
        """A drawing."""
        path = f'<path class="in-icon" d="{self.icons[name]}"></path>'
        return (
            f'<svg class="in-icon" width="{size}" height="{size}" viewBox="0 0 24 24" aria-hidden="true">{path}</svg>'
        )


@dataclass(frozen=True, slots=True)
class Screen:
    """What goes into the page.

    Attributes:
        title: Of the page.
        markup: Of the screen.
        style: Its colours.
    """

    title: str
    markup: str
    style: str


def read_words(text: bytes) -> dict[str, Words]:
    """Every language of a build's `.first.json`."""
    found = orjson.loads(text)
    icons = found["icons"]
    return {code: Words(code, one["messages"], one, icons) for code, one in found["languages"].items()}


def draw(words: Words, told: Mapping[str, Any], scale: str) -> Screen | None:
    """The first screen of a place; None where there are no values to draw.

    Args:
        words: Of the reader's language.
        told: place, current, forecast and history, as the API answers them.
        scale: Name of the index asked for; one that is not there gives way to SCALE.
    """
    place, current = told.get("place"), told.get("current")
    if not place or not current:
        return None
    index = INDICES.get(scale, INDICES[SCALE])
    row = current["indices"].get(index.name) or {}
    category = next((at for at, band in enumerate(index.bands) if band.key == row.get("category")), None)
    band = None if category is None else index.bands[category]
    curve = _curve(index, told)
    sheet = (
        f'<section class="card hero in-now" aria-label="{words.band(band.key) if band else words.say("unknown")}">'
        f"{_glance(words, index, (category, band), row, current)}</section>"
        f'<section class="card in-now" aria-label="{words.say("curve.what")}">{_picks(words, current)}{curve}</section>'
    )
    body = (
        f'{_nav(words)}<main id="content" class="in-app"><div class="now in-now">{_header(words, place)}'
        f'<div class="sheet in-now">{sheet}</div></div></main>'
    )
    colour = band.colour if band else "var(--unknown)"
    on_band = _ink(band.colour) if band else "inherit"
    style = f":root{{--band:{colour}}}.told{{background:{colour};color:{on_band}}}"
    title = f"{escape(place['name'])} · Brise" if place.get("name") else "Brise"
    return Screen(title, body, style)


def _nav(words: Words) -> str:
    links = [
        f'<a class="in-app" href="{path}"{" aria-current=page" if name == "now" else ""}>{words.icon(name)}'
        f"<span>{words.say(f'nav.{name}')}</span></a>"
        for name, path in LINKS
    ]
    icon = '<img src="/icon.svg" alt="" width="32" height="32">'
    mark = f'<a class="mark in-app" href="/" aria-hidden="true" tabindex="-1">{icon}Brise</a>'
    return f'<nav class="in-app" aria-label="{words.say("nav")}">{mark}{"".join(links)}</nav>'


def _header(words: Words, place: Mapping[str, Any]) -> str:
    name = place.get("name") or f"{place['latitude']:.2f}°, {place['longitude']:.2f}°"
    country = words.told["countries"].get(place.get("country", ""), "")
    under = f'<span class="soft small">{escape(country)}</span>' if country else ""
    return (
        f'<header class="in-placeheader"><div class="place in-placeheader">{words.icon("search", 20)}'
        f'<span class="names in-placeheader"><h1 class="in-placeheader">{escape(name)}</h1>{under}</span></div>'
        f'<span class="round">{words.icon("places")}</span><span class="round">{words.icon("share")}</span>'
        f'<span class="round">{words.icon("chevron")}</span></header>'
    )


def _glance(
    words: Words,
    index: Index,
    found: tuple[int | None, Band | None],
    row: Mapping[str, Any],
    current: Mapping[str, Any],
) -> str:
    category, band = found
    origin = current["provenance"]
    severity = None if category is None else category / (len(index.bands) - 1)
    told = _unknown(words, current)
    if band is not None:
        alone = "" if index.has_value else " alone"
        told = f'<p class="word told in-hero{alone}" data-testid="word">{words.band(band.key)}</p>'
        if index.has_value and row["value"] is not None:
            told = f'<p class="number in-hero" data-testid="number">{_whole(row["value"])}</p>{told}'
        if main := row["dominant"]:
            told += f'<p class="small">{words.say("dominant", pollutant=SYMBOLS.get(main, main))}</p>'
    advice = ""
    if severity is not None:
        advice = f'<p class="advice in-hero">{words.say(f"advice.{math.floor(severity * STEPS + 0.5)}")}</p>'
    return (
        f'<div class="top in-hero"><span class="pick in-hero first">{escape(index.title)}</span>'
        f'<p class="when in-hero"><span class="small">{words.say("nav.now")}</span></p></div>'
        f'<div class="glance in-hero">{_face(severity, band.colour if band else None)}<div>{told}</div></div>'
        f"{advice}{_badges(words, origin, band is not None)}{_provenance(words, origin)}"
    )


def _unknown(words: Words, current: Mapping[str, Any]) -> str:
    why = "far" if current["cell"] is None else "old" if current["lead_hours"] is None else "why"
    return (
        f'<p class="number nothing in-hero" aria-hidden="true">–</p><p class="word unknown in-hero" data-testid="word">'
        f'{words.say("unknown")}</p><p class="small">{words.say(f"unknown.{why}")}</p>'
    )


def _badges(words: Words, origin: Mapping[str, Any] | None, known: bool) -> str:
    if origin is None:
        return ""
    told = []
    if origin["simulated"]:
        told.append(f'<span class="badge loud">{words.say("kind.simulated")}</span>')
    if known:
        told.append(f'<span class="badge" data-testid="kind">{words.say("kind." + origin["kind"])}</span>')
    if origin["newest_input"]:
        age = words.age(origin["newest_input"]["age_minutes"])
        told.append(f'<span data-testid="age">{words.say("age", age=age)}</span>')
    return f'<div class="badges small">{"".join(told)}</div>'


def _provenance(words: Words, origin: Mapping[str, Any] | None) -> str:
    if origin is None:
        return ""
    stations, told = origin["stations"], []
    if origin["kind"] == "measured" and not origin["simulated"]:
        told.append(words.say("kind.measured.why"))
    if stations:
        near = words.distance(stations[0]["distance_km"])
        told.append(words.say("kind.modelled.why", count=len(stations), distance=near))
    owed = dict.fromkeys(one["attribution"] for one in stations if one["attribution"])
    if owed and not origin["simulated"]:
        told.append(escape(", ".join(owed)))
    return f'<p class="small in-provenance">{" · ".join(told)}</p>'


def _face(severity: float | None, colour: str | None) -> str:
    """The cloud of web/src/now/Face.svelte."""
    ink = "#ffffff" if colour is None or _ink(colour) == "#ffffff" else "#182530"
    bend = 0.0 if severity is None else 11 - 22 * severity
    mouth = f'<path d="M47 {78 - bend / 3:.2f}q13 {bend:.2f} 26 0"/>'
    features = '<path d="M46 58v5M74 58v5"/>' + mouth
    if severity is None:
        features = '<path d="M42 62h8M70 62h8M50 80h20"/>'
    elif severity > 0.75:
        features = '<path d="M42 57l8 8M50 57l-8 8M70 57l8 8M78 57l-8 8"/>' + mouth
    elif severity < 0.15:
        features = '<path d="M41 63q5-7 10 0M69 63q5-7 10 0"/>' + mouth
    cloud = "M31 98a24 24 0 0 1-3-47.800 35 35 0 0 1 66.500-8A28 28 0 0 1 92 98Z"
    return (
        '<svg class="in-face" width="128" height="104.96" viewBox="0 4 120 98" aria-hidden="true">'
        f'<path class="cloud in-face" fill="{colour or "#8b97a3"}" d="{cloud}"/>'
        f'<g fill="none" stroke="{ink}" stroke-width="5" stroke-linecap="round">{features}</g></svg>'
    )


def _picks(words: Words, current: Mapping[str, Any]) -> str:
    names = [words.say("curve.index"), *(SYMBOLS.get(one, one) for one in current["concentrations"])]
    label = '<label class="in-now">{}<span class="in-now">{}</span></label>'
    chosen = '<input class="in-now" type="radio" checked>'
    labels = "".join(label.format("" if at else chosen, one) for at, one in enumerate(names))
    return f'<div class="picks in-now" inert>{labels}</div>'


def _ink(colour: str) -> str:
    """Black or white, whichever reads better on a colour (WCAG 2.2 contrast).

    >>> _ink("#ffff00"), _ink("#7e0023")
    ('#000000', '#ffffff')
    """
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#000000" if (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) else "#ffffff"


def _whole(number: float) -> str:
    return str(math.floor(number + 0.5))


def _hourly(index: Index, told: Mapping[str, Any], side: str) -> list[float | None]:
    """The index at hours -24 to 96, the run's over the analyses'; one without numbers by the middle of its bands."""
    if side == "value" and not index.has_value:
        side = "category"
    middle = 0.0 if index.has_value else 0.5
    now = told["current"]["time"]
    out: list[float | None] = [None] * HOURS
    for answer in (told.get("history"), told.get("forecast")):
        if answer is None or now not in answer["time"] or index.name not in answer["indices"]:
            continue
        times = answer["time"]
        series, zero = answer["indices"][index.name], times.index(now)
        for at, _ in enumerate(times):
            place = at - zero + 24
            if 0 <= place < HOURS:
                value = series[side][at]
                out[place] = None if value is None else value + middle
    return out


def _runs(values: Sequence[float | None]) -> list[list[int]]:
    """Positions of known values, by unbroken run."""
    out: list[list[int]] = []
    for place, value in enumerate(values):
        if value is not None:
            if out and out[-1][-1] == place - 1:
                out[-1].append(place)
            else:
                out.append([place])
    return out


def _curve(index: Index, told: Mapping[str, Any]) -> str:
    """The hourly curve, coloured by band, stretched to the page's width."""
    values, low, high = (_hourly(index, told, side) for side in ("value", "q10", "q90"))
    uppers = [band.upper if index.has_value else place + 1.0 for place, band in enumerate(index.bands)]
    most = _ceiling(max(uppers[0], *(one or 0.0 for one in (*values, *high)))) if index.has_value else uppers[-1]
    across, up = WIDE / (HOURS - 1), (GROUND - TOP) / most

    def line(numbers: Sequence[float | None], places: Sequence[int]) -> str:
        known = ((at, min(max(numbers[at] or 0.0, 0.0), most)) for at in places)
        return "L".join(f"{across * at:.1f} {GROUND - up * one:.1f}" for at, one in known)

    runs = [(run, line(values, run)) for run in _runs(values)]
    path = "".join(f"M{one}" for _, one in runs)
    area = "".join(f"M{one}L{across * run[-1]:.1f} {GROUND}L{across * run[0]:.1f} {GROUND}Z" for run, one in runs)
    likely = "".join(f"M{line(high, run)}L{line(low, run[::-1])}Z" for run in _runs(high))
    now = f"{across * 24:.1f}"
    sides = f'y="{TOP - 8}" height="{GROUND - TOP + 8}"'
    kept = 'vector-effect="non-scaling-stroke"'
    ends = f'gradientUnits="userSpaceOnUse" x1="0" x2="0" y1="{GROUND}" y2="{TOP}"'
    return (
        f'<figure><svg class="curve" viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none" aria-hidden="true">'
        f'<linearGradient id="first-bands" {ends}>{_stops(index, uppers, most)}</linearGradient>'
        f'<rect class="past in-curve" width="{now}" {sides}/>'
        f'<path fill="url(#first-bands)" opacity="0.16" d="{area}"/>'
        f'<path class="likely in-curve" fill="url(#first-bands)" d="{likely}"/>'
        f'<path class="under in-curve" {kept} d="{path}"/>'
        f'<path class="line in-curve" {kept} stroke="url(#first-bands)" d="{path}"/>'
        f'<line class="cursor in-curve" {kept} x1="{now}" x2="{now}" y1="{TOP - 8}" y2="{GROUND}"/></svg></figure>'
    )


def _stops(index: Index, uppers: Sequence[float], most: float) -> str:
    """Hard edges between bands, from the bottom up."""
    out, begins = "", 0.0
    for band, upper in zip(index.bands, uppers, strict=True):
        ends = min(1.0, upper / most)
        if begins < 1:
            out += "".join(f'<stop offset="{at:.4f}" stop-color="{band.colour}"/>' for at in (begins, ends))
        begins = ends
    return out


def _ceiling(most: float) -> float:
    """A round number at or above the highest value, as web/src/now/curve.ts.

    >>> _ceiling(50)
    60.0
    """
    wanted = most * 1.08
    unit = 10 ** math.floor(math.log10(wanted))
    return float(next((step for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * unit >= wanted), 10) * unit)
