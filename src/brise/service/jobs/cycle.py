"""The cycle: ingest, check, analyse, forecast, publish; again and again until told to stop."""

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from brise.conventions.errors import BriseError, StoreError
from brise.io import cubes
from brise.io.analyses import compact
from brise.io.raw import RawStore
from brise.io.tables import Tables
from brise.products.air_quality import READ_HOURS
from brise.service.clock import STANDSTILL, WALL, Clock, read_clock, replay_clock, waiting_clock, write_clock
from brise.service.jobs.analyse import PRODUCT, Analyst
from brise.service.jobs.champion import open_artifacts, shadow_folder
from brise.service.jobs.crowd import CrowdJob
from brise.service.jobs.erase import finish_erasures
from brise.service.jobs.feeds import Feed
from brise.service.jobs.fires import FireWatch
from brise.service.jobs.ingest import open_tables
from brise.service.jobs.quality import check_recent
from brise.service.jobs.shadow import Shadow
from brise.service.jobs.tracker_calibration import CalibrationJob
from brise.service.settings import Settings

log = logging.getLogger("brise.cycle")

TICK = timedelta(minutes=1)
"""How often sources are looked at; each is asked at its own interval."""

LEASE_NAME = "cycle"
LEASE = timedelta(minutes=15)
"""Longer than a pause and a turn can take; a killed holder on this machine is noticed at once."""

STAND_BY_S = 2.0
"""How often a cycle that stands by, or whose store is gone, looks again."""

ENOUGH_NEW = 0.2
"""An hour is analysed again when so many more of its values have been reported."""

SETTLED = timedelta(hours=48)
"""Rows of less than an hour become hourly means after this: quality control looks no further back."""

HOUR = timedelta(hours=1)
FORECASTS_KEPT = timedelta(days=7)
FORECASTS_EVERY_H = 6
"""What verification reads: the synoptic hours. A week of every hour takes 1 MB a cell, six times that of these."""


@dataclass(slots=True)
class State:
    """What this cycle remembers between turns; a restart forgets it and loses only time."""

    init_time: datetime | None = None
    reported: int = 0
    pruned: datetime | None = None
    standing_by: bool = False
    clock: Clock = field(default=WALL)


def run_cycle(settings: Settings, feed: Feed, stop: threading.Event) -> None:
    """Turn until `stop`; a store that is gone is waited for."""
    state = State()
    shadow = Shadow(open_artifacts(settings), shadow_folder(settings))
    analyst = Analyst(settings.data_dir, feed.simulated, shadow=shadow, artifacts=shadow.store)
    rain: Callable[[Tables, datetime], int] | None = None
    fires = FireWatch(settings, feed.simulated)
    crowd, calibration = CrowdJob(settings.data_dir), CalibrationJob(analyst.products)
    tables: Tables | None = None
    prepared = False
    with ExitStack() as lease:  # held through the pauses, so that a second cycle stands by all the time
        while not stop.is_set():
            pause = STAND_BY_S
            try:
                tables = tables or open_tables(settings)
                lease.close()  # taken anew every turn: another may come in between, and then we stand by
                if lease.enter_context(tables.lease(LEASE_NAME, LEASE)):
                    state.standing_by = False
                    if not prepared:
                        _prepare(tables, settings, feed, state)
                        prepared = True
                    turn(tables, settings, feed, analyst, state)
                    rain = rain or _rain(settings, feed)
                    rain(tables, state.clock.now())
                    fires.turn(tables, state.clock.now())
                    calibration.turn(tables, state.clock.now())
                    crowd.turn(tables, state.clock.now())
                    _start_clock(settings, feed, state)
                    pause = _pause(state.clock)
                elif not state.standing_by:
                    state.standing_by, prepared = True, False
                    log.warning("another cycle works on this store; standing by")
            except StoreError as error:
                log.error("%s; trying again in %.0f s", error, pause)  # noqa: TRY400  # the line says it all
            except OSError as error:
                log.error("%s: %s; trying again in %.0f s", settings.data_dir, error, pause)  # noqa: TRY400  # as above
            stop.wait(pause)
    if tables is not None:
        tables.close()
    log.info("stopped")


def _rain(settings: Settings, feed: Feed) -> Callable[[Tables, datetime], int]:
    """What nowcasts rain once a turn; its compiled loops are loaded after the first map, and never by the API."""
    from brise.service.jobs.rain import RainJob, radar_feed

    return RainJob(settings, radar_feed(settings, feed.simulated)).turn


def _prepare(tables: Tables, settings: Settings, feed: Feed, state: State) -> None:
    """Bring in the past; a replay's clock waits at its start until the first run is there."""
    state.clock = read_clock(settings.data_dir)
    if feed.starts_at is not None and state.clock == WALL:
        state.clock = waiting_clock(feed.starts_at)
    feed.prepare(tables, state.clock.now())


def _start_clock(settings: Settings, feed: Feed, state: State) -> None:
    """Let a replay's clock run; a cycle that was restarted goes on with the clock it finds."""
    if feed.starts_at is not None and state.clock.speed == STANDSTILL:
        state.clock = replay_clock(feed.starts_at, feed.speed)
        write_clock(settings.data_dir, state.clock)


def _pause(clock: Clock) -> float:
    """Wall seconds until something may be due: the next tick or the next hour of the clock."""
    now = clock.now()
    next_hour = now.replace(minute=0, second=0, microsecond=0) + HOUR
    span = clock.wall_seconds(min(TICK if clock.speed == 1 else HOUR, next_hour - now))
    return min(max(0.05, span), TICK.total_seconds())  # however slow the clock: the lease is to be kept


def turn(tables: Tables, settings: Settings, feed: Feed, analyst: Analyst, state: State) -> None:
    """One turn; what fails is named and the rest goes on."""
    now = state.clock.now()
    feed.poll(tables, settings, now)
    init_time = analyst.newest_hour(tables, now)
    if init_time is None:
        return
    again = init_time == state.init_time and analyst.reported >= (1 + ENOUGH_NEW) * state.reported
    if state.init_time is None or init_time > state.init_time or again:
        check_recent(tables, now)
        try:
            analyst.publish(tables, feed, init_time, now)
            forgotten = now - timedelta(days=settings.retention_days)
            cubes.prune(analyst.products, PRODUCT, now - FORECASTS_KEPT, forgotten, FORECASTS_EVERY_H)
        except BriseError as error:
            if isinstance(error, StoreError):
                raise
            log.error("%s for %s failed: %s", PRODUCT, init_time, error)  # noqa: TRY400  # the line says it all
        state.init_time, state.reported = init_time, analyst.reported
    _prune(tables, settings, analyst.products, state)


def _prune(tables: Tables, settings: Settings, products: Path, state: State) -> None:
    """Once a day of the clock, forget what is older or finer than it should be."""
    now = state.clock.now()
    if state.pruned is not None and now - state.pruned < timedelta(days=1):
        return
    finish_erasures(tables)
    if state.pruned is not None:  # not in the first turn, which should show something soon
        tables.delete_older_than(now - timedelta(days=settings.retention_days))
        rolled = tables.roll_up(now - timedelta(hours=READ_HOURS), now - SETTLED, now)
        if rolled:
            log.info("%d rows of less than an hour became hourly means", rolled)
        RawStore(settings.data_dir / "raw").prune(now)
        for domain in cubes.current(products, PRODUCT):
            compact(products, PRODUCT, domain, now - timedelta(days=2))
    state.pruned = now
