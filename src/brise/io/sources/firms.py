"""FIRMS: active fires that satellites see (VIIRS and MODIS), from NASA, by area, with a free map key.

A hotspot is a pixel in which something burns when the satellite passes, not a perimeter and not a place of ignition:
the fire may lie anywhere in `scan_m` x `track_m`. Hotspots are no observations of air, so they do not pass through the
registry of sources.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from brise.conventions.errors import ConfigurationError, DecodeError, InputError
from brise.io.download import Client
from brise.io.sources.payload import as_json, as_records, snippet, unpack
from brise.io.sources.rows import number
from brise.io.sources.source import Request, Window

NAME = "firms"
LICENCE = "NASA Earthdata: free and open, no restriction on use"
ATTRIBUTION = "NASA FIRMS, https://earthdata.nasa.gov/firms (LANCE/ESDIS)"
HOST = "https://firms.modaps.eosdis.nasa.gov"
PRODUCTS = ("VIIRS_NOAA20_NRT", "VIIRS_NOAA21_NRT", "VIIRS_SNPP_NRT", "MODIS_NRT")
"""Near real time: seen within three hours of the pass."""

MOST_DAYS = 5
"""Of one request."""

MOST_REQUESTS = 40
MOST_ROWS = 500_000
_LEVELS = {"l": "low", "low": "low", "n": "nominal", "nominal": "nominal", "h": "high", "high": "high"}
_REQUIRED = ("latitude", "longitude", "acq_date", "acq_time")


@dataclass(frozen=True, slots=True)
class Hotspot:
    """One pixel that burns.

    Attributes:
        latitude: Of its middle, degrees.
        longitude: Likewise.
        time: UTC, of the pass.
        satellite: As the provider names it.
        instrument: VIIRS, MODIS, OLI, or "".
        confidence: low, nominal, high, or "" where it is not said.
        brightness_k: Of the mid-infrared channel, K, NaN = unknown.
        power_mw: Fire radiative power, MW, NaN = unknown.
        scan_m: Of the pixel across the track, m, NaN = unknown.
        track_m: Along the track, m.
    """

    latitude: float
    longitude: float
    time: datetime
    satellite: str
    instrument: str
    confidence: str
    brightness_k: float
    power_mw: float
    scan_m: float
    track_m: float

    @property
    def pixel_m(self) -> float:
        """Side of a square as large as the pixel, m."""
        return math.sqrt(self.scan_m * self.track_m)


def read_hotspots(payload: bytes, what: str = NAME) -> list[Hotspot]:
    """Hotspots of a CSV or JSON payload, in its order, each once.

    Args:
        payload: As the provider sent it; gzip or not.
        what: For messages.

    Raises:
        DecodeError: The provider reports an error, the payload is cut, or a row has no place or no time.
    """
    head = unpack(payload, what).lstrip(b"\xef\xbb\xbf \r\n")
    rows: Sequence[Mapping[str, Any]]
    if head[:1] == b"[":
        body = as_json(payload, what)
        if not all(isinstance(row, dict) for row in body):
            raise DecodeError(f"{what}: a list of hotspots is wanted: {snippet(head)}")
        rows = body
    else:
        if b"acq_date" not in head[:1000]:
            raise DecodeError(f"{what}: no hotspots but {snippet(head)}")
        rows = as_records(payload, what, _REQUIRED, newline=False)
    if len(rows) > MOST_ROWS:
        raise DecodeError(f"{what}: {len(rows):,} hotspots, over the limit of {MOST_ROWS:,}; ask for a smaller area")
    return list(dict.fromkeys(_hotspot(row, k, what) for k, row in enumerate(rows, 1)))


def _hotspot(row: Mapping[str, Any], line: int, what: str) -> Hotspot:
    latitude, longitude = number(row.get("latitude")), number(row.get("longitude"))
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        place = f"{str(row.get('latitude'))[:20]}, {str(row.get('longitude'))[:20]}"
        raise DecodeError(f"{what} row {line}: no place: {place}")
    bright = number(row.get("bright_ti4", row.get("brightness")))
    return Hotspot(
        latitude,
        longitude,
        _passed(str(row.get("acq_date", "")).strip(), str(row.get("acq_time", "")).strip(), f"{what} row {line}"),
        str(row.get("satellite") or "").strip()[:40],
        str(row.get("instrument") or "").strip()[:40],
        _confidence(str(row.get("confidence", "")).strip().lower()),
        bright if bright > 0 else math.nan,
        _positive(row.get("frp"), 1.0),
        _positive(row.get("scan"), 1000.0),
        _positive(row.get("track"), 1000.0),
    )


def _positive(value: Any, factor: float) -> float:
    found = number(value)
    return found * factor if found >= 0 else math.nan


def _passed(date: str, clock: str, where: str) -> datetime:
    """UTC of a date and of hours and minutes without a colon and, often, without leading zeros."""
    try:
        digits = clock.replace(":", "").split(".")[0].zfill(4)
        moment = datetime.strptime(f"{date} {digits}", "%Y-%m-%d %H%M").replace(tzinfo=UTC)
    except ValueError:
        raise DecodeError(f"{where}: {date[:20]!r} {clock[:10]!r} is no time") from None
    return moment


def _confidence(said: str) -> str:
    """low, nominal or high; MODIS says percent (below 30 low, from 80 high)."""
    if said in _LEVELS:
        return _LEVELS[said]
    percent = number(said)
    if not 0 <= percent <= 100:
        return ""
    return "low" if percent < 30 else "high" if percent >= 80 else "nominal"


def requests(window: Window, key: str, products: Sequence[str] = PRODUCTS) -> list[Request]:
    """What to ask for a window: each product, at most five days a request.

    The key is a part of the path; it stays out of the URL until the request is sent.

    Args:
        window: Times and area; the provider gives whole days (UTC).
        key: The map key.
        products: Of `PRODUCTS`, or of its archive.

    Raises:
        InputError: More days than a search may span.
    """
    place = "world"
    if window.area is not None:
        south, west, north, east = window.area
        place = ",".join(f"{edge:.4f}" for edge in (west, south, east, north))
    first, last = (moment.astimezone(UTC).date() for moment in (window.start, window.end))
    days = (last - first).days + 1
    if len(products) * math.ceil(days / MOST_DAYS) > MOST_REQUESTS:
        raise InputError(f"firms: {days} days of {len(products)} products: more than {MOST_REQUESTS} requests")
    out = []
    for product in products:
        for begin in range(0, days, MOST_DAYS):
            span = min(MOST_DAYS, days - begin)
            day = first + timedelta(days=begin)
            out.append(Request(f"{HOST}/api/area/csv/{{key}}/{product}/{place}/{span}/{day:%Y-%m-%d}", path_key=key))
    return out


def fetch_hotspots(
    client: Client, window: Window, key: str | None, products: Sequence[str] = PRODUCTS
) -> list[Hotspot]:
    """Hotspots of a window, by time, from the provider.

    Raises:
        ConfigurationError: There is no key.
        InputError: More days than a search may span.
        SourceError: The provider refused, or did not answer.
        DecodeError: Its answer cannot be read.
    """
    if not key:
        raise ConfigurationError("firms needs a map key (free at firms.modaps.eosdis.nasa.gov/api): set firms_key")
    found: list[Hotspot] = []
    for request in requests(window, key, products):
        fetched = client.fetch(NAME, request)
        if fetched is not None:
            found += read_hotspots(fetched.payload)
    within = [spot for spot in found if window.start < spot.time <= window.end]
    return sorted(set(within), key=lambda spot: (spot.time, spot.latitude, spot.longitude))
