"""`format=csv`: one row a point and hour, one column a quantity."""

import csv as csv_writer
import io
from collections.abc import Sequence
from typing import Any

import orjson

from brise.products.air_indices import SIDES
from brise.service.api.answers import encode

HEAD = ("latitude", "longitude", "time", "status", "domain", "kind", "simulated")


def csv(answers: Sequence[object]) -> bytes:
    """Points' answers (current, forecast or history) as CSV; unknown is an empty field."""
    plain: list[dict[str, Any]] = orjson.loads(encode(answers))
    pollutants = list(dict.fromkeys(name for answer in plain for name in answer["concentrations"]))
    indices = list(dict.fromkeys(name for answer in plain for name in answer["indices"]))
    head = list(HEAD)
    head += [f"{name}{suffix}" for name in pollutants for suffix in ("_ugm3", "_q10_ugm3", "_q90_ugm3")]
    head += [f"{name}{suffix}" for name in indices for suffix in ("", "_category", "_dominant", "_q10", "_q90")]
    text = io.StringIO()
    writer = csv_writer.writer(text, lineterminator="\n")
    writer.writerow(head)
    for answer in plain:
        writer.writerows(_rows(answer, pollutants, indices))
    return text.getvalue().encode()


def _rows(answer: dict[str, Any], pollutants: list[str], indices: list[str]) -> list[list[Any]]:
    origin, cell = answer["provenance"] or {}, answer["cell"] or {}
    times = answer["time"] if isinstance(answer["time"], list) else [answer["time"]]
    place = [answer["latitude"], answer["longitude"]]
    fixed = [
        answer["status"],
        cell.get("domain"),
        origin.get("kind"),
        encode(origin.get("simulated")).decode() if origin else None,
    ]
    keys = [("concentrations", name, key) for name in pollutants for key in ("value", "q10", "q90")]
    keys += [("indices", name, key) for name in indices for key in SIDES]
    if not times:  # an unknown point: one row says so
        return [[*place, None, *fixed, *([None] * len(keys))]]
    columns = [_named(answer[block].get(name, {}), key) for block, name, key in keys]
    columns = [column if isinstance(column, list) else [column] * len(times) for column in columns]
    return [[*place, time, *fixed, *values] for time, *values in zip(times, *columns, strict=True)]


def _named(quantity: dict[str, Any], key: str) -> Any:
    """A column; positions of bands and pollutants by their names."""
    names = quantity.get({"category": "categories", "dominant": "pollutants"}.get(key, ""))
    if names is None:
        return quantity.get(key)
    return [None if code is None else names[code] for code in quantity[key]]
