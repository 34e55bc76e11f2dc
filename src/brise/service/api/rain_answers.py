"""What is said about rain: pure functions of a published nowcast, returning what orjson can write."""

import csv as csv_writer
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brise.conventions.grids import Grid
from brise.io.cubes import Run
from brise.io.rain_runs import decode
from brise.products.rain_words import UNKNOWN, Outlook, describe, sentence
from brise.service.api.answers import centre
from brise.service.api.dependencies import iso, seconds_of

UNIT = "mm/h"
TOTAL_UNIT = "mm"
STALE_MINUTES = 15
"""A newest frame older than this is told as degraded: radars give one each 5 to 10 minutes."""

QUANTITIES: dict[str, tuple[str, int]] = {
    "value": ("rate", 0),
    "q10": ("rate", 1),
    "q90": ("rate", 2),
    "chance_0.1": ("chance", 0),
    "chance_1": ("chance", 1),
    "chance_5": ("chance", 2),
    "chance_10": ("chance", 3),
}
"""What an area can be asked for: which array, which row."""


@dataclass(frozen=True, slots=True)
class RainDomain:
    """A published nowcast, prepared for reading.

    Attributes:
        name: Of the area.
        tag: Of the run, short.
        meta: As published.
        grid: Its pixels.
        init: Seconds since 1970 UTC of the newest frame.
        leads: (L,) minutes; the first is 0.
        arrays: "rate", "chance" and "totals", as io/rain_runs.py stores them.
    """

    name: str
    tag: str
    meta: dict[str, Any]
    grid: Grid
    init: int
    leads: tuple[int, ...]
    arrays: dict[str, NDArray[Any]]

    @property
    def end(self) -> int:
        """Seconds since 1970 UTC of the last lead."""
        return self.init + 60 * self.leads[-1]


def prepare(run: Run) -> RainDomain:
    """Open a run for reading at points."""
    return RainDomain(
        name=run.grid.name,
        tag=hashlib.blake2b(f"{run.grid.name} {run.name}".encode(), digest_size=6).hexdigest(),
        meta=run.meta,
        grid=run.grid,
        init=seconds_of(run.meta["init_time"]),
        leads=tuple(int(lead) for lead in run.meta["leads"]),
        arrays={name: np.asarray(array) for name, array in run.arrays.items()},  # views: slices of a memmap are slow
    )


def first_step(domain: RainDomain, now: int) -> int:
    """Position of the newest lead at or before now; the first where now is before the newest frame."""
    return max(0, sum(domain.init + 60 * lead <= now for lead in domain.leads) - 1)


def locate(domains: Sequence[RainDomain], latitude: float, longitude: float) -> tuple[RainDomain, int] | None:
    """The first area (newest, finest) that knows something at a point, else that holds it, and the cell; or None."""
    held: tuple[RainDomain, int] | None = None
    for domain in domains:
        cell = domain.grid.cell(latitude, longitude)
        if cell is not None:
            rate = domain.arrays["rate"][cell, 0]
            if (rate != np.iinfo(rate.dtype).max).any():
                return domain, cell
            held = held or (domain, cell)
    return held


def _numbers(codes: NDArray[Any]) -> list[float | None]:
    unknown = np.iinfo(codes.dtype).max
    return [None if code == unknown else code / 100 for code in codes.tolist()]


def provenance(domain: RainDomain, now: int) -> dict[str, Any]:
    """Where a nowcast comes from."""
    meta = domain.meta
    return {
        "simulated": bool(meta["simulated"]),
        "model": meta["model"],
        "sources": meta["sources"],
        "newest_frame": {"time": iso(domain.init), "age_minutes": (now - domain.init) // 60},
        "created_at": meta["created_at"],
        "degraded": bool(meta["degraded"]),
        "notes": meta["notes"],
        "answered_at": iso(now),
    }


def trouble(domain: RainDomain, now: int) -> str | None:
    """Why a nowcast is less than it should be; None = it is not."""
    age = (now - domain.init) // 60
    if age > STALE_MINUTES:
        return f"the newest frame is {age} minutes old, the limit is {STALE_MINUTES}"
    if domain.meta["degraded"]:
        return "; ".join(domain.meta["notes"])
    return None


def _why_not(domains: Sequence[RainDomain], ended: Sequence[RainDomain], point: tuple[float, float]) -> str:
    over = next((one for one in ended if one.grid.cell(*point) is not None), None)
    if over is not None:
        return too_old(over)
    if not domains and not ended:
        return NOTHING
    return f"outside every radar area; there are {', '.join(sorted(one.name for one in (*domains, *ended)))}"


NOTHING = "no rain nowcast is published: no radar is set (BRISE_RADAR_DIR), or its first run is being made"


def too_old(domain: RainDomain) -> str:
    """Why a nowcast says nothing about now."""
    return f"the newest frame of {domain.name}, of {iso(domain.init)}, is too old: its nowcast ended {iso(domain.end)}"


def point(
    domains: Sequence[RainDomain], ended: Sequence[RainDomain], place: tuple[float, float], now: int
) -> dict[str, Any]:
    """Rain at a point from now on."""
    found = locate(domains, *place)
    head: dict[str, Any] = {"latitude": place[0], "longitude": place[1]}
    if found is None:
        return head | _nothing(_why_not(domains, ended, place)) | {"cell": None, "init_time": None, "provenance": None}
    domain, cell = found
    start = first_step(domain, now)
    leads = domain.leads[start:]
    rate, chance = domain.arrays["rate"][cell, :, start:], domain.arrays["chance"][cell, :, start:]
    latitude, longitude = centre(domain.grid, cell)
    about = {
        "cell": {
            "domain": domain.name,
            "latitude": latitude,
            "longitude": longitude,
            "step_degrees": domain.grid.step,
        },
        "init_time": iso(domain.init),
        "provenance": provenance(domain, now),
    }
    if (rate[0] == np.iinfo(rate.dtype).max).all():
        return head | _nothing("no radar of this area sees this place, nor what comes to it") | about
    value, low, high = (_numbers(row) for row in rate)
    totals = domain.arrays["totals"][cell]
    told = describe(
        np.array(leads, float),
        decode(rate[0]),
        decode(chance[0]),
        _numbers(totals[-1])[0] if start == 0 and len(totals) else None,
    )
    note = trouble(domain, now)
    return head | about | {
        "status": "ok" if note is None else "degraded",
        "reason": note,
        "time": [iso(domain.init + 60 * lead) for lead in leads],
        "lead_minutes": list(leads),
        "kind": ["modelled" if lead else "measured" for lead in leads],
        "rain_rate": {"unit": UNIT, "value": value, "q10": low, "q90": high},
        "chance": {
            f"{limit:g}": _numbers(row) for limit, row in zip(domain.meta["thresholds"], chance, strict=True)
        },
        "totals": [
            {"minutes": minutes, "unit": TOTAL_UNIT}
            | dict(zip(("chance", "q10", "q50", "q90"), _numbers(codes), strict=True))
            for minutes, codes in zip(domain.meta["windows"], totals, strict=True)
        ],
        "words": words(told, domain.init),
    }  # fmt: skip


def _nothing(reason: str) -> dict[str, Any]:
    return {
        "status": "unknown",
        "reason": reason,
        "time": [],
        "lead_minutes": [],
        "kind": [],
        "rain_rate": {"unit": UNIT, "value": [], "q10": [], "q90": []},
        "chance": {},
        "totals": [],
        "words": words(UNKNOWN, 0),
    }


def words(outlook: Outlook, init: int) -> dict[str, Any]:
    """An outlook with times of day."""

    def when(minutes: float | None) -> str | None:
        return None if minutes is None else iso(init + round(60 * minutes))

    def clock(minutes: float) -> str:
        return f"{iso(init + 60 * round(minutes))[11:16]} UTC"

    return {
        "key": outlook.key,
        "text": sentence(outlook, clock),
        "chance": None if outlook.chance is None else round(outlook.chance, 2),
        "confidence": None if outlook.confidence is None else round(outlook.confidence, 2),
        "until": when(outlook.until),
        "spells": [
            {
                "start": when(spell.start),
                "end": when(spell.end),
                "intensity": spell.intensity,
                "peak": spell.peak,
                "confidence": spell.confidence,
            }
            for spell in outlook.spells
        ],
    }


def area(
    domain: RainDomain, cells: tuple[slice, slice], steps: Sequence[int], quantity: str, now: int
) -> dict[str, Any]:
    """Rain over a block of an area's cells at some of its leads."""
    name, row = QUANTITIES[quantity]
    grid = domain.grid
    rows, columns = cells
    codes = domain.arrays[name].reshape(grid.rows, grid.columns, *domain.arrays[name].shape[1:])
    block = decode(codes[rows, columns, row][..., list(steps)]).astype(np.float64).round(2)
    note = trouble(domain, now)
    return {
        "status": "unknown" if np.isnan(block).all() else "ok" if note is None else "degraded",
        "reason": "no radar sees any of it" if np.isnan(block).all() else note,
        "domain": domain.name,
        "init_time": iso(domain.init),
        "quantity": quantity,
        "unit": UNIT if name == "rate" else "1",
        "grid": {
            "north": round(grid.north - rows.start * grid.step, 6),
            "west": round((grid.west + columns.start * grid.step + 180) % 360 - 180, 6),
            "step_degrees": grid.step,
            "rows": rows.stop - rows.start,
            "columns": columns.stop - columns.start,
        },
        "time": [iso(domain.init + 60 * domain.leads[step]) for step in steps],
        "lead_minutes": [domain.leads[step] for step in steps],
        "values": np.ascontiguousarray(np.moveaxis(block, -1, 0)),
        "provenance": provenance(domain, now),
    }


def no_area(reason: str, quantity: str) -> dict[str, Any]:
    """An area about which nothing is known."""
    return {
        "status": "unknown",
        "reason": reason,
        "domain": None,
        "init_time": None,
        "quantity": quantity,
        "unit": UNIT if QUANTITIES[quantity][0] == "rate" else "1",
        "grid": None,
        "time": [],
        "lead_minutes": [],
        "values": [],
        "provenance": None,
    }


HEAD = ("latitude", "longitude", "time", "lead_minutes", "kind", "status", "domain", "simulated")


def csv(answers: Sequence[dict[str, Any]]) -> bytes:
    """Points' answers as CSV, one row a point and time; unknown is an empty field."""
    limits = list(dict.fromkeys(name for answer in answers for name in answer["chance"]))
    text = io.StringIO()
    writer = csv_writer.writer(text, lineterminator="\n")
    writer.writerow([*HEAD, "rain_rate_mm_h", "q10_mm_h", "q90_mm_h", *(f"chance_{name}" for name in limits)])
    for answer in answers:
        origin, cell, rate = answer["provenance"] or {}, answer["cell"] or {}, answer["rain_rate"]
        simulated = str(origin["simulated"]).lower() if origin else None
        fixed = [answer["status"], cell.get("domain"), simulated]
        place = [answer["latitude"], answer["longitude"]]
        if not answer["time"]:  # an unknown point: one row says so
            writer.writerow([*place, None, None, None, *fixed, *([None] * (3 + len(limits)))])
        columns = [answer["time"], answer["lead_minutes"], answer["kind"], rate["value"], rate["q10"], rate["q90"]]
        columns += [answer["chance"].get(name, [None] * len(answer["time"])) for name in limits]
        for time, lead, kind, *numbers in zip(*columns, strict=True):
            writer.writerow([*place, time, lead, kind, *fixed, *numbers])
    return text.getvalue().encode()
