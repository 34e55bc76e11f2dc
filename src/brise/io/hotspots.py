"""Hotspots that satellites saw, kept: one row a pixel and pass; told twice, it is kept once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, and_, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from brise.io.database import open_engine, reading, writing
from brise.io.schema import epoch, hotspots
from brise.io.sources.firms import Hotspot
from brise.io.tables import Area

_H = hotspots.c
_ROWS = 500  # of one statement: SQLite binds at most 32,766 values


@dataclass(frozen=True, slots=True)
class Seen:
    """A hotspot in the store.

    Attributes:
        spot: What was seen.
        source: Who told.
        received_at: When we had it.
    """

    spot: Hotspot
    source: str
    received_at: datetime


class Hotspots:
    """The table. Each method is one transaction; StoreError when the database cannot serve."""

    def __init__(self, engine: Engine) -> None:
        """Use an engine whose schema is current (`open_engine`)."""
        self._engine = engine
        self._insert: Any = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert

    @classmethod
    def open(cls, url: str) -> "Hotspots":
        """The table of a database, brought to the newest schema.

        Raises:
            ConfigurationError: The URL cannot be used.
            StoreError: The database cannot serve now.
        """
        return cls(open_engine(url))

    def close(self) -> None:
        """Give connections back."""
        self._engine.dispose()

    def store(self, spots: Sequence[Hotspot], source: str, received_at: datetime) -> int:
        """Keep hotspots; how many were new."""
        new = 0
        with writing(self._engine) as connection:
            for first in range(0, len(spots), _ROWS):
                rows = [_row(spot, source, received_at) for spot in spots[first : first + _ROWS]]
                kept = self._insert(hotspots).values(rows).on_conflict_do_nothing().returning(_H.time)
                new += len(connection.execute(kept).all())
        return new

    def read(self, start: datetime, end: datetime, area: Area | None = None, limit: int = 1000) -> list[Seen]:
        """Those of start < time ≤ end, the newest first.

        Args:
            start: Not included.
            end: Included.
            area: South, west, north, east; west > east crosses the date line.
            limit: At most so many.
        """
        wanted = [_H.time > epoch(start), _H.time <= epoch(end)]
        if area is not None:
            south, west, north, east = area
            across = and_ if west <= east else or_
            wanted += [_H.latitude.between(south, north), across(_H.longitude >= west, _H.longitude <= east)]
        order = (_H.time.desc(), _H.latitude, _H.longitude)
        with reading(self._engine) as connection:
            rows = connection.execute(select(hotspots).where(*wanted).order_by(*order).limit(limit)).all()
        return [_seen(row) for row in rows]

    def forget(self, before: datetime) -> int:
        """Delete older ones; how many."""
        with writing(self._engine) as connection:
            return int(connection.execute(delete(hotspots).where(_H.time < epoch(before))).rowcount)


def _row(spot: Hotspot, source: str, received_at: datetime) -> dict[str, Any]:
    return {
        "source": source,
        "satellite": spot.satellite,
        "time": epoch(spot.time),
        "latitude": round(spot.latitude, 5),
        "longitude": round(spot.longitude, 5),
        "instrument": spot.instrument,
        "confidence": spot.confidence,
        "brightness_k": _known(spot.brightness_k),
        "power_mw": _known(spot.power_mw),
        "pixel_m": _known(spot.pixel_m),
        "received_at": epoch(received_at),
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _seen(row: Any) -> Seen:
    side = math.nan if row.pixel_m is None else row.pixel_m
    spot = Hotspot(
        latitude=row.latitude,
        longitude=row.longitude,
        time=datetime.fromtimestamp(row.time, UTC),
        satellite=row.satellite,
        instrument=row.instrument,
        confidence=row.confidence,
        brightness_k=math.nan if row.brightness_k is None else row.brightness_k,
        power_mw=math.nan if row.power_mw is None else row.power_mw,
        scan_m=side,
        track_m=side,
    )
    return Seen(spot, row.source, datetime.fromtimestamp(row.received_at, UTC))
