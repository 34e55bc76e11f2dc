"""One page of a fire simulation to read or to print: HTML that needs nothing from elsewhere."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from brise.products.charts import axis, lines
from brise.products.page_style import STYLE

SIMULATED = "SIMULATED: the landscape of this simulation does not exist."
_MODEL = (
    "A simulation, not an observation: fire may go elsewhere, faster or slower. Orders of the authorities come first."
)


def fire_page(page: Mapping[str, Any]) -> str:
    """The page.

    Args:
        page: A simulation's summary (`fire_summary.summarise`), with its `name`, `landscape` and `places`.
    """
    title = str(page.get("name") or f"Fire from {page['start']}")
    parts = [
        f"<p class=small>Brise, fire simulation on {escape(str(page['landscape']))}</p><h1>{escape(title)}</h1>",
        f"<section class=lead>{''.join(f'<p>{one}</p>' for one in _sentences(page))}</section>",
        _section("Area by hour", _chart(page) + _hours(page)),
        _section("Places reached", _places(page)),
        _section("How hot", _fire(page)),
        *([_section("Fitted to what was seen", _fitted(page["calibration"]))] if "calibration" in page else []),
        _section("What was assumed", _list([*page["assumptions"], *page.get("warnings", ())])),
    ]
    return (
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>\n{chr(10).join(parts)}\n"
        "</main></body></html>\n"
    )


def _sentences(page: Mapping[str, Any]) -> list[str]:
    end, spread = page["area_ha"][-1], page["spread"]
    found = [f"<strong>{SIMULATED}</strong>"] if page["simulated"] else []
    found.append(f"From {_time(page['start'])} for {page['hours']:g} hours: {_ha(end)} burned at the end.")
    if (unsure := page.get("uncertainty")) is not None:
        low, high = unsure["area_ha_q10"][-1], unsure["area_ha_q90"][-1]
        found.append(f"Of {unsure['members']} possible fires, eight in ten burned {_ha(low)} to {_ha(high)}.")
    if spread["distance_m"]:
        found.append(f"Farthest run: {spread['distance_m'] / 1000:.1f} km towards {spread['direction_deg']:.0f}°.")
    return [*found, escape(_MODEL)]


def _chart(page: Mapping[str, Any]) -> str:
    every = -(-len(page["minutes"]) // 12)
    hours = [f"{minutes / 60:g}" if n % every == every - 1 else "" for n, minutes in enumerate(page["minutes"])]
    series: dict[str, Sequence[float]] = {"area": page["area_ha"]}
    unsure = page.get("uncertainty")
    if unsure is not None:
        series |= {"q10": unsure["area_ha_q10"], "q50": unsure["area_ha_q50"], "q90": unsure["area_ha_q90"]}
    if len(hours) < 2:
        return ""
    most = [max(max(values) for values in series.values()), 0.0]
    key = "".join(
        f"<span class=s{n}><i></i>{escape(label)}</span>"
        for n, label in enumerate(("as given", "10 %", "50 %", "90 % of the members")[: len(series)])
    )
    drawn = lines("Area, ha", hours, series, axis(most), "hours")
    return f"<div class=key>{key}</div><figure>{drawn}</figure>"


def _hours(page: Mapping[str, Any]) -> str:
    heads, unsure = ["Hours", "Area, ha", "Perimeter, km"], page.get("uncertainty")
    columns: list[list[str]] = [
        [f"{minutes / 60:g}" for minutes in page["minutes"]],
        [f"{area:,.0f}" if area >= 100 else f"{area:.1f}" for area in page["area_ha"]],
        [f"{length / 1000:.1f}" for length in page["perimeter_m"]],
    ]
    if unsure is not None:
        heads.append("10 to 90 %, ha")
        both = zip(unsure["area_ha_q10"], unsure["area_ha_q90"], strict=True)
        columns.append([f"{low:,.0f} to {high:,.0f}" for low, high in both])
    return _table(heads, list(zip(*columns, strict=True)))


def _places(page: Mapping[str, Any]) -> str:
    rows = []
    for one in page.get("places", ()):
        chance = "" if one["probability"] is None else f"{one['probability']:.0%}"
        reached = "not reached" if one["time"] is None else _time(one["time"])
        rows.append((escape(one["name"]), f"{one['distance_km']:.1f}", reached, chance))
    if not rows:
        return "<p class=note>No town of 15,000 people or more lies within the landscape.</p>"
    return _table(["Place", "Nearest fire, km", "Within 1 km from", "Chance"], rows)


def _fire(page: Mapping[str, Any]) -> str:
    names = (("rate_m_min", "Rate of spread, m/min"), ("flame_length_m", "Flame length, m"),
             ("intensity_kw_m", "Intensity, kW/m"))  # fmt: skip
    rows = [(label, _number(page[name]["mean"]), _number(page[name]["max"])) for name, label in names]
    crown = page["crown_ha"]
    rows.append(("Crown fire, ha (passive, active)", _number(crown["passive"]), _number(crown["active"])))
    return _table(["", "Mean", "Most"], rows)


def _fitted(fit: Mapping[str, Any]) -> str:
    """How well the fire lies on the observed perimeters, and by which factors."""
    told = zip(fit["minutes"], fit["jaccard_before"], fit["jaccard_after"], strict=True)
    rows = [(f"{minutes:,.0f} min", f"{before:.2f}", f"{after:.2f}") for minutes, before, after in told]
    factors = [(escape(name.replace("_", " ")), f"{one['mean']:.2f}", f"{one['sd']:.2f}")
               for name, one in fit["factors"].items()]  # fmt: skip
    return _table(["Perimeter", "Overlap as given", "Fitted"], rows) + _table(["Factor", "Mean", "+-"], factors)


def _section(title: str, body: str) -> str:
    return f"<h2>{escape(title)}</h2>\n{body}"


def _list(items: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(str(one))}</li>" for one in items) + "</ul>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th{'' if n == 0 else ' class=n'}>{escape(one)}</th>" for n, one in enumerate(heads))
    body = "".join(
        "<tr>" + "".join(f"<td{'' if n == 0 else ' class=n'}>{one}</td>" for n, one in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _ha(area: float) -> str:
    return f"{area:,.0f} ha" if area >= 100 else f"{area:.1f} ha"


def _number(value: float | None) -> str:
    return "unknown" if value is None or math.isnan(value) else f"{value:,.1f}"


def _time(text: str) -> str:
    return f"{escape(text[:10])} {escape(text[11:16])} UTC"
