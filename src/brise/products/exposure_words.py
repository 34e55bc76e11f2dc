"""An exposure in words: keys and numbers for the app, which translates them, and English for the command line."""

from typing import Any, TypedDict

from brise.conventions.variables import VARIABLES

ENGLISH: dict[str, str] = {
    "exposure.breathed": "You breathed {mean:.1f} {unit} of {title} on average, measured for {hours:.1f} hours.",
    "exposure.inhaled": "That is {inhaled:.0f} µg of {title} inhaled.",
    "exposure.inhaled_mg": "That is {inhaled:.1f} mg of {title} inhaled.",
    "exposure.above_who": "A day of that is {percent:.0f} % of the WHO's guideline: above it.",
    "exposure.within_who": "A day of that is {percent:.0f} % of the WHO's guideline: within it.",
    "exposure.more_than_city": "{title} was {percent:.0f} % higher than the city's over the same {hours:.0f} hours.",
    "exposure.less_than_city": "{title} was {percent:.0f} % lower than the city's over the same {hours:.0f} hours.",
    "exposure.indoors": "Of the {hours:.0f} hours whose surroundings can be told, {percent:.0f} % were indoors.",
    "exposure.worst_mode": "{title} was highest {mode}: {mean:.1f} {unit}.",
    "exposure.worst_place": "Of your places, {label} had the most {title}: {mean:.1f} {unit}.",
    "exposure.little_measured": "Only {percent:.0f} % of the time was measured: this says little of the rest.",
}
"""Key -> sentence; `{...}` are the numbers that come with the key."""

_MODES = {"still": "while you stayed", "walk": "on foot", "cycle": "on a bicycle", "vehicle": "in a vehicle"}
_UNITS = {"ug m-3": "µg/m³"}
_LEAST_S = 600
"""Modes and places measured for less are not compared."""


class Sentence(TypedDict):
    """A text key and what goes into it."""

    key: str
    values: dict[str, Any]


def sentences(exposure: dict[str, Any]) -> list[Sentence]:
    """What to say of an exposure, the most important first.

    Args:
        exposure: As `personal_exposure.compute` gives it.
    """
    out: list[Sentence] = []
    if exposure["coverage"] < 0.5:
        out.append({"key": "exposure.little_measured", "values": {"percent": 100 * exposure["coverage"]}})
    for name in [name for name in ("pm25", "no2") if name in exposure["variables"]]:
        out += _of_variable(name, exposure["variables"][name])
    told = {where: part["seconds"] for where, part in exposure["surroundings"].items() if where != "unknown"}
    if sum(told.values()) >= _LEAST_S:
        values = {"percent": 100 * told["indoors"] / sum(told.values()), "hours": sum(told.values()) / 3600}
        out.append({"key": "exposure.indoors", "values": values})
    return out


def _of_variable(name: str, found: dict[str, Any]) -> list[Sentence]:
    if found["mean"] is None:
        return []
    about = {"title": VARIABLES[name].title, "unit": _UNITS.get(found["unit"], found["unit"]), "variable": name}
    out: list[Sentence] = [
        {"key": "exposure.breathed", "values": about | {"mean": found["mean"], "hours": found["seconds"] / 3600}}
    ]
    if found["inhaled_ug"] is not None:
        milli = found["inhaled_ug"] >= 1000
        key = "exposure.inhaled_mg" if milli else "exposure.inhaled"
        out.append({"key": key, "values": about | {"inhaled": found["inhaled_ug"] / (1000 if milli else 1)}})
    percent = found["percent_of_who_guideline"]
    if percent is not None:
        key = "exposure.above_who" if percent > 100 else "exposure.within_who"
        out.append({"key": key, "values": about | {"percent": percent}})
    city = found["city"]
    if city is not None and city["ratio"] is not None and not city["simulated"]:
        key = "exposure.more_than_city" if city["ratio"] >= 1 else "exposure.less_than_city"
        values = {"percent": 100 * abs(city["ratio"] - 1), "hours": city["hours"]}
        out.append({"key": key, "values": about | values})
    return out + _worst(found, about)


def _worst(found: dict[str, Any], about: dict[str, Any]) -> list[Sentence]:
    out: list[Sentence] = []
    modes = {m: p for m, p in found["by_mode"].items() if m in _MODES and p["seconds"] >= _LEAST_S}
    if len(modes) > 1:
        mode = max(modes, key=lambda m: float(modes[m]["mean"]))
        out.append({"key": "exposure.worst_mode", "values": about | {"mode": mode, "mean": modes[mode]["mean"]}})
    places = [p for p in found["by_place"] if p["seconds"] >= _LEAST_S]
    if len(places) > 1:
        worst = max(places, key=lambda p: float(p["mean"]))
        values = {"label": worst["label"], "mean": worst["mean"]}
        out.append({"key": "exposure.worst_place", "values": about | values})
    return out


def english(sentence: Sentence) -> str:
    """A sentence in English.

    >>> english({"key": "exposure.indoors", "values": {"percent": 81.2, "hours": 20}})
    'Of the 20 hours whose surroundings can be told, 81 % were indoors.'
    """
    values = dict(sentence["values"])
    if "mode" in values:
        values["mode"] = _MODES[values["mode"]]
    return ENGLISH[sentence["key"]].format(**values)
