"""Fetch: ask a live provider and store what it gives."""

import time
from datetime import UTC, datetime, timedelta

from brise.conventions.errors import ConfigurationError, DecodeError, SourceError
from brise.io.download import Client
from brise.io.raw import RawStore
from brise.io.runs import SourceStatus
from brise.io.sources.live import MOST_REQUESTS, fetch_batches
from brise.io.sources.source import Source, Window
from brise.io.tables import Tables
from brise.service.jobs.ingest import Report, Span, store_batch
from brise.service.settings import Settings

LIVE_WINDOW = timedelta(hours=6)
"""How far back a live source is asked: late rows included."""

FORECAST_WINDOW = timedelta(hours=120)
"""How far ahead a forecast source is asked."""

MODEL_STEP = 0.4
"""Degrees between the points at which a forecast source is asked: CAMS' own grid."""

MOST_POINTS = 250
"""Open-Meteo counts a call of many points as many calls, 600 a minute and 10,000 a day without a key: two calls of 250
points every three hours are 500 and 4,000."""


def station_places(tables: Tables) -> tuple[tuple[float, float], ...]:
    """The coarse cells that hold stations, those with most first: where a forecast is worth asking for."""
    frame = tables.read_stations(kinds=("reference", "low_cost"))
    cells = (frame[["latitude", "longitude"]] / MODEL_STEP).round() * MODEL_STEP
    return tuple((float(a), float(b)) for a, b in cells.value_counts().index[:MOST_POINTS])


def ingest_live(
    tables: Tables, source: Source, client: Client, settings: Settings, span: Span, most: int = MOST_REQUESTS
) -> Report:
    """Ask a provider, at most so many requests, and store what it gives; `brise status` tells how it went.

    Raises:
        InputError: It is not a live source.
        ConfigurationError: It wants a key and none is set.
        SourceError: It did not answer, or refused.
        DecodeError: What it answered cannot be read.
    """
    if source.key_setting is not None and settings.key(source.key_setting) is None:
        raise ConfigurationError(f"{source.name} wants a key: set BRISE_{source.key_setting.upper()}")
    now = datetime.now(UTC)
    points = settings.points or (station_places(tables) if source.forecast else ())
    if source.forecast and not points:
        return Report(source.name)  # no stations yet, so nowhere to ask for
    ends = now + FORECAST_WINDOW if source.forecast else now
    window = Window(span[0] or now - LIVE_WINDOW, span[1] or ends, area=settings.area, points=points)
    key = settings.key(source.key_setting or source.optional_key_setting)
    started, report = time.perf_counter(), Report(source.name)
    try:
        for batch in fetch_batches(client, source, window, key, most):
            store_batch(tables, batch, report)
    except (SourceError, DecodeError) as error:
        tables.runs.record_source(SourceStatus(source.name, now, last_error=str(error)))
        raise
    report.seconds = time.perf_counter() - started
    tables.runs.record_source(SourceStatus(source.name, now, now, report.newest, counts=report.as_dict()))
    return report


def ingest_once(tables: Tables, source: Source, settings: Settings, span: Span) -> Report:
    """As `ingest_live`, with a client of its own."""
    with Client(RawStore(settings.data_dir / "raw")) as client:
        return ingest_live(tables, source, client, settings, span)
