"""AirGradient: a monitor's own answer, the cloud's JSON, and the dashboard's CSV export.

Where the maker's corrected PM2.5 is given it is the one stored as `airgradient:ID`; the raw count goes to a second
station, `airgradient-raw:ID`, flagged suspect so that it never feeds a product. Most answers carry no coordinates:
bind `decode` to the owner's places with `decode_at`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from brise.conventions.errors import DecodeError
from brise.conventions.observations import Batch, Flag
from brise.io.sources.payload import as_json, as_records, snippet, unpack
from brise.io.sources.rows import Reading, collect, number, seconds, station
from brise.io.sources.source import Decoder, Request, Source, Window

MINUTE_S, BUCKET_S = 60, 300
_LICENCE = "CC BY-SA 4.0 (public monitors)"
_ATTRIBUTION = "AirGradient and the monitors' owners"
_RAW_PM = ("pm02", "pm01", "pm10")
_FIELDS: dict[str, tuple[tuple[str, ...], str]] = {
    "pm25": (("pm02_corrected", "pm02Compensated"), "µg/m³"),
    "pm1": (("pm01_corrected",), "µg/m³"),
    "pm10": (("pm10_corrected",), "µg/m³"),
    "temperature": (("atmp_corrected", "atmpCompensated", "atmp"), "c"),
    "relative_humidity": (("rhum_corrected", "rhumCompensated", "rhum"), "%"),
    "co2": (("rco2_corrected", "rco2"), "ppm"),
    "voc": (("tvoc",), "ppb"),
}
_CSV = {
    "PM2.5 (μg/m³) raw": "pm02",
    "PM1 (μg/m³)": "pm01",
    "PM10 (μg/m³)": "pm10",
    "Temperature (°C) raw": "atmp",
    "Humidity (%) raw": "rhum",
    "CO2 (ppm) raw": "rco2",
    "TVOC avg (ppb)": "tvoc",
}
_CSV_NEEDED = ("Location ID", "Location Type", "UTC Date/Time", "PM2.5 (μg/m³) raw")

Places = Mapping[str, tuple[float, float]]
"""Location id or serial number -> (latitude, longitude)."""


def _measures(payload: bytes) -> tuple[list[dict[str, Any]], int]:
    """Measures with the maker's field names, and the seconds each one covers."""
    head = unpack(payload, "airgradient").lstrip(b"\xef\xbb\xbf \r\n")
    if head[:1] not in (b"[", b"{", b"<"):
        rows = as_records(payload, "airgradient csv", _CSV_NEEDED, newline=False)
        return [_from_csv(row) for row in rows], MINUTE_S
    body = as_json(payload, "airgradient")
    measures = body if isinstance(body, list) else [body]
    if not all(isinstance(m, dict) and ("serialno" in m or "locationId" in m) for m in measures):
        raise DecodeError(f"airgradient: a measure without serialno or locationId: {snippet(payload)}")
    return measures, BUCKET_S if measures and "datapoints" in measures[0] else MINUTE_S


def _from_csv(row: dict[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {ours: row[theirs] for theirs, ours in _CSV.items() if row.get(theirs)}
    return fields | {
        "locationId": row["Location ID"],
        "locationName": row.get("Location Name"),
        "timestamp": row["UTC Date/Time"],
        "indoor": row["Location Type"] == "Indoor",
    }


def decode(payload: bytes, received_at: datetime, places: Places | None = None) -> Batch:
    """Measures of any number of monitors.

    Args:
        payload: JSON or CSV.
        received_at: When we had it; the time of a monitor's own answer, which carries none.
        places: Where the monitors are, for payloads that do not say.

    Raises:
        DecodeError: None of the maker's formats.
    """
    measures, period = _measures(payload)
    stations, readings = [], []
    for measure in measures:
        native = str(measure.get("locationId") or measure.get("serialno"))
        here = (places or {}).get(native, (measure.get("latitude"), measure.get("longitude")))
        about = {"name": str(measure.get("locationName") or ""), "kind": "low_cost", "operator": "AirGradient",
                 "licence": _LICENCE}  # fmt: skip
        main, raw = f"airgradient:{native}", f"airgradient-raw:{native}"
        stations.append(station(main, *here, attribution=f"{_ATTRIBUTION}; PM corrected by the maker", **about))
        about["source"] = "airgradient"
        stations.append(station(raw, *here, attribution=f"{_ATTRIBUTION}; PM uncorrected", **about))
        time = seconds(measure.get("timestamp", received_at))
        refused = "indoor" if measure.get("indoor") else ""
        for variable, (names, unit) in _FIELDS.items():
            value = next((measure[name] for name in names if measure.get(name) is not None), None)
            if value is not None:
                readings.append(Reading(main, variable, unit, number(value), time, period, refused=refused))
        readings += [
            Reading(raw, name, "µg/m³", number(measure[name]), time, period, flag=Flag.SUSPECT, refused=refused)
            for name in _RAW_PM
            if measure.get(name) is not None
        ]
    return collect(readings, stations, received_at)


def decode_at(places: Places) -> Decoder:
    """The decoder for monitors whose places we know."""
    return partial(decode, places=places)


def requests(window: Window, key: str | None) -> list[Request]:  # noqa: ARG001 (the answer is always "now")
    """The newest measures of the key's own monitors."""
    url = "https://api.airgradient.com/public/api/v1/locations/measures/current"
    return [Request(url, {"token": key or ""})]


SOURCE = Source(
    name="airgradient",
    title="AirGradient",
    licence=_LICENCE,
    attribution=_ATTRIBUTION,
    terms_url="https://www.airgradient.com/terms-of-service/",
    kind="low_cost",
    interval=timedelta(minutes=5),
    latency=timedelta(minutes=2),
    decode=decode,
    key_setting="airgradient_key",
    requests=requests,
)
