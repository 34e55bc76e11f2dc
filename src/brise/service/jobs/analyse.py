"""Analyse and forecast: stored measurements in, one published run a domain out, whole and then visible."""

import logging
import os
import time
import zlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import xarray as xr

from brise.conventions.errors import BriseError, InputError, StoreError
from brise.conventions.grids import Grid
from brise.conventions.observations import StationHours
from brise.conventions.variables import POLLUTANTS, WEATHER
from brise.io import cubes
from brise.io.analyses import store_analysis
from brise.io.artifacts import CHAMPION, Artifacts
from brise.io.gazetteer import biggest_city, slug
from brise.io.runs import JobRun
from brise.io.tables import Tables
from brise.models.artifacts import from_bytes, to_bytes
from brise.models.network import Fitted
from brise.models.registry import MODELS, Model
from brise.products.air_quality import BEFORE, HOURS, READ_HOURS, Inputs, compute, fit_domain
from brise.products.chemistry_transport import background_for
from brise.products.crowd_map import with_crowd
from brise.products.domains import domains, place_label
from brise.service.jobs.champion import BASELINE, Chosen, choose, reference_of
from brise.service.jobs.crowd import published
from brise.service.jobs.feeds import Feed
from brise.service.jobs.shadow import Shadow
from brise.service.jobs.verify import Verifier

log = logging.getLogger("brise.analyse")

PRODUCT = "air_quality"

HISTORY = timedelta(days=400)
"""What the models learn from."""

RECENT = timedelta(hours=6)
REPORTED = 0.5
"""The newest hour is the one that half of the recently active stations have reported."""

HOUR = timedelta(hours=1)
REFIT = timedelta(days=1)
REFIT_LONG = timedelta(days=7)
LONG = timedelta(days=60)
"""Models are learnt again daily; weekly once the history is longer than this and a day changes little; at first
whenever the history has doubled."""

FAMILIAR = 0.5
"""Models hold for a domain while they know this share of its stations: names of domains move with their stations."""

MOST_CELLS = 100_000
"""Of all domains together, about 30 cities: 1 ms and up to 22 kB a cell in each of two whole runs, 160 kB in a week of
forecasts, 0.5 MB in a year of analyses. The largest networks come first; a smaller BRISE_AREA serves the others."""

MEASURED_KINDS = ("reference", "low_cost", "simulated")
NAMED_WITHIN_KM = 60.0
MARGIN_DEGREES = 1.0
STAMP = "%Y%m%dT%H%M"
THREADS = 0  # one a core: nothing else computes while a run is made

Kept = tuple[datetime, timedelta, dict[str, Fitted]]
"""When the models were learnt, how long they hold, and the models."""


def domain_name(latitude: float, longitude: float) -> str:
    """The biggest city nearby, or a label made of the place."""
    city = biggest_city(latitude, longitude, NAMED_WITHIN_KM)
    return slug(city or "") or place_label(latitude, longitude)


@dataclass(slots=True)
class Analyst:
    """Makes runs; keeps what was learnt, so that it is learnt seldom.

    Attributes:
        root: The data folder.
        simulated: Whether what is read is not a measurement.
        reported: Values that the newest hour held when it was last looked at.
        shadow: Runs the challenger beside what is published, if there is one.
        artifacts: Where the champion is looked for, each hour; None = the fitted blend.
    """

    root: Path
    simulated: bool = False
    reported: int = 0
    shadow: Shadow | None = None
    artifacts: Artifacts | None = None
    _champion: Chosen | None = None
    _fitted: dict[str, Kept] = field(default_factory=dict)

    @property
    def products(self) -> Path:
        """Where runs are published."""
        return self.root / "products"

    def newest_hour(self, tables: Tables, now: datetime) -> datetime | None:
        """The newest hour worth analysing; None while nothing recent is known."""
        end = now.replace(minute=0, second=0, microsecond=0)
        hours = tables.read_hours(POLLUTANTS, end - RECENT, end, received_by=now, kinds=MEASURED_KINDS)
        if not len(hours.station_id):
            return None
        known = sum((np.isfinite(matrix) for matrix in hours.values.values()), np.zeros(1))
        reported = (known > 0).sum(axis=1)
        newest = int(np.flatnonzero(reported >= REPORTED * reported.max())[-1])
        self.reported = int(known[newest].sum())
        return datetime.fromtimestamp(int(hours.time[newest].astype(np.int64)), UTC)

    def publish(self, tables: Tables, feed: Feed, init_time: datetime, now: datetime) -> None:
        """Make and publish every domain's run for one hour; a domain that fails is named and the others go on."""
        started, clock = datetime.now(UTC), time.perf_counter()
        tables.runs.record_run(JobRun(PRODUCT, init_time, "running", started))
        span = (init_time - timedelta(hours=READ_HOURS), init_time)
        hours = tables.read_hours((*POLLUTANTS, *WEATHER), *span, received_by=now, kinds=MEASURED_KINDS)
        some = [hours.values[name] for name in POLLUTANTS if name in hours.values]
        hours = hours.stations(np.asarray(np.isfinite(some).any(axis=(0, 1)), bool))
        stations = tables.read_stations(ids=hours.station_id.tolist())
        grids, waiting = affordable(domains(hours.latitude, hours.longitude, domain_name), hours)
        crowd = published(self.root)
        fed = (hours, stations) if crowd is None else with_crowd(hours, stations, crowd)
        fields = feed.background(init_time, range(HOURS[0] - BEFORE, HOURS[-1] + 1))
        points = self._model_points(tables, init_time, now)
        chosen, note = self._chosen()
        notes = [f"{waiting} smaller domains wait: more than {MOST_CELLS} cells; set BRISE_AREA"] if waiting else []
        notes += [note] if note else []
        failed = 0
        made = []
        for grid in grids:
            try:
                background = background_for(grid, fields, points)
                inputs = Inputs(
                    hours=hours,
                    stations=stations,
                    init_time=init_time,
                    fitted=self._learnt(tables, grid, hours, now),
                    background=background,
                    model=chosen,
                    simulated=self.simulated,
                )
                self._write(grid, replace(inputs, hours=fed[0], stations=fed[1]))
                made.append((grid, inputs))
            except StoreError:
                raise
            except (BriseError, ArithmeticError, LookupError, ValueError) as error:  # a domain's fault stops no other
                failed += 1
                notes.append(f"{grid.name}: {error}")
                log.warning("domain %s: %s", grid.name, error, exc_info=not isinstance(error, BriseError))
        seconds = time.perf_counter() - clock
        tables.runs.record_run(
            JobRun(
                PRODUCT,
                init_time,
                "failed" if failed and failed == len(grids) else "done",
                started,
                datetime.now(UTC),
                "; ".join(notes),
                {"domains": len(grids), "stations": len(hours.station_id), "seconds": round(seconds, 2)},
            )
        )
        log.info(
            "%s: %d domains from %d stations in %.1f s",
            f"{init_time:%Y-%m-%dT%H:%MZ}",
            len(grids) - failed,
            len(hours.station_id),
            seconds,
        )
        Verifier(self.root).run(tables, {grid.name: _area(grid) for grid, _ in made}, init_time, now)
        if self.shadow is not None:
            self.shadow.run(tables, made, init_time, now)

    def _chosen(self) -> tuple[Model, str]:
        """The champion, opened again only when another is named; and a note if it cannot be opened."""
        if self.artifacts is None:
            return MODELS[BASELINE], ""
        try:
            reference = reference_of(self.artifacts, CHAMPION)
            if self._champion is None or self._champion.reference != reference:
                self._champion = choose(self.artifacts, CHAMPION, THREADS)
        except (BriseError, OSError) as error:
            log.warning("the champion cannot be opened, the %s speaks: %s", BASELINE, error)
            return MODELS[BASELINE], f"the champion cannot be opened, the {BASELINE} speaks"
        return self._champion.model, ""

    def _write(self, grid: Grid, inputs: Inputs) -> None:
        run = compute(inputs, grid)
        arrays = {"concentration": run.concentration, "index": run.index, "nearest": run.nearest}
        store_analysis(self.products, PRODUCT, grid.name, with_sides(run.analysis))
        meta = run.meta | {"created_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
        cubes.publish(self.products, PRODUCT, grid, arrays, meta, run.cube)
        Verifier(self.root).keep(run, inputs.init_time)

    def _model_points(self, tables: Tables, init_time: datetime, now: datetime) -> StationHours | None:
        """Chemistry-transport values that came through the store, at points."""
        ends = init_time + timedelta(hours=HOURS[-1])
        rows = tables.read_hours(POLLUTANTS, init_time - timedelta(hours=48), ends, received_by=now, kinds=("model",))
        return rows if len(rows.station_id) else None

    def _learnt(self, tables: Tables, grid: Grid, present: StationHours, now: datetime) -> dict[str, Fitted]:
        """What is learnt about a domain: from memory, from disk, or now."""
        kept = self._fitted.get(grid.name) or _read(self.root, grid.name)
        early = 1 - zlib.crc32(grid.name.encode()) % 256 / 1024  # so that not all domains are learnt in one turn
        if kept is None or not timedelta(0) <= now - kept[0] < (
            kept[1] * early if _familiar(kept[2], grid, present) else HOUR
        ):
            hours = tables.read_hours(
                POLLUTANTS, now - HISTORY, now, received_by=now, kinds=MEASURED_KINDS, area=_area(grid)
            )
            kept = now, _refit_after(hours), fit_domain(hours, grid)
            _save(self.root, grid.name, kept)
        self._fitted[grid.name] = kept
        return kept[2]


def with_sides(analysis: xr.Dataset) -> xr.Dataset:
    """The analysis with its 10 % and 90 % quantiles as arrays of their own: (time, latitude, longitude) each."""
    flat = analysis.drop_dims("quantile")
    for name in list(flat.data_vars):
        sides = analysis[f"{name}_quantile"]
        flat[f"{name}_q10"], flat[f"{name}_q90"] = sides.isel(quantile=0, drop=True), sides.isel(quantile=-1, drop=True)
    return flat


def affordable(grids: list[Grid], hours: StationHours) -> tuple[list[Grid], int]:
    """The domains with most stations that hold MOST_CELLS together, at least one; and how many are left."""
    size = [-int(grid.holds(hours.latitude, hours.longitude).sum()) for grid in grids]
    ordered = [grids[place] for place in np.argsort(size, kind="stable")]
    kept = max(1, int(np.searchsorted(np.cumsum([grid.cells for grid in ordered]), MOST_CELLS, side="right")))
    return ordered[:kept], len(ordered[kept:])


def _familiar(fitted: dict[str, Fitted], grid: Grid, hours: StationHours) -> bool:
    """Whether models know a domain's pollutants and most of its stations."""
    here = hours.stations(grid.holds(hours.latitude, hours.longitude))
    known = {name for model in fitted.values() for name in model.climatology.station_id.tolist()}
    share = np.isin(here.station_id, sorted(known)).mean() if len(here.station_id) else 1.0
    return bool(share >= FAMILIAR) and all(n in fitted for n, m in here.values.items() if np.isfinite(m).any())


def _refit_after(hours: StationHours) -> timedelta:
    measured = np.flatnonzero(np.any([np.isfinite(m).any(axis=1) for m in hours.values.values()], axis=0))
    span = int(measured[-1] - measured[0] + 1) * HOUR if len(measured) else HOUR
    return REFIT_LONG if span > LONG else min(span, REFIT)


def _area(grid: Grid) -> tuple[float, float, float, float]:
    """South, west, north, east of the cells' outer edges; west > east across the date line."""
    half = grid.step / 2
    south, north = float(grid.latitude[-1]) - half, float(grid.latitude[0]) + half
    west, east = float(grid.longitude[0]) - half, float(grid.longitude[-1]) + half
    return south, (west + 180) % 360 - 180, north, (east + 180) % 360 - 180


def _folder(root: Path) -> Path:
    return root / "models" / PRODUCT


def _save(root: Path, domain: str, kept: Kept) -> None:
    """The models of a domain, whole or not at all."""
    folder = _folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{domain}.{os.getpid()}"
    moment, after, fitted = kept
    temporary.write_bytes(to_bytes(fitted))
    for old in folder.glob(f"{domain}@*.npz"):
        old.unlink()
    temporary.replace(folder / f"{domain}@{moment:{STAMP}}@{after // HOUR}h.npz")


def _read(root: Path, domain: str) -> Kept | None:
    """The models of a domain that an earlier process left."""
    for path in sorted(_folder(root).glob(f"{domain}@*.npz")):
        _, moment, held = path.stem.split("@")
        learnt = datetime.strptime(moment, STAMP).replace(tzinfo=UTC)
        try:
            return learnt, int(held.removesuffix("h")) * HOUR, from_bytes(path.read_bytes())
        except InputError as error:
            log.warning("%s: %s; learning again", path.name, error)
    return None
