"""What every route reads: the published runs, the tables and the clock. Nothing else opens a file."""

import hashlib
import math
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, Protocol

import numpy as np
import orjson
from numpy.typing import NDArray
from starlette.requests import Request

from brise.conventions.grids import EARTH_RADIUS_KM, Grid, unit_vectors
from brise.formulas.indices.registry import INDICES
from brise.io import cubes
from brise.io.tables import Tables
from brise.service.api.errors import NotPublishedError
from brise.service.api.terms import withheld
from brise.service.clock import WALL, Clock, read_clock

PRODUCT = "air_quality"
REFRESH_SECONDS = 1.0
"""How long a replica may go on with a run after a newer one was published."""


class ApiSettings(Protocol):
    """The settings that the API needs."""

    data_dir: Path
    cors_origins: list[str]
    rate_limit: str | None
    open_accounts: bool
    trusted_push: bool
    share_restricted: bool
    fire_jobs: int
    fire_jobs_per_client: int
    fire_days_kept: float

    def resolved_database_url(self) -> str:
        """Where the tables are."""


class Station(NamedTuple):
    """A station of a run, encoded once.

    Attributes:
        head: JSON of its constant part, left open: `{"id":…,"measured_at":…`.
        vector: On the unit sphere.
        measured: Seconds since 1970 of its newest measurement in the run; None = the run does not say.
    """

    head: str
    vector: tuple[float, float, float]
    measured: int | None


@lru_cache(maxsize=64)
def legend(name: str) -> dict[str, orjson.Fragment]:
    """What the positions in an index's `category` and `dominant` mean, encoded."""
    index = INDICES[name]
    return {
        "categories": orjson.Fragment(orjson.dumps([band.key for band in index.bands])),
        "pollutants": orjson.Fragment(orjson.dumps(index.pollutants)),
    }


@dataclass(frozen=True, slots=True)
class Domain:
    """A published run, prepared for reading at points.

    Attributes:
        name: Of the domain.
        run: The domain's name and the run's.
        tag: Of the run, short.
        meta: As published.
        grid: Its cells.
        init: Seconds since 1970 UTC of lead 0.
        zero: Position of lead 0 among `meta["hours"]`.
        times: (H,) ISO text of every hour.
        names: (C,) variables.
        variables: name -> row in the arrays.
        indices: name -> row in the arrays.
        concentration: (cells, C, 3, H) µg m-3.
        index: (cells, I, 5, H): SIDES of products/air_indices.py; of runs of before the first three.
        nearest: (cells, C, 3) positions of stations.
        stations: As in `meta`.
        vectors: (S, 3) of the stations.
        reach_km: variable -> how far a station informs.
        plans: What forecasts keep, by kind of request.
    """

    name: str
    run: tuple[str, str]
    tag: str
    meta: dict[str, Any]
    grid: Grid
    init: int
    zero: int
    times: tuple[str, ...]
    names: tuple[str, ...]
    variables: dict[str, int]
    indices: dict[str, int]
    concentration: NDArray[np.float32]
    index: NDArray[np.float32]
    nearest: NDArray[np.int32]
    stations: tuple[Station, ...]
    vectors: NDArray[np.float64]
    reach_km: dict[str, float]
    plans: dict[Any, Any] = field(default_factory=dict)

    @property
    def last_lead(self) -> int:
        """Hours from lead 0 to the end of the run."""
        return len(self.times) - 1 - self.zero

    @property
    def end(self) -> int:
        """Seconds since 1970 UTC of the last lead."""
        return self.init + 3600 * self.last_lead


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything published at one moment.

    Attributes:
        domains: Whose run reaches beyond now; the newest run first, of equally new ones the finest grid.
        ended: The others, whose stations went silent: they speak for no point, but their past can be read.
        clock: Of this data: the wall's, or a replay's.
        tag: Changes when any run changes or ends.
        max_age: Seconds until the next run is expected, 10 to 3,600.
    """

    domains: tuple[Domain, ...]
    ended: tuple[Domain, ...]
    clock: Clock
    tag: str
    max_age: int

    def now(self) -> int:
        """Seconds since 1970 by the data's clock."""
        return int(self.clock.now().timestamp())


def _max_age(domains: tuple[Domain, ...], clock: Clock) -> int:
    """To the end of the hour that follows the newest run; a run that is overdue may come any moment."""
    now = clock.now().timestamp()
    age = min((now - domain.init for domain in domains), default=math.inf)
    left = clock.wall_seconds(timedelta(seconds=3600 - age)) if 0 <= age < 3600 else 0.0
    return int(min(3600, max(10, left)))


@lru_cache(maxsize=1024)
def iso(seconds: int) -> str:
    """Seconds since 1970 as ISO 8601 UTC text, to the second.

    >>> iso(0)
    '1970-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(text: str) -> int:
    """ISO 8601 text (UTC without offset) as seconds since 1970.

    >>> seconds_of("1970-01-01T00:01:00Z")
    60
    """
    value = datetime.fromisoformat(text)
    return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())


def _station(row: dict[str, Any], vector: NDArray[np.float64]) -> Station:
    keys = ("name", "kind", "source", "attribution", "licence")
    measured = max((seconds_of(text) for text in row.get("latest", {}).values()), default=None)
    told: dict[str, Any] = {"id": row["station_id"]} | {key: row.get(key, "") for key in keys}
    told["measured_at"] = None if measured is None else iso(measured)
    x, y, z = vector.tolist()
    return Station(orjson.dumps(told).decode()[:-1], (x, y, z), measured)


def prepare(run: cubes.Run) -> Domain:
    """Encode once what every answer from a run repeats."""
    meta = run.meta
    init, hours = seconds_of(meta["init_time"]), [int(hour) for hour in meta["hours"]]
    rows = meta["stations"]
    vectors = unit_vectors([row["latitude"] for row in rows], [row["longitude"] for row in rows]).reshape(-1, 3)
    return Domain(
        name=run.grid.name,
        run=(run.grid.name, run.name),
        tag=hashlib.blake2b(f"{run.grid.name} {run.name}".encode(), digest_size=8).hexdigest(),
        meta=meta,
        grid=run.grid,
        init=init,
        zero=hours.index(0),
        times=tuple(iso(init + 3600 * hour) for hour in hours),
        names=tuple(meta["variables"]),
        variables={name: place for place, name in enumerate(meta["variables"])},
        indices={name: place for place, name in enumerate(meta["indices"])},
        # plain views: every slice of a numpy.memmap would cost a Python-level constructor
        concentration=np.asarray(run.arrays["concentration"]),
        index=np.asarray(run.arrays["index"]),
        nearest=np.asarray(run.arrays["nearest"]),
        stations=tuple(_station(row, vector) for row, vector in zip(rows, vectors, strict=True)),
        vectors=vectors,
        reach_km={name: float(km) for name, km in meta["reach_km"].items()},
    )


class Store:
    """One process's view of what is published; cheap to ask on every request."""

    def __init__(self, settings: ApiSettings) -> None:
        """Open nothing yet: a replica may start before the first run is published."""
        self.products = settings.data_dir / "products"
        self.withheld = withheld(settings.share_restricted)
        self.root = settings.data_dir
        self.open_accounts, self.trusted_push = settings.open_accounts, settings.trusted_push
        self._url = settings.resolved_database_url()
        self._tables: Tables | None = None
        self._opening = Lock()
        self._snapshot = Snapshot((), (), WALL, "", 0)
        self._checked = -math.inf

    def tables(self) -> Tables:
        """The tables, opened when first asked for: a replica may start while the database is away.

        Raises:
            StoreError: The database cannot serve now.
        """
        with self._opening:
            if self._tables is None:
                self._tables = Tables.open(self._url)
            return self._tables

    def close(self) -> None:
        """Give connections back."""
        if self._tables is not None:
            self._tables.close()

    def last(self) -> Snapshot:
        """What was last seen published, without looking."""
        return self._snapshot

    def snapshot(self) -> Snapshot:
        """What is published now, at most REFRESH_SECONDS old; possibly nothing."""
        if time.monotonic() - self._checked > REFRESH_SECONDS:
            known = {domain.run: domain for domain in (*self._snapshot.domains, *self._snapshot.ended)}
            runs = cubes.current(self.products, PRODUCT)
            fresh = [known.get((name, run.name)) or prepare(run) for name, run in runs.items()]
            fresh.sort(key=lambda one: (-one.init, one.grid.step, one.name))
            clock = read_clock(self.root)
            now = int(clock.now().timestamp())
            domains, ended = (tuple(one for one in fresh if (one.end < now) is past) for past in (False, True))
            tags = f"{''.join(one.tag for one in domains)} {''.join(one.tag for one in ended)}"
            tag = hashlib.blake2b(tags.encode(), digest_size=8).hexdigest()
            self._snapshot = Snapshot(domains, ended, clock, tag, _max_age(domains, clock))
            self._checked = time.monotonic()
        return self._snapshot

    def published(self) -> Snapshot:
        """What is published now.

        Raises:
            NotPublishedError: Nothing is.
        """
        snapshot = self.snapshot()
        if not snapshot.domains and not snapshot.ended:
            raise NotPublishedError("no run is published yet; the first follows the first analysis")
        return snapshot


def store_of(request: Request) -> Store:
    """The application's store."""
    store: Store = request.app.state.store
    return store


def nearest_station(domains: tuple[Domain, ...], latitude: float, longitude: float) -> tuple[Domain, int, float] | None:
    """The nearest station of any domain: domain, position, km; None when there are no stations."""
    point, best = unit_vectors(latitude, longitude), None
    for domain in domains:
        if len(domain.stations):
            squares = np.square(domain.vectors - point).sum(axis=1)
            place = int(squares.argmin())
            distance = 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(float(squares[place])) / 2))
            if best is None or distance < best[2]:
                best = (domain, place, distance)
    return best
