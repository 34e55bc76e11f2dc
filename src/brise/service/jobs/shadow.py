"""The challenger beside the champion in the running cycle; only the champion is published.

Both forecast every station each hour, and once a day, when the truth is known, their errors are compared. A champion
that drifts away from what it promised (see LIMITS) gives way to the one before it.
"""

import logging
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from brise.conventions.errors import BriseError
from brise.conventions.grids import Grid
from brise.conventions.observations import StationHours
from brise.conventions.variables import POLLUTANTS
from brise.io.artifacts import CHALLENGER, CHAMPION, Artifacts
from brise.io.runs import JobRun
from brise.io.station_forecasts import add_score, prune_forecasts, read_forecasts, read_scores, write_forecasts
from brise.io.tables import Tables
from brise.models.network import HOUR, Task
from brise.models.promotion import PARTS, Rule, answered, pair, skills, table
from brise.products.air_quality import LOW_COST_ERROR, Inputs, inside
from brise.service.jobs.champion import BASELINE, Chosen, choose, reference_of
from brise.service.jobs.promote import rollback

log = logging.getLogger("brise.shadow")

PRODUCT = "shadow"
LEADS = (1, 6, 24)
SECONDS = 60.0
"""What all shadow forecasts of an hour may take; domains that found no time come first in the next."""

STATIONS = 500
"""Kept of all domains together, at least ten of each: enough to tell, and two days of them fit in 0.2 GB."""

KEPT = timedelta(days=10)
SCORED = timedelta(days=2)
"""Each day's scores are of the forecasts of two days, the newest of which is a day old: its truth is known."""

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """When a champion has drifted.

    Attributes:
        coverage: Between which its 80 % interval must hold.
        ratio: Its RMSE may be at most this many times the baseline's.
        days: On so many scored days in a row.
        pairs: A day with fewer counts for nothing.
    """

    coverage: tuple[float, float] = (0.65, 0.92)
    ratio: float = 1.1
    days: int = 3
    pairs: int = 200


LIMITS = Limits()

Made = Sequence[tuple[Grid, Inputs]]
"""Domains and what their published runs were made from."""


@dataclass(slots=True)
class Shadow:
    """What the cycle holds.

    Attributes:
        store: The artifacts and their aliases.
        root: Where forecasts and scores are kept.
    """

    store: Artifacts
    root: Path
    _open: dict[str, Chosen] = field(default_factory=dict)
    _turn: int = 0

    def run(self, tables: Tables, made: Made, init_time: datetime, now: datetime) -> None:
        """Forecast, and once a day compare; whatever fails is logged and tried again in an hour."""
        try:
            sides = self._sides()
            self._open = {key: one for key, one in self._open.items() if key in sides.values()}
            if sides:
                frames = self._forecasts(made, list(dict.fromkeys(sides.values())))
                if frames:
                    write_forecasts(self.root, init_time, pd.concat(frames, ignore_index=True))
                self._compare(tables, sides, now)
        except Exception as error:  # the edge of a job that nothing else depends on
            log.warning("shadow: %s", error, exc_info=not isinstance(error, BriseError))

    def _sides(self) -> dict[str, str]:
        """Side -> reference of the models to run; none where the baseline alone is there."""
        challenger = self.store.aliases().names.get(CHALLENGER)
        sides = {"champion": reference_of(self.store, CHAMPION), "baseline": BASELINE}
        if challenger is not None:
            sides["challenger"] = challenger
        return sides if len(set(sides.values())) > 1 else {}

    def _forecasts(self, made: Made, references: list[str]) -> list[pd.DataFrame]:
        began, out, late = time.monotonic(), [], 0
        ordered = [made[(self._turn + place) % len(made)] for place in range(len(made))]
        for place, (grid, inputs) in enumerate(ordered):
            if time.monotonic() - began > SECONDS:
                late = len(ordered) - place
                log.warning("shadow: no time for %d of %d domains this hour", late, len(ordered))
                break
            for reference in references:
                try:
                    frames = station_forecasts(self._opened(reference), grid, inputs, max(10, STATIONS // len(made)))
                except Exception as error:  # a model's fault stops no other
                    log.warning("shadow: %s in %s: %s", reference[:12], grid.name, error)
                    continue
                out += [frame.assign(model=reference, domain=grid.name) for frame in frames]
        self._turn += len(ordered) - late
        return out

    def _opened(self, reference: str) -> Chosen:
        if reference not in self._open:
            self._open[reference] = choose(self.store, reference)
        return self._open[reference]

    def _compare(self, tables: Tables, sides: dict[str, str], now: datetime) -> None:
        known = read_scores(self.root)
        if known and timedelta(0) <= now - datetime.fromisoformat(known[-1]["made"]) < DAY:
            return
        end = now - DAY
        forecasts = read_forecasts(self.root, end - SCORED, end)
        prune_forecasts(self.root, now - KEPT)
        if forecasts.empty:
            return
        truth = tables.read_hours(POLLUTANTS, end - SCORED, now, received_by=now)
        record = compare(forecasts, truth, sides) | {"made": now.astimezone(UTC).isoformat()}
        records = add_score(self.root, record)
        why = drifted(records)
        if why is not None:
            before, after = rollback(self.store, f"rolled back by itself: {why}")
            record["message"] += f"; champion {before[:12]} gave way to {after[:12]}: {why}"
            log.warning("shadow: champion %s gave way to %s: %s", before[:12], after[:12], why)
        log.info("shadow: %s", record["message"])
        tables.runs.record_run(
            JobRun(PRODUCT, now.replace(microsecond=0), "done", now, now, record["message"], {"pairs": record["pairs"]})
        )


def station_forecasts(chosen: Chosen, grid: Grid, inputs: Inputs, most: int = STATIONS) -> list[pd.DataFrame]:
    """What a model says at a domain's stations, a frame a pollutant.

    Args:
        chosen: The model.
        grid: The domain.
        inputs: What its run is made from.
        most: Stations to keep, the same ones every hour; all are read.

    Returns:
        init_time, lead_hours, station_id, variable, value, q10, q50, q90; unknown rows are left out.
    """
    init = np.datetime64(inputs.init_time.astimezone(UTC).replace(tzinfo=None), "s")
    hours = inputs.hours.stations(inside(inputs.hours, grid)).until(init)
    kinds = inputs.stations.set_index("station_id")["kind"].astype(str).reindex(hours.station_id).to_numpy()
    error = np.where(kinds == "low_cost", LOW_COST_ERROR, 0.0)
    rows = np.array([len(hours.time) - 1])
    kept = sorted(hours.station_id.tolist(), key=lambda name: zlib.crc32(name.encode()))[:most]
    out = []
    for name in inputs.fitted:
        if name not in POLLUTANTS or name not in hours.values:
            continue
        found = chosen.model.stations(Task(inputs.fitted, name, hours, rows, LEADS, error, inputs.background))
        lead, station = (index.ravel() for index in np.indices(found.value.shape[1:]))
        frame = pd.DataFrame(
            {
                "init_time": pd.Timestamp(inputs.init_time).tz_convert("UTC").as_unit("s"),
                "lead_hours": np.array(LEADS, np.int16)[lead],
                "station_id": hours.station_id[station],
                "variable": name,
                **{part: getattr(found, part)[0].astype(np.float32).ravel() for part in PARTS},
            }
        )
        out.append(frame[frame["station_id"].isin(kept)].dropna(subset=["value"]))
    return out


def compare(forecasts: pd.DataFrame, truth: StationHours, sides: dict[str, str]) -> dict[str, Any]:
    """How the champion did beside the baseline, and the challenger beside the champion.

    Args:
        forecasts: What `read_forecasts` gives.
        truth: What was measured.
        sides: Side -> the model's reference.

    Returns:
        JSON: sides, pairs, coverage, over_baseline (ratio of RMSE), skill of the challenger with its 90 % interval over
        blocks of a day, and a message for people.
    """
    known = forecasts.assign(truth=_measured(forecasts, truth), split="times").rename(columns={"domain": "city"})
    frames = {side: known[known["model"] == reference] for side, reference in sides.items()}
    record: dict[str, Any] = {"sides": sides, "pairs": 0, "coverage": None, "over_baseline": None, "skill": None}
    words = []
    beside = answered(pair(frames["baseline"], frames["champion"]))
    record["pairs"] = len(beside)
    if len(beside):
        whole = table(beside, ("split",)).set_index("side")["coverage"].to_dict()
        record["coverage"] = _plain(whole["challenger"])
        record["over_baseline"] = _plain(1 - skills(beside, Rule(block_days=1, draws=2))["rmse"][0].value)
        words.append(f"champion: 80 % interval held {100 * record['coverage']:.0f} %")
        if sides["champion"] != sides["baseline"] and record["over_baseline"] is not None:
            words.append(f"RMSE {record['over_baseline']:.2f} times the baseline's")
    if "challenger" in sides:
        both = answered(pair(frames["champion"], frames["challenger"]))
        if len(both):
            skill = skills(both, Rule(block_days=1, draws=500))["rmse"][0]
            record["skill"] = {side: _plain(getattr(skill, side)) for side in ("value", "lower", "upper")}
            value, lower, upper = (f"{100 * one:+.1f} %" for one in (skill.value, skill.lower, skill.upper))
            words.append(f"challenger: skill {value} ({lower} to {upper})")
    return record | {"message": "; ".join(words) or "nothing to compare yet"}


def _plain(value: float) -> float | None:
    return round(value, 5) if np.isfinite(value) else None


def _measured(frame: pd.DataFrame, truth: StationHours) -> Any:
    """(N,) what was measured at each forecast's time; NaN where nothing was."""
    init = pd.DatetimeIndex(frame["init_time"]).tz_localize(None).to_numpy("datetime64[s]")
    row = ((init + frame["lead_hours"].to_numpy(np.int64) * HOUR - truth.time[0]) // HOUR).astype(np.intp)
    column = pd.Index(truth.station_id).get_indexer(pd.Index(frame["station_id"]))
    out = np.full(len(frame), np.nan)
    for name in frame["variable"].unique():
        if name in truth.values:
            inside_ = (row >= 0) & (row < len(truth.time)) & (column >= 0)
            own = np.flatnonzero((frame["variable"] == name).to_numpy() & inside_)
            out[own] = truth.values[name][row[own], column[own]]
    return out


def drifted(records: Sequence[dict[str, Any]], limits: Limits | None = None) -> str | None:
    """Why the champion should give way; None = it should not.

    Args:
        records: Of `compare`, oldest first.
        limits: What is borne; None = LIMITS.
    """
    limits = limits or LIMITS
    last = list(records)[-limits.days :]
    if len(last) < limits.days or any(one["pairs"] < limits.pairs for one in last):
        return None
    champions = {one["sides"]["champion"] for one in last}
    if len(champions) > 1 or champions == {BASELINE}:
        return None
    low, high = limits.coverage
    covered = [one["coverage"] for one in last]
    ratios = [one["over_baseline"] for one in last]
    if all(share is not None and not low <= share <= high for share in covered):
        told = f"outside {100 * low:.0f} % to {100 * high:.0f} %"
        return f"its 80 % interval held {100 * covered[-1]:.0f} %, {told}, for {limits.days} days"
    if all(ratio is not None and ratio > limits.ratio for ratio in ratios):
        return f"its RMSE was {ratios[-1]:.2f} times the baseline's, more than {limits.ratio}, for {limits.days} days"
    return None
