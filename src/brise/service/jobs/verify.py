"""Verify: what was published is kept at the stations' places, and scored each day against what was measured since."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from brise.conventions.errors import InputError
from brise.conventions.variables import POLLUTANTS
from brise.io.runs import JobRun
from brise.io.score_tables import write_scores
from brise.io.station_forecasts import prune_forecasts, read_forecasts, write_forecasts
from brise.io.tables import Area, Tables
from brise.products.air_quality import Run
from brise.products.forecast_scores import LEADS, said, scores

log = logging.getLogger("brise.verify")

PRODUCT = "verify"
EVERY_H = 6
"""Forecasts of the synoptic hours are kept."""

DAYS = timedelta(days=30)
BEFORE = timedelta(hours=24)
"""Read before the first hour that is judged, for bands that average over a day."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """Keeps and scores.

    Attributes:
        root: The data folder.
    """

    root: Path

    @property
    def folder(self) -> Path:
        """Where forecasts at stations and their scores are."""
        return folder_of(self.root)

    def keep(self, run: Run, init_time: datetime) -> None:
        """Write down what a run of a synoptic hour said at its stations; again for the same hour replaces it.

        Raises:
            StoreError: The disk is full or fails.
        """
        if init_time.hour % EVERY_H == 0:
            write_forecasts(self.folder / run.grid.name, init_time, said(run.concentration, run.meta, run.grid))

    def run(self, tables: Tables, areas: Mapping[str, Area], init_time: datetime, now: datetime) -> None:
        """At a synoptic hour, score every domain and write the run down; at others nothing.

        Raises:
            StoreError: The disk or the database fails.
        """
        if init_time.hour % EVERY_H == 0:
            rows = self.score(tables, areas, now)
            told = f"{rows} scores of {len(areas)} domains"
            tables.runs.record_run(JobRun(PRODUCT, init_time, "done", now, now, told, {"rows": rows}))
            log.info("%s", told)

    def score(self, tables: Tables, areas: Mapping[str, Area], now: datetime) -> int:
        """Score the forecasts for the last 30 days in every domain; the same `now` makes the same scores.

        Args:
            tables: What was measured.
            areas: By domain.
            now: Nothing that came later is read.

        Returns:
            How many rows were made.

        Raises:
            StoreError: The disk or the database fails.
        """
        made = 0
        for name, area in areas.items():
            folder = self.folder / name
            start = now - DAYS
            kept = read_forecasts(folder, _hour(start - timedelta(hours=LEADS[-1])), now)
            prune_forecasts(folder, start - timedelta(hours=LEADS[-1] + 24))
            if kept.empty:
                continue
            try:
                truth = tables.read_hours(POLLUTANTS, start - BEFORE, now, received_by=now, area=area)
            except InputError as error:  # no whole hour
                log.warning("scores of %s: %s", name, error)
                continue
            due = kept["init_time"] + kept["lead_hours"].astype("timedelta64[h]")
            rows = scores(kept[(due > start) & (due <= now)], truth)
            write_scores(self.folder, name, rows, start, now)
            made += len(rows)
        return made


def folder_of(root: Path) -> Path:
    """Where a data folder keeps its forecasts at stations."""
    return root / "verification" / "air_quality"


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
