"""`brise evaluate`: two models on the same keys of archived measurements, and what the rule says of them.

Of a city that neither model learnt from, everything counts as "a held-out city": the map at withheld stations and the
forecasts at the others. Of any other city, withheld stations count as "held-out stations" and the forecasts at the
others as "held-out times", in a period after both models' training.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.conventions.errors import InputError, StoreError
from brise.conventions.observations import StationHours
from brise.io.artifacts import Artifacts
from brise.models.network import HOUR
from brise.models.promotion import Reason, Rule, Verdict, judge, pair
from brise.models.registry import Model
from brise.service.jobs.champion import Chosen, choose
from brise.service.jobs.hindcast import Question, predict, read_archive, read_leads, regular_inits

log = logging.getLogger("brise.evaluate")

LAST_PART = 0.25
"""Of an archive is compared where nothing says when training ended."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to compare on.

    Attributes:
        archives: Wide Parquet, one a city; the file's name before its first year is the city's.
        start: First init; None = where training ended, as the models' cards say, else the archive's last quarter.
        end: Last init; None = the archive's end less the longest lead.
        every: Between inits.
        leads: Hours ahead.
        variables: None = every pollutant of the archive.
        folds: Stations are withheld in so many parts, each part once; 0 withholds none. Where a card names stations
            that its training never saw, those alone are withheld.
        unseen: Cities to be counted as held out, beside those that the models' cards do not name.
        rule: Of promotion.
    """

    archives: tuple[Path, ...]
    start: datetime | None = None
    end: datetime | None = None
    every: str = "30h"
    leads: tuple[int, ...] = (0, 1, 3, 6, 12, 24, 48)
    variables: tuple[str, ...] | None = None
    folds: int = 4
    unseen: tuple[str, ...] = ()
    rule: Rule = field(default_factory=Rule)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found.

    Attributes:
        champion: The model that is there.
        challenger: The model that would replace it.
        pairs: What `promotion.pair` gives.
        verdict: What the rule says of them.
        stations: city, station_id, latitude, longitude.
        about: City -> init span, stations, folds, for people and for the record.
    """

    champion: Chosen
    challenger: Chosen
    pairs: pd.DataFrame
    verdict: Verdict
    stations: pd.DataFrame
    about: dict[str, dict[str, Any]]

    def record(self) -> dict[str, Any]:
        """For the artifact store and for --json."""
        return {
            "challenger": {"reference": self.challenger.reference, "name": self.challenger.model.name},
            "champion": {"reference": self.champion.reference, "name": self.champion.model.name},
            "made": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "cities": self.about,
            "pairs": len(self.pairs),
            **self.verdict.as_dict(),
        }


def evaluate(store: Artifacts, names: tuple[str, str], plan: Plan) -> Comparison:
    """Compare a challenger with a champion and keep what was found.

    Args:
        store: The artifacts; the comparison is kept there.
        names: Challenger and champion, by any of their names.
        plan: What to compare on.

    Raises:
        InputError: Both are the same model, no archive is given, or an archive cannot be used.
        NotFoundError: There is no such model or file.
        StoreError: The comparison cannot be kept.
    """
    challenger, champion = (choose(store, name) for name in names)
    if challenger.reference == champion.reference:
        raise InputError(f"{names[0]!r} and {names[1]!r} are the same model: {champion.label}")
    if not plan.archives:
        raise InputError("no archive to compare on")
    cities = [city_of(path) for path in plan.archives]
    if len(set(cities)) < len(cities):
        raise InputError(f"two archives of one city: {', '.join(sorted(cities))}")
    parts, stations, about, early = [], [], {}, []
    for path, city in zip(plan.archives, cities, strict=True):
        hours = read_archive(path)
        inits, ends = _inits(hours, city, (champion, challenger), plan)
        unseen = _unseen(city, (champion, challenger), plan)
        if ends is not None and inits[0] < ends and not unseen:
            early.append(Reason("times", f"{city}: every init after training", f"training ended {ends}", np.nan, False))
        folds = _folds(hours, city, (champion, challenger), plan)
        parts.append(_pairs(hours, (champion.model, challenger.model), inits, (city, unseen, folds), plan))
        place = {"station_id": hours.station_id, "latitude": hours.latitude, "longitude": hours.longitude}
        stations.append(pd.DataFrame(place).assign(city=city))
        about[city] = {
            "archive": path.name,
            "first_init": f"{inits[0]}Z",
            "last_init": f"{inits[-1]}Z",
            "inits": len(inits),
            "stations": len(hours.station_id),
            "held_out": unseen,
            "folds": [sorted(fold) for fold in folds],
        }
    pairs = pd.concat(parts, ignore_index=True)
    verdict = judge(pairs, plan.rule)
    verdict = replace(verdict, promote=verdict.promote and not early, reasons=(*verdict.reasons, *early))
    found = Comparison(champion, challenger, pairs, verdict, pd.concat(stations, ignore_index=True), about)
    store.keep_comparison(challenger.reference, champion.reference, found.record())
    return found


def city_of(path: Path) -> str:
    """The name of a file before its first year: mexico_city_2009_2016.parquet is of mexico_city.

    >>> city_of(Path("mexico_city_2009_2016.parquet"))
    'mexico_city'
    """
    return _slug(re.split(r"[_-]?(?:19|20)\d\d", path.stem)[0] or path.stem)


def _slug(text: str) -> str:
    return re.sub(r"\W+", "_", text.strip().lower())


def _unseen(city: str, models: tuple[Chosen, Chosen], plan: Plan) -> bool:
    """Whether a city counts as held out: the caller says so, or the cards name cities and none names this one."""
    if city in map(_slug, plan.unseen):
        return True
    named = [{_slug(str(one)) for one in model.card.get("cities", ())} for model in models]
    return any(named) and not any(city in cities for cities in named)


def _trained_until(city: str, models: tuple[Chosen, Chosen]) -> np.datetime64 | None:
    """When the later training in a city ended, as the cards say: `training` maps a city to its first and last time."""
    ends = []
    for model in models:
        for name, span in dict(model.card.get("training") or {}).items():
            if _slug(str(name)) == city:
                try:
                    last = datetime.fromisoformat(str(span[1]))
                except (ValueError, LookupError, TypeError):
                    raise InputError(f"model {model.label}: card.json: training in {name} is {span!r}") from None
                ends.append(np.datetime64((last.astimezone(UTC) if last.tzinfo else last).replace(tzinfo=None), "s"))
    return max(ends) if ends else None


def _inits(
    hours: StationHours, city: str, models: tuple[Chosen, Chosen], plan: Plan
) -> tuple[NDArray[np.datetime64], np.datetime64 | None]:
    """When forecasts begin, and when training ended."""
    first, last = hours.time[0], hours.time[-1] - HOUR * (1 + max(plan.leads))
    ends = _trained_until(city, models)
    if plan.start is not None:
        start: datetime | None = plan.start
    else:
        moment = first + (last - first) * (1 - LAST_PART) if ends is None or ends < first else ends + 24 * HOUR
        start = moment.astype("datetime64[D]").astype("datetime64[s]").item() + pd.Timedelta(days=1).to_pytimedelta()
    end = plan.end or last.astype("datetime64[h]").astype("datetime64[s]").item()
    try:
        return regular_inits(start, end, plan.every), ends
    except InputError as error:
        raise InputError(f"{city}: {error}") from None


def folds_of(stations: NDArray[np.str_], count: int, seed: int = 0) -> list[frozenset[str]]:
    """Stations dealt into parts, the same for every caller.

    Raises:
        InputError: There are fewer than two parts, or fewer stations than parts.
    """
    if not 2 <= count <= len(stations):
        raise InputError(f"{count} folds of {len(stations)} stations: from 2 to as many as there are stations")
    order = np.random.default_rng(seed).permutation(len(stations))
    return [frozenset(stations[order[place::count]].tolist()) for place in range(count)]


def _folds(hours: StationHours, city: str, models: tuple[Chosen, Chosen], plan: Plan) -> list[frozenset[str]]:
    """Stations to withhold together: those that the cards say no training saw, else all of them, in parts."""
    there = set(hours.station_id.tolist())
    listed = [
        there & {str(station) for station in stations}
        for model in models
        for name, stations in dict(model.card.get("held_out_stations") or {}).items()
        if _slug(str(name)) == city
    ]
    never = set.intersection(*listed) if listed else set()
    if not plan.folds:
        return []
    return [frozenset(never)] if never else folds_of(hours.station_id, plan.folds)


def _pairs(
    hours: StationHours,
    models: tuple[Model, Model],
    inits: NDArray[np.datetime64],
    where: tuple[str, bool, list[frozenset[str]]],
    plan: Plan,
) -> pd.DataFrame:
    """Both models' predictions of one city."""
    city, unseen, folds = where
    question = Question(inits, plan.leads, plan.variables)
    sides = []
    for model in models:
        log.info("%s: %s", city, model.name)
        frames = list(_frames(hours, question, model, folds, unseen))
        if not frames:
            raise InputError(f"{city}: nothing to compare: leads {plan.leads} and {len(folds)} folds")
        sides.append(_with_truth(pd.concat(frames, ignore_index=True), hours).assign(city=city))
    return pair(sides[0], sides[1])


def _frames(
    hours: StationHours, question: Question, model: Model, folds: list[frozenset[str]], unseen: bool
) -> Iterator[pd.DataFrame]:
    """Predictions with their split; lead 0 at a station that is read is its own measurement, and is left out."""
    later = tuple(lead for lead in question.leads if lead > 0)
    if later:
        for frame in predict(hours, replace(question, leads=later), model):
            yield frame.assign(split="city" if unseen else "times")
    leads = tuple(lead for lead in question.leads if lead == 0) if unseen else question.leads
    for hidden in folds if leads else ():
        for frame in predict(hours, replace(question, leads=leads, withhold=hidden), model):
            yield frame[frame["station_id"].isin(hidden)].assign(split="city" if unseen else "stations")


def _with_truth(frame: pd.DataFrame, hours: StationHours) -> pd.DataFrame:
    """What was measured at each prediction's time; rows without a measurement go."""
    init = pd.DatetimeIndex(frame["init_time"]).tz_localize(None).to_numpy("datetime64[s]")
    row = ((init + (frame["lead_hours"].to_numpy(np.int64) + 1) * HOUR - hours.time[0]) // HOUR).astype(np.intp)
    column = pd.Index(hours.station_id).get_indexer(pd.Index(frame["station_id"]))
    truth = np.full(len(frame), np.nan)
    inside = row < len(hours.time)
    for name in frame["variable"].unique():
        own = np.flatnonzero((frame["variable"] == name).to_numpy() & inside)
        truth[own] = hours.values[str(name)][row[own], column[own]]
    return frame.assign(truth=truth).dropna(subset=["truth"])


def plan_of(
    archives: Sequence[Path],
    span: tuple[datetime | None, datetime | None, str],
    asked: tuple[str, str | None],
    folds: int = 4,
    unseen: tuple[str, ...] = (),
) -> Plan:
    """A plan from what the command line gives.

    Args:
        archives: Wide Parquet.
        span: First and last init and the step between.
        asked: Leads ("0,1,24") and variables ("pm25,no2").
        folds: Parts in which stations are withheld.
        unseen: Cities.

    Raises:
        InputError: A lead cannot be read.
    """
    leads, variables = asked
    some = tuple(part.strip() for part in variables.split(",") if part.strip()) if variables else None
    return Plan(tuple(archives), *span, read_leads(leads), some, folds, unseen)


def write_page(path: Path, page: str) -> None:
    """Write a report whole.

    Raises:
        StoreError: It cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(page, "utf-8")
        part.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error
    finally:
        if part.parent.is_dir():
            part.unlink(missing_ok=True)


def verdict_rows(record: dict[str, Any]) -> list[dict[str, Any]]:
    """A verdict as a table: a row a demand."""
    return [
        {"where": one["split"], "demand": one["demand"], "found": one["found"], "met": "yes" if one["passed"] else "NO"}
        for one in record["reasons"]
    ]
