"""`/v1/status`: what is published, how fresh each source is, what the jobs did."""

import logging
import time
from collections.abc import Iterable
from datetime import datetime
from threading import Lock
from typing import Any, get_args

from fastapi import APIRouter, Request
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.responses import Response

from brise.conventions.errors import StoreError
from brise.io.runs import JobRun, SourceStatus, State
from brise.io.sources.registry import SOURCES
from brise.io.tables import Tables
from brise.service.api.answers import encode
from brise.service.api.dependencies import Domain, Store, iso, store_of
from brise.service.api.documented import problems
from brise.service.api.schemas import StatusOut

LOG = logging.getLogger(__name__)
router = APIRouter(tags=["operation"])
JOBS_SHOWN = 20
METRICS_SECONDS = 5.0
"""How long what was read for the metrics is used again, however many scrapers ask."""


def _domain(domain: Domain) -> dict[str, Any]:
    grid, meta = domain.grid, domain.meta
    half = grid.step / 2
    south, east = grid.north - grid.step * (grid.rows - 1) - half, grid.west + grid.step * (grid.columns - 1) + half
    return {
        "name": domain.name,
        "init_time": domain.times[domain.zero],
        "created_at": meta["created_at"],
        "model": meta["model"],
        "background": meta["background"],
        "simulated": bool(meta["simulated"]),
        "variables": meta["variables"],
        "indices": meta["indices"],
        "stations": len(domain.stations),
        "bounds": [round(one, 5) for one in (south, grid.west - half, grid.north + half, east)],
        "step_degrees": grid.step,
        "first_hour": -domain.zero,
        "last_hour": domain.last_lead,
    }


def _iso(when: datetime | None) -> str | None:
    return None if when is None else iso(int(when.timestamp()))


def _sources(tables: Tables, now: datetime) -> list[dict[str, Any]]:
    rows = []
    for one in tables.runs.read_sources():
        source = SOURCES.get(one.source)
        newest = one.last_data_time
        rows.append(
            {
                "name": one.source,
                "title": source.title if source else None,
                "licence": source.licence if source else None,
                "attribution": source.attribution if source else None,
                "terms_url": source.terms_url if source else None,
                "newest_time": _iso(newest),
                "age_minutes": None if newest is None else int((now - newest).total_seconds()) // 60,
                "last_attempt": _iso(one.last_attempt),
                "last_success": _iso(one.last_success),
                "last_error": one.last_error or None,
            }
        )
    return rows


def _jobs(tables: Tables) -> list[dict[str, Any]]:
    return [
        {
            "product": run.product,
            "time": _iso(run.time),
            "state": run.state,
            "started": _iso(run.started),
            "finished": _iso(run.finished),
            "message": run.message or None,
        }
        for run in tables.runs.read_runs(limit=JOBS_SHOWN)
    ]


@router.get(
    "/v1/status",
    summary="What is published, how fresh each source is, what the jobs did.",
    response_model=None,
    responses={200: {"model": StatusOut}, **problems(429)},
)
def status(request: Request) -> Response:
    """Tell all that is known; what cannot be read is named in `notes`, it never stops the answer."""
    store, notes = store_of(request), []
    sources: list[dict[str, Any]] = []
    jobs: list[dict[str, Any]] = []
    snapshot = store.last()
    try:
        snapshot = store.snapshot()
    except StoreError as error:
        notes.append(str(error))
    if snapshot.ended:
        notes.append(f"not shown, for their last run ended before now: {', '.join(one.name for one in snapshot.ended)}")
    now = snapshot.clock.now()
    try:
        tables = store.tables()
        sources, jobs = _sources(tables, now), _jobs(tables)
    except StoreError as error:
        LOG.warning("status: %s", error)
        notes.append(str(error))
    body = {
        "version": request.app.version,
        "now": iso(int(now.timestamp())),
        "clock_speed": snapshot.clock.speed,
        "simulated": any(bool(domain.meta["simulated"]) for domain in snapshot.domains),
        "domains": [_domain(domain) for domain in snapshot.domains],
        "sources": sources,
        "jobs": jobs,
        "notes": notes,
    }
    return Response(encode(body), headers={"Cache-Control": "no-cache"}, media_type="application/json")


class Freshness(Collector):
    """Prometheus gauges of what `/v1/status` tells. Labels are domains, sources, products and states: few."""

    def __init__(self, store: Store) -> None:
        """Read nothing yet."""
        self._store = store
        self._lock = Lock()
        self._read_at = -METRICS_SECONDS
        self._kept: list[Metric] = []

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering reads nothing."""
        return []

    def collect(self) -> Iterable[Metric]:
        """The gauges, at most METRICS_SECONDS old."""
        with self._lock:
            if time.monotonic() - self._read_at >= METRICS_SECONDS:
                self._kept = _gauges(self._store)
                self._read_at = time.monotonic()
            return self._kept


def _gauges(store: Store) -> list[Metric]:
    """What cannot be read is left out: an absent figure is not a zero; `brise_store_up` says why."""
    snapshot, up = store.last(), 1.0
    sources: list[SourceStatus] = []
    runs: list[JobRun] = []
    try:
        snapshot = store.snapshot()
        tables = store.tables()
        sources, runs = tables.runs.read_sources(), tables.runs.read_runs(limit=JOBS_SHOWN)
    except StoreError as error:
        LOG.warning("metrics: %s", error)
        up = 0.0
    now = snapshot.clock.now()
    ages = [(domain.name, now.timestamp() - domain.init) for domain in (*snapshot.domains, *snapshot.ended)]
    data = [(one.source, (now - one.last_data_time).total_seconds()) for one in sources if one.last_data_time]
    rows = [(one.source, float(one.counts["stored"])) for one in sources if "stored" in one.counts]
    failing = [(one.source, float(bool(one.last_error))) for one in sources]
    state = GaugeMetricFamily("brise_job_state", "1 at the newest run's state.", labels=("product", "state"))
    for product in sorted({run.product for run in runs}):
        newest = next(run for run in runs if run.product == product)
        for name in get_args(State):
            state.add_metric((product, name), float(newest.state == name))
    return [
        GaugeMetricFamily("brise_store_up", "1 where database and published runs can be read.", up),
        _gauge("brise_domain_run_age_seconds", "Age of the newest run.", "domain", ages),
        _gauge("brise_source_data_age_seconds", "Age of the newest period that a source gave.", "source", data),
        _gauge("brise_source_ingest_rows", "Rows stored by a source's last ingest.", "source", rows),
        _gauge("brise_source_failing", "1 where a source's last attempt failed.", "source", failing),
        state,
    ]


def _gauge(name: str, text: str, label: str, rows: list[tuple[str, float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=(label,))
    for key, value in rows:
        family.add_metric((key,), value)
    return family
