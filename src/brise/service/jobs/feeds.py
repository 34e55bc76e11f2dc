"""Where the cycle's measurements come from: live providers, a replayed archive, or the simulated atmosphere."""

import hashlib
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Protocol

import xarray as xr

from brise.conventions.errors import DecodeError, InputError, SourceError, StoreError
from brise.conventions.observations import Batch, empty_observations
from brise.io.download import Client, Limits
from brise.io.raw import RawStore
from brise.io.runs import SourceStatus
from brise.io.sources import simulated, simulated_fields
from brise.io.sources.archive import archive_span, read_archive
from brise.io.sources.registry import SOURCES
from brise.io.sources.source import Source, Window
from brise.io.tables import Tables
from brise.service.jobs.fetch import LIVE_WINDOW, ingest_live
from brise.service.jobs.ingest import (
    Report,
    source_named,
    store_batch,
    without,
)
from brise.service.jobs.quality import check_history
from brise.service.settings import Settings

log = logging.getLogger("brise.feed")

PROBE_SECONDS = 5.0
"""How long `auto` waits for the live sources."""

READ_AHEAD = timedelta(days=7)
CATCH_UP = timedelta(days=2)
MINUTE = "%Y-%m-%dT%H:%MZ"

PROBE_WINDOW = timedelta(hours=3)
"""What a source is asked for to see whether it answers: the newest hour's file may not be there yet."""

POLL_REQUESTS = 600
"""Of one source in one turn: ten minutes at one a second, less than the cycle holds its lease."""

PROBE_POINT = ((51.5, -0.1),)
"""Where a forecast source is asked whether it answers at all."""

REPLAY_HISTORY = timedelta(days=400)
SIMULATED_HISTORY = timedelta(days=14)


class Feed(Protocol):
    """What the cycle needs of a feed.

    Attributes:
        mode: Names the data folder.
        title: For people.
        simulated: Whether anything it gives is not a measurement.
        starts_at: Where a replayed clock starts; None = the wall's clock.
        speed: Of the replayed clock.
    """

    @property
    def mode(self) -> str: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def simulated(self) -> bool: ...  # noqa: D102
    @property
    def starts_at(self) -> datetime | None: ...  # noqa: D102
    @property
    def speed(self) -> float: ...  # noqa: D102

    def prepare(self, tables: Tables, now: datetime) -> None:
        """Bring in what was known before `now`; what is stored already is not brought again."""

    def poll(self, tables: Tables, settings: Settings, now: datetime) -> int:
        """Store what has become known since; the number of new rows."""

    def background(self, init_time: datetime, hours: range) -> list[xr.Dataset]:
        """A chemistry-transport forecast on grids, if there is one: dims (time, latitude, longitude)."""


@dataclass
class ReplayFeed:
    """An archive, row by row as it would have arrived: each at its `received_at`.

    Attributes:
        path: Wide station-hour Parquet.
        at: Where the clock starts.
        speed: Of the clock.
        hidden: Stations that are never shown to the product.
    """

    path: Path
    at: datetime
    speed: float
    hidden: frozenset[str] = frozenset()
    simulated: bool = False
    seen: datetime | None = None
    ahead: tuple[list[Batch], datetime] | None = None

    @classmethod
    def open(cls, path: Path, at: datetime | None, speed: float, withhold: Path | None) -> "ReplayFeed":
        """Check that the archive can be played from there.

        Raises:
            InputError: No such file, or `at` lies outside it.
        """
        first, last = archive_span(path)
        at = at or first + timedelta(days=30)
        if not first <= at < last:
            raise InputError(
                f"{path.name} spans {first:%Y-%m-%dT%H:%MZ} to {last:%Y-%m-%dT%H:%MZ}; --at {at} is outside"
            )
        hidden = frozenset(withhold.read_text().split()) if withhold else frozenset()
        return cls(path, at, speed, hidden)

    @property
    def mode(self) -> str:
        """A folder of its own for each archive and each choice of hidden stations: what one stored, all would read."""
        if not self.hidden:
            return f"replay-{self.path.stem}"
        which = hashlib.blake2s(" ".join(sorted(self.hidden)).encode(), digest_size=4).hexdigest()
        return f"replay-{self.path.stem}-without-{which}"

    @property
    def title(self) -> str:
        """For people."""
        return f"replaying {self.path.name} from {self.at:%Y-%m-%dT%H:%MZ} at {self.speed:g} times real time"

    @property
    def starts_at(self) -> datetime | None:
        """Where the clock starts."""
        return self.at

    def refuse_known(self, tables: Tables) -> None:
        """Make sure that the store never saw what is to be hidden.

        Raises:
            InputError: It holds a hidden station.
        """
        stored = tables.read_stations(source="archive")
        shown = without(Batch(stored, empty_observations(), 0), self.hidden).stations
        if len(shown) < len(stored):
            known = sorted(set(stored["station_id"]) - set(shown["station_id"]))
            raise InputError(f"--withhold: this data folder holds {known[0]} already; give another with --data")

    def prepare(self, tables: Tables, now: datetime) -> None:
        """The archive up to `now`, as far back as the models look."""
        start, report = now - REPLAY_HISTORY, Report("archive")
        for batch in read_archive(self.path, start, now):
            store_batch(tables, without(batch, self.hidden), report)
        self.seen = now
        flagged = check_history(tables, start, now)
        log.info("history: %d rows (%d known already), %d flagged", report.stored, report.duplicate, flagged)

    def poll(self, tables: Tables, settings: Settings, now: datetime) -> int:  # noqa: ARG002
        """Rows received since the last time."""
        start, self.seen = self.seen or now - CATCH_UP, now
        report = Report("archive")
        for batch in self._ahead(start, now):
            rows = batch.observations
            due = (rows["received_at"] > start) & (rows["received_at"] <= now)
            store_batch(tables, without(replace(batch, observations=rows[due]), self.hidden), report)
        return report.stored

    def background(self, init_time: datetime, hours: range) -> list[xr.Dataset]:  # noqa: ARG002
        """None: an archive holds measurements only."""
        return []

    def _ahead(self, start: datetime, now: datetime) -> list[Batch]:
        """The archive a week at a time, so that a fast replay does not read the file every hour."""
        if not self.ahead or now > self.ahead[1]:
            until = now + READ_AHEAD
            self.ahead = (list(read_archive(self.path, start - CATCH_UP, until)), until)
        return self.ahead[0]


@dataclass
class SimulatedFeed:
    """The simulated atmosphere: offline, always there, never a measurement."""

    mode: ClassVar[str] = "simulated"
    title: ClassVar[str] = "the SIMULATED atmosphere"
    simulated: ClassVar[bool] = True
    starts_at: ClassVar[datetime | None] = None
    speed: ClassVar[float] = 1.0
    seed: int = 0
    seen: datetime | None = None

    def prepare(self, tables: Tables, now: datetime) -> None:
        """Two weeks of history, or what is missing of them."""
        start = now - SIMULATED_HISTORY
        known = [s.last_data_time for s in tables.runs.read_sources() if s.source == "simulated" and s.last_data_time]
        start = max([start, *known])
        self.seen = start
        log.info("simulating the air since %s", f"{start:%Y-%m-%dT%H:%MZ}")
        self._store(tables, now)
        check_history(tables, start, now)

    def poll(self, tables: Tables, settings: Settings, now: datetime) -> int:  # noqa: ARG002
        """The hours that have ended since."""
        return self._store(tables, now)

    def background(self, init_time: datetime, hours: range) -> list[xr.Dataset]:
        """The biased, smoothed copy that stands in for a chemistry-transport forecast."""
        return list(simulated_fields.ctm_background(init_time, hours, self.seed).values())

    def _store(self, tables: Tables, now: datetime) -> int:
        hour = now.replace(minute=0, second=0, microsecond=0)
        start = self.seen or hour - timedelta(hours=1)
        if hour <= start:
            return 0
        report = Report("simulated")
        store_batch(tables, simulated.observations(start, hour, seed=self.seed), report)
        tables.runs.record_source(SourceStatus("simulated", now, now, hour, counts=report.as_dict()))
        self.seen = hour
        return report.stored


@dataclass
class LiveFeed:
    """Live providers, each asked at its own interval; one that fails is named and the others go on."""

    mode: ClassVar[str] = "live"
    simulated: ClassVar[bool] = False
    starts_at: ClassVar[datetime | None] = None
    speed: ClassVar[float] = 1.0
    sources: tuple[str, ...]
    asked: dict[str, datetime] = field(default_factory=dict)
    client: Client | None = None

    @classmethod
    def of(cls, names: Iterable[str], settings: Settings) -> "LiveFeed":
        """Check that each can be asked.

        Raises:
            NotFoundError: No such source.
            InputError: It cannot be asked, or its key is not set.
        """
        chosen = tuple(name.strip() for name in names)
        for name in chosen:
            source = source_named(name)
            if source.requests is None:
                raise InputError(f"{name} is read from files, not live; give them to `brise ingest {name}`")
            if source.key_setting is not None and settings.key(source.key_setting) is None:
                raise InputError(f"{name} wants a key: set BRISE_{source.key_setting.upper()}")
        return cls(chosen)

    @property
    def title(self) -> str:
        """For people."""
        return f"live sources: {', '.join(self.sources)}"

    def prepare(self, tables: Tables, now: datetime) -> None:
        """Live sources have no history of their own; the store is it."""

    def poll(self, tables: Tables, settings: Settings, now: datetime) -> int:
        """Ask every source that is due and store what each gave: all measurements at once, then forecasts there."""
        due = [SOURCES[name] for name in self.sources if self._is_due(name, now)]
        if not due:
            return 0
        self.asked |= {source.name: now for source in due}
        self.client = self.client or Client(RawStore(settings.data_dir / "raw"))
        span = now - LIVE_WINDOW, None  # to now, or as far as a forecast goes

        def ask(source: Source, client: Client) -> int:
            try:
                return ingest_live(tables, source, client, settings, span, POLL_REQUESTS).stored
            except (SourceError, DecodeError) as error:
                log.warning("%s", error)
            except StoreError:
                raise
            except Exception as error:  # the job's edge: whatever a provider's answer breaks, the others go on
                log.exception("%s: not understood", source.name)
                tables.runs.record_source(SourceStatus(source.name, now, last_error=f"not understood: {error}"))
            return 0

        stored = 0
        with ThreadPoolExecutor(len(due)) as pool:
            for forecast in (False, True):
                some = [source for source in due if source.forecast == forecast]
                stored += sum(pool.map(ask, some, [self.client] * len(some)))
        return stored

    def _is_due(self, name: str, now: datetime) -> bool:
        """Also when the machine's clock was set back to before it was asked."""
        asked = self.asked.get(name)
        return asked is None or not timedelta(0) <= now - asked < SOURCES[name].interval

    def background(self, init_time: datetime, hours: range) -> list[xr.Dataset]:  # noqa: ARG002
        """None yet on grids; model points come through the store."""
        return []


def answering_sources(settings: Settings) -> list[str]:
    """The live sources that need no key we lack and answer within PROBE_SECONDS, asked all at once.

    A forecast alone is no air to analyse: without a source of measurements there is none.
    """
    limits = Limits(timeout_s=PROBE_SECONDS, deadline_s=PROBE_SECONDS, attempts=1)
    usable = [
        source
        for source in SOURCES.values()
        if source.requests is not None and (source.key_setting is None or settings.key(source.key_setting))
    ]
    now = datetime.now(UTC)
    with Client(limits=limits) as client, ThreadPoolExecutor(max(1, len(usable))) as pool:
        asked = {source.name: pool.submit(_answers, source, client, settings, now) for source in usable}
        found = [name for name, answer in asked.items() if answer.result()]
    return found if any(not SOURCES[name].forecast for name in found) else []


def _answers(source: Source, client: Client, settings: Settings, now: datetime) -> bool:
    ask = source.requests
    if ask is None:
        return False
    window = Window(now - PROBE_WINDOW, now, area=settings.area, points=settings.points or PROBE_POINT)
    first = ask(window, settings.key(source.key_setting))[:1]
    try:
        return bool(first) and client.fetch(source.name, first[0]) is not None
    except SourceError as error:
        log.info("%s does not answer: %s", source.name, error)
        return False
