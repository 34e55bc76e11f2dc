"""Rain nowcasts: the newest frames in, one published run an area out; what fails is named and the rest goes on."""

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from brise.conventions.errors import BriseError, StoreError
from brise.conventions.rain import RainFrame, RainSequence, check_frames
from brise.io import rain_runs
from brise.io.runs import JobRun, SourceStatus
from brise.io.sources.radar_registry import RADARS
from brise.io.tables import Tables
from brise.models.rain_forecast import QUANTILES, THRESHOLDS
from brise.products.rain_nowcast import FRAMES, LEADS, PRODUCT, WINDOWS, Nowcaster, RainRun, compute
from brise.service.jobs.champion import open_artifacts
from brise.service.jobs.rain_model import open_nowcaster
from brise.service.jobs.rain_radar import FolderRadar, RadarFeed, Scene, SimulatedRadar
from brise.service.settings import Settings

log = logging.getLogger("brise.rain")

OLD = timedelta(hours=2)
"""Frames older than this say nothing about now: no nowcast is made of them."""


def radar_feed(settings: Settings, simulated: bool) -> RadarFeed | None:
    """Where frames come from: the folder that is set; else a simulated radar, where the air is simulated too."""
    if settings.radar_dir is not None:
        return FolderRadar(settings.radar_dir, settings.area)
    return SimulatedRadar() if simulated else None


def sequence_of(scene: Scene) -> RainSequence:
    """The newest frames of an area at even steps, with what was left out among its notes.

    Raises:
        InputError: No frame knows anything.
    """
    times = {frame.time for frame in scene.frames if np.isfinite(frame.rate).any()}
    step = _interval(scene.frames[0]) if len(times) == 1 else None
    return check_frames(scene.frames, step, FRAMES)


def _interval(frame: RainFrame) -> float:
    """Minutes between frames of a source, where a single frame cannot tell."""
    radar = RADARS.get(frame.source)
    return 5.0 if radar is None else radar.interval.total_seconds() / 60


@dataclass(slots=True)
class RainJob:
    """Makes nowcasts; remembers which frames it has seen.

    Attributes:
        settings: Of the cycle.
        feed: None = there is no radar.
        nowcaster: The model, and its name; None = opened with the first frames.
        made: Area -> time of the newest frame, and how many frames there were.
    """

    settings: Settings
    feed: RadarFeed | None
    nowcaster: tuple[Nowcaster, str] | None = None
    made: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def turn(self, tables: Tables, now: datetime) -> int:
        """Nowcast every area that has a new frame; how many were made.

        Raises:
            StoreError: The store cannot serve now.
        """
        if self.feed is None:
            return 0
        try:
            scenes = self.feed.scenes(now)
        except OSError as error:
            log.warning("radar: %s", error)
            return 0
        return sum(self._one(tables, scene, now) for scene in scenes)

    def _one(self, tables: Tables, scene: Scene, now: datetime) -> bool:
        began, seen = time.monotonic(), _seen(scene)
        if self.made.get(scene.name) == seen:
            return False
        self.made[scene.name] = seen
        source = scene.frames[0].source
        try:
            sequence = sequence_of(scene)
            newest = datetime.fromisoformat(f"{sequence.times[-1]}+00:00")
            if not timedelta(minutes=-15) <= now - newest <= OLD:
                log.warning("rain %s: the newest frame is of %s, now is %s: no nowcast", scene.name, newest, now)
                tables.runs.record_source(
                    SourceStatus(source, now, last_data_time=newest, last_error=f"newest frame is of {newest:%FT%RZ}")
                )
                return False
            model, label = self.nowcaster = self.nowcaster or open_nowcaster(open_artifacts(self.settings))
            run = compute(sequence, model, scene.name, seed=int(newest.timestamp()))
            publish(self.settings.data_dir / "products", run, label, scene.notes)
        except BriseError as error:
            if isinstance(error, StoreError):
                self.made.pop(scene.name)
                raise
            self._failed(tables, scene, now, str(error))
            return False
        except Exception as error:  # the job's edge: whatever one area's frames break, the others go on
            log.exception("rain %s: not understood", scene.name)
            self._failed(tables, scene, now, f"not understood: {error}")
            return False
        seconds = round(time.monotonic() - began, 2)
        log.info("rain %s from %s: %d cells in %.1f s", scene.name, newest, run.grid.cells, seconds)
        counts = {"cells": run.grid.cells, "frames": len(scene.frames), "degraded": run.degraded, "seconds": seconds}
        tables.runs.record_source(SourceStatus(source, now, now, newest, counts={"stored": len(scene.frames)}))
        tables.runs.record_run(
            JobRun(
                f"{PRODUCT}/{scene.name}",
                _hour(newest),
                "done",
                now,
                datetime.now(UTC),
                "; ".join((*run.notes, *scene.notes)),
                counts,
            )
        )
        rain_runs.prune(self.settings.data_dir / "products", now)
        return True

    def _failed(self, tables: Tables, scene: Scene, now: datetime, why: str) -> None:
        log.error("rain %s: %s", scene.name, why)
        tables.runs.record_source(SourceStatus(scene.frames[0].source, now, last_error=why))
        tables.runs.record_run(JobRun(f"{PRODUCT}/{scene.name}", _hour(now), "failed", now, datetime.now(UTC), why))


def _hour(moment: datetime) -> datetime:
    """What a run is written down for: one row an hour, the last, so that the other jobs' rows stay in sight."""
    return moment.replace(minute=0, second=0, microsecond=0)


def _seen(scene: Scene) -> tuple[Any, ...]:
    """Changes when a frame comes, also a late one."""
    return tuple(sorted((str(frame.time), frame.rate.shape) for frame in scene.frames)) + scene.notes


def publish(products: Path, run: RainRun, model: str, notes: tuple[str, ...] = ()) -> Path:
    """Make a nowcast visible.

    Args:
        products: Folder of all products.
        run: The nowcast.
        model: Name of what made it.
        notes: Why files were left out; any makes it degraded.

    Raises:
        StoreError: The disk is full or fails; the old run stays visible.
    """
    forecast, observed = run.forecast, run.observed
    low, high = observed, observed
    known = np.where(np.isnan(observed), np.float32(np.nan), np.float32(1))
    rate = [[observed, *forecast.value], [low], [high]]
    quantiles = forecast.quantiles if forecast.quantiles is not None else np.full((len(QUANTILES), 1, 1, 1), np.nan)
    for row, level in ((1, 0.1), (2, 0.9)):
        rate[row] += list(np.broadcast_to(quantiles[QUANTILES.index(level)], forecast.value.shape))
    chance = [[np.asarray((observed >= limit) * known, np.float32)] for limit in THRESHOLDS]
    for row in range(len(THRESHOLDS)):
        unknown = [np.full_like(observed, np.nan)] * len(LEADS)
        chance[row] += unknown if forecast.chance is None else list(forecast.chance[row])
    meta = {
        "init_time": run.init_time.isoformat(),
        "leads": [0, *LEADS],
        "thresholds": list(THRESHOLDS),
        "windows": list(WINDOWS),
        "model": model,
        "simulated": run.simulated,
        "degraded": run.degraded or bool(notes),
        "sources": [_source(name) for name in run.sources],
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "notes": [*run.notes, *notes],
    }
    totals = [list(window) for window in run.totals]
    return rain_runs.publish(products, run.grid, {"rate": rate, "chance": chance, "totals": totals}, meta)


def _source(name: str) -> dict[str, Any]:
    radar = RADARS.get(name)
    return {
        "name": name,
        "title": radar.title if radar else None,
        "licence": radar.licence if radar else None,
        "attribution": radar.attribution if radar else None,
    }
