"""OpenAQ's realtime stream: newline-delimited JSON of the first platform, 2015-2021, dirty on purpose.

Each file is one fetch of the whole world, named by its epoch (`1517875594.ndjson.gz`). Records carry no station id, so
a station is country, provider, name and rounded place. `date.utc` is the END of the averaging period.

Two things the records do not say are inferred from the file as a whole. A file's records cluster around its fetch, so
one more than 31 days before their median, or 2 days after, carries a misread date (day and month swapped, a stuck
logger). And where one provider gives one name several places while those places carry several names, its list was
joined wrongly: nobody can say where such a value was measured, so it is refused, as `duplicate` where the name already
gave that variable at that time, else as `ambiguous_place`. One file shows little of this; read a day at once.
"""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
from numpy.typing import NDArray

from brise.conventions.errors import DecodeError
from brise.conventions.observations import STATION_COLUMNS, Batch, Kind
from brise.io.sources.payload import snippet, unpack
from brise.io.sources.rows import NAT, Rows, finish

STALE_S, AHEAD_S = 31 * 86_400, 2 * 86_400
"""How far from the median of its own file a record's time may lie."""

UNSTATED_PERIOD_S = 3600
"""Where a record gives no averaging period: the reporting interval of the networks that leave it out."""

_SCHEMA = pa.schema(
    {
        "date": pa.struct({"utc": pa.string()}),
        "parameter": pa.string(),
        "location": pa.string(),
        "value": pa.float64(),
        "unit": pa.string(),
        "averagingPeriod": pa.struct({"value": pa.float64(), "unit": pa.string()}),
        "coordinates": pa.struct({"latitude": pa.float64(), "longitude": pa.float64()}),
        "country": pa.string(),
        "sourceName": pa.string(),
        "sourceType": pa.string(),
        "mobile": pa.bool_(),
    }
)
_PARSE = pj.ParseOptions(explicit_schema=_SCHEMA, unexpected_field_behavior="ignore")
_READ = pj.ReadOptions(use_threads=False, block_size=4 * 2**20)
_PERIOD_S = {"hours": 3600, "hour": 3600, "minutes": 60, "minute": 60, "seconds": 1, "days": 86_400, "day": 86_400}


def file_time(name: str) -> datetime | None:
    """When a file was fetched, by its name.

    >>> file_time("realtime/2018-02-06/1517875594.ndjson.gz").isoformat()
    '2018-02-06T00:06:34+00:00'
    """
    stem = PurePath(name).name.partition(".")[0]
    return datetime.fromtimestamp(int(stem), UTC) if stem.isdigit() and 9 <= len(stem) <= 10 else None


def kind_of(source_type: str, mobile: bool) -> Kind:
    """What a station is: government networks run reference monitors, everyone else low-cost sensors.

    >>> kind_of("government", False), kind_of("research", False), kind_of("other", True)
    ('reference', 'low_cost', 'mobile')
    """
    if mobile:
        return "mobile"
    return "reference" if source_type == "government" else "low_cost"


def period_s(value: float, unit: str) -> int:
    """Seconds of an `averagingPeriod`; the reporting hour where it is absent or senseless.

    >>> period_s(0.25, "hours"), period_s(float("nan"), "")
    (900, 3600)
    """
    seconds = value * _PERIOD_S.get(unit, 0)
    return int(seconds) if 0 < seconds <= 366 * 86_400 else UNSTATED_PERIOD_S


def decode(payload: bytes, received_at: datetime) -> Batch:
    """One file to a Batch; see `decode_many`."""
    return decode_many([(payload, received_at)])


def decode_many(payloads: Sequence[tuple[bytes, datetime]]) -> Batch:
    """Files, each with its received_at, to one Batch without repeats among them.

    Raises:
        DecodeError: A payload is not newline-delimited JSON of this stream; one bad line is only counted, as
            `malformed`.
    """
    tables, received, times, malformed = [], [], [], 0
    for payload, received_at in payloads:
        table, bad = _table(payload)
        malformed += bad
        time = _times(table)
        tables.append(table)
        times.append(time)
        received.append(np.full(len(time), int(received_at.timestamp()), np.int64))
    if not tables:
        raise DecodeError("openaq realtime: no payload")
    batch = finish(_rows(pa.concat_tables(tables), np.concatenate(times), np.concatenate(received)))
    if not malformed:
        return batch
    return Batch(batch.stations, batch.observations, batch.read + malformed, batch.rejected | {"malformed": malformed})


def _table(payload: bytes) -> tuple[pa.Table, int]:
    """A payload as a flat table with coded text, and how many lines could not be read."""
    raw = unpack(payload, "openaq realtime")
    if raw.lstrip()[:1] != b"{":
        raise DecodeError(f"openaq realtime: not newline-delimited JSON: {snippet(raw)}")
    malformed = 0
    try:
        table = pj.read_json(io.BytesIO(raw), read_options=_READ, parse_options=_PARSE)
        table.validate(full=True)  # the reader takes text that is not UTF-8 as it comes
    except pa.ArrowInvalid:
        # One bad line fails the fast reader for the whole file; read this file line by line and keep the others.
        table, malformed = _line_by_line(raw)
    if table["parameter"].null_count == len(table):
        raise DecodeError(f"openaq realtime: no line is a measurement: {snippet(raw)}")
    flat = table.flatten()
    coded = {n: pc.dictionary_encode(c) if pa.types.is_string(c.type) and n != "date.utc" else c
             for n, c in zip(flat.column_names, flat.columns, strict=True)}  # fmt: skip
    return pa.table(coded), malformed


def _line_by_line(raw: bytes) -> tuple[pa.Table, int]:
    records, malformed = [], 0
    for line in raw.splitlines():
        if not line.strip():
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            record = None
        if isinstance(record, dict):
            records.append({f.name: _typed(record.get(f.name), f.type) for f in _SCHEMA})
        else:
            malformed += 1
    if not records:
        raise DecodeError(f"openaq realtime: none of {malformed} lines is JSON: {snippet(raw)}")
    return pa.Table.from_pylist(records, schema=_SCHEMA), malformed


def _typed(value: Any, kind: pa.DataType) -> Any:
    """The value where it has the schema's type, else None."""
    if pa.types.is_struct(kind):
        return {f.name: _typed(value.get(f.name), f.type) for f in kind} if isinstance(value, dict) else None
    if pa.types.is_floating(kind):
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    wanted = bool if pa.types.is_boolean(kind) else str
    return value if isinstance(value, wanted) else None


def _times(table: pa.Table) -> NDArray[np.int64]:
    """Seconds since 1970 of `date.utc`, NAT where it is unreadable or far from the file's own clock."""
    text = pc.utf8_slice_codeunits(table["date.utc"], 0, 19)  # the stream writes whole seconds and "Z"
    moment = pc.strptime(text, format="%Y-%m-%dT%H:%M:%S", unit="s", error_is_null=True)
    out: NDArray[np.int64] = moment.cast(pa.int64()).fill_null(NAT).to_numpy()
    read = out[out != NAT]
    if len(read):
        middle = np.median(read)
        return np.where((out < middle - STALE_S) | (out > middle + AHEAD_S), NAT, out)
    return out


def _codes(table: pa.Table, *names: str) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """One code per distinct combination of columns, and the combinations."""
    parts = {}
    for name in names:
        column = table[name]
        if pa.types.is_dictionary(column.type):
            column = column.unify_dictionaries().combine_chunks()
            values = column.dictionary.to_numpy(zero_copy_only=False)
            codes = column.indices.fill_null(-1).to_numpy()
        else:
            codes, values = pd.factorize(np.round(column.to_numpy(), 4))
        parts[name] = (codes, values)
    mixed = np.zeros(len(table), np.int64)
    for codes, values in parts.values():
        mixed = mixed * (len(values) + 1) + codes + 1
    code, distinct = pd.factorize(mixed)
    first = np.full(len(distinct), -1, np.int64)
    first[code[::-1]] = np.arange(len(code))[::-1]
    return code, pd.DataFrame({n: pd.Series(v).reindex(c[first]).to_numpy() for n, (c, v) in parts.items()})


def _rows(table: pa.Table, time: NDArray[np.int64], received: NDArray[np.int64]) -> Rows:
    where, sites = _codes(
        table, "country", "sourceName", "location", "coordinates.latitude", "coordinates.longitude", "sourceType"
    )
    what, pairs = _codes(table, "parameter", "unit")
    spans, periods = _codes(table, "averagingPeriod.value", "averagingPeriod.unit")
    mobile = table["mobile"].fill_null(False).to_numpy()
    seconds = [period_s(float(v), str(u)) for v, u in zip(*(periods[c] for c in periods), strict=True)]
    stations = _stations(sites, np.bincount(where, weights=mobile, minlength=len(sites)) > 0)
    names = pd.factorize(sites[["country", "sourceName", "location"]].fillna("").agg("|".join, axis=1))[0]
    ambiguous = np.where(_ambiguous(sites), names, -1)[where]
    identity, _ = pd.factorize(stations["station_id"])
    first = np.unique(identity, return_index=True)[1]
    return Rows(
        station=identity[where],
        quantity=what,
        time=time,
        period_s=np.array(seconds, np.int32)[spans],
        value=table["value"].to_numpy(),
        received_at=received,
        quantities=[(str(p or ""), str(u or "")) for p, u in zip(pairs["parameter"], pairs["unit"], strict=True)],
        stations=stations.iloc[first].reset_index(drop=True),
        ambiguous=ambiguous,
    )


def _ambiguous(sites: pd.DataFrame) -> NDArray[np.bool_]:
    """Sites whose name has several places while one of those places has several names, within one provider."""
    known = sites.dropna(subset=["coordinates.latitude", "coordinates.longitude"])
    who = ["country", "sourceName"]
    place = [*who, "coordinates.latitude", "coordinates.longitude"]
    places = known.groupby([*who, "location"], dropna=False)["sourceType"].transform("size")
    names = known.groupby(place, dropna=False)["sourceType"].transform("size")
    crowded = known.assign(crowded=names > 1).groupby([*who, "location"], dropna=False)["crowded"].transform("any")
    out = np.zeros(len(sites), bool)
    out[known.index[(places > 1) & crowded]] = True
    return out


def _stations(sites: pd.DataFrame, mobile: NDArray[np.bool_]) -> pd.DataFrame:
    text = sites[["country", "sourceName", "location", "sourceType"]].fillna("").astype("str")
    latitude, longitude = (sites[f"coordinates.{axis}"].astype(float) for axis in ("latitude", "longitude"))
    place = latitude.map("{:.4f}".format) + "_" + longitude.map("{:.4f}".format)
    name = text["country"] + "_" + text["sourceName"] + "_" + text["location"] + "_" + place
    kinds = [kind_of(t, bool(m)) for t, m in zip(text["sourceType"], mobile, strict=True)]
    return pd.DataFrame(
        {
            "station_id": "openaq:" + name.str.replace(r"[/?#%\s]+", "-", regex=True),
            "source": "openaq",
            "name": text["location"],
            "latitude": latitude,
            "longitude": longitude,
            "altitude_m": np.nan,
            "kind": kinds,
            "operator": text["sourceName"],
            "timezone": "",
            "licence": "as the operator states; collected by OpenAQ (CC BY 4.0)",
            "attribution": text["sourceName"] + " via OpenAQ",
        },
        columns=list(STATION_COLUMNS),
    )
