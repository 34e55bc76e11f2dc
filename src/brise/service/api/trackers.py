"""`/v1/trackers`: an owner's devices, what is shared of them, and what the owner says of their time."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from brise.formulas.tracker_journeys import MODES, SURROUNDINGS
from brise.io.owners import Tracker
from brise.io.tables import Tables
from brise.io.tracker_choices import Label, Period
from brise.service.api.dependencies import iso, store_of
from brise.service.api.documented import problems
from brise.service.api.errors import ParameterError
from brise.service.api.parameters import parse_time
from brise.service.api.tracker_access import Me, Mine, MyTracker
from brise.service.api.tracker_owners import private
from brise.service.api.tracker_push import door_of
from brise.service.api.tracker_schemas import (
    Erased,
    KeyMade,
    LabelAsked,
    Labels,
    SharedPeriod,
    Sharing,
    TrackerAsked,
    TrackerMade,
    Trackers,
)
from brise.service.api.tracker_schemas import Tracker as TrackerOut
from brise.service.jobs.crowd import withdraw
from brise.service.jobs.erase import erase_tracker

router = APIRouter(tags=["trackers"])
WORDS = {"mode": MODES[1:], "surroundings": SURROUNDINGS[1:]}
ONE = "/v1/trackers/{tracker_id}"
REFUSED = problems(401, 404, 422, 429, 503)
REFUSED_BODY = problems(400, 401, 404, 413, 422, 429, 503)


def seconds_asked(name: str, text: str) -> int:
    """A time in a request, as seconds since 1970 UTC."""
    return int(parse_time(name, text).timestamp())


def shown(tables: Tables, owner: int, tracker: Tracker) -> dict[str, Any]:
    """A tracker as its owner is told."""
    stored = tables.samples.summary(owner, tracker.key)
    about = {name: getattr(tracker, name) for name in ("id", "name", "model", "serial", "latitude", "longitude")}
    first, last = (None if time is None else iso(time) for time in (stored.first, stored.last))
    return about | {"created": iso(tracker.created), "samples": stored.samples, "first": first, "last": last}


def _asked(body: TrackerAsked) -> dict[str, Any]:
    given = body.model_dump(exclude_unset=True)
    for name in ("name", "model"):
        if name in given:
            given[name] = given[name] or ""
    if (given.get("latitude") is None) != (given.get("longitude") is None):
        raise ParameterError("latitude", given.get("latitude"), "together with longitude")
    return given


@router.post(
    "/v1/trackers",
    summary="Register a tracker.",
    status_code=201,
    response_model=None,
    responses={201: {"model": TrackerMade}, **problems(400, 401, 413, 422, 429, 503)},
)
def register(request: Request, me: Me, body: TrackerAsked) -> Response:
    """The answer holds the device's key, this once."""
    tables = store_of(request).tables()
    tracker, key = tables.owners.register(me.key, _asked(body))
    return private(shown(tables, me.key, tracker) | {"key": key}, 201)


@router.get(
    "/v1/trackers",
    summary="The owner's trackers.",
    response_model=None,
    responses={200: {"model": Trackers}, **problems(401, 429, 503)},
)
def listed(request: Request, me: Me) -> Response:
    """Oldest first."""
    tables = store_of(request).tables()
    return private({"trackers": [shown(tables, me.key, one) for one in tables.owners.trackers(me.key)]})


@router.get(ONE, summary="One tracker.", response_model=None, responses={200: {"model": TrackerOut}, **REFUSED})
def show(request: Request, mine: MyTracker) -> Response:
    """What it is, and how much is stored of it."""
    return private(shown(store_of(request).tables(), mine.owner.key, mine.tracker))


@router.patch(
    ONE,
    summary="Rename a tracker, or say what and where it is.",
    response_model=None,
    responses={200: {"model": TrackerOut}, **REFUSED_BODY},
)
def change(request: Request, mine: MyTracker, body: TrackerAsked) -> Response:
    """What the body does not name stays."""
    tables = store_of(request).tables()
    changed = tables.owners.change(mine.owner.key, mine.tracker.id, _asked(body))
    door_of(request).ring.forget(changed.key)
    return private(shown(tables, mine.owner.key, changed))


@router.delete(
    ONE,
    summary="Erase a tracker and everything of it.",
    response_model=None,
    responses={200: {"model": Erased}, **REFUSED},
)
def erase(request: Request, mine: MyTracker) -> Response:
    """Answered when nothing of it is left in the database; there is no way back."""
    door_of(request).ring.forget(mine.tracker.key)
    store = store_of(request)
    return private({"samples": erase_tracker(store.tables(), store.root, mine.owner.key, mine.tracker)})


@router.post(
    f"{ONE}/key",
    summary="A new key; the old one opens nothing any more.",
    status_code=201,
    response_model=None,
    responses={201: {"model": KeyMade}, **REFUSED},
)
def new_key(request: Request, mine: MyTracker) -> Response:
    """For a key that was lost or seen."""
    key = store_of(request).tables().owners.new_key(mine.owner.key, mine.tracker.id)
    door_of(request).ring.forget(mine.tracker.key)
    return private({"key": key}, 201)


def _sharing(request: Request, mine: Mine) -> Response:
    periods = store_of(request).tables().choices.shared(mine.owner.key, mine.tracker.key)
    told = [{"start": iso(one.start), "end": None if one.end is None else iso(one.end)} for one in periods]
    return private({"periods": told})


@router.get(
    f"{ONE}/sharing", summary="What is shared.", response_model=None, responses={200: {"model": Sharing}, **REFUSED}
)
def sharing(request: Request, mine: MyTracker) -> Response:
    """Nothing, until the owner says so."""
    return _sharing(request, mine)


@router.put(
    f"{ONE}/sharing",
    summary="Share these periods and no others.",
    response_model=None,
    responses={200: {"model": Sharing}, **REFUSED_BODY},
)
def share(request: Request, mine: MyTracker, body: Sharing) -> Response:
    """Measurements of start < time ≤ end feed the crowd's map: blurred, and only where several owners share."""
    periods = joined([_period(place, one) for place, one in enumerate(body.periods)])
    store_of(request).tables().choices.share(mine.owner.key, mine.tracker.key, periods)
    withdraw(store_of(request).root)
    return _sharing(request, mine)


def _period(place: int, asked: SharedPeriod) -> Period:
    start = seconds_asked(f"periods.{place}.start", asked.start)
    end = None if asked.end is None else seconds_asked(f"periods.{place}.end", asked.end)
    if end is not None and end <= start:
        raise ParameterError(f"periods.{place}.end", asked.end, "after start")
    return Period(start, end)


def joined(periods: list[Period]) -> list[Period]:
    """Periods in order, those that meet or overlap as one.

    >>> joined([Period(5, 9), Period(0, 6), Period(20, None), Period(30, 40)])
    [Period(start=0, end=9), Period(start=20, end=None)]
    """
    out: list[Period] = []
    for one in sorted(periods, key=lambda period: period.start):
        last = out[-1] if out else None
        if last is None or (last.end is not None and one.start > last.end):
            out.append(one)
        elif last.end is not None:
            out[-1] = Period(last.start, None if one.end is None else max(last.end, one.end))
    return out


def _labels(request: Request, mine: Mine) -> Response:
    said = store_of(request).tables().choices.labels(mine.owner.key, mine.tracker.key)
    return private({"labels": [one._asdict() | {"start": iso(one.start), "end": iso(one.end)} for one in said]})


@router.get(
    f"{ONE}/labels",
    summary="What the owner said of stretches of time.",
    response_model=None,
    responses={200: {"model": Labels}, **REFUSED},
)
def labels(request: Request, mine: MyTracker) -> Response:
    """In order of time."""
    return _labels(request, mine)


@router.put(
    f"{ONE}/labels",
    summary="Say what stretches of time were: mode of travel, indoors or not.",
    response_model=None,
    responses={200: {"model": Labels}, **REFUSED_BODY},
)
def label(request: Request, mine: MyTracker, body: Labels) -> Response:
    """These replace what was said before, and win over what is inferred."""
    said = [_label(place, one) for place, one in enumerate(body.labels)]
    if len({(one.field, one.start) for one in said}) < len(said):
        raise ParameterError("labels", "two of one field and start", "one")
    store_of(request).tables().choices.label(mine.owner.key, mine.tracker.key, said)
    return _labels(request, mine)


def _label(place: int, asked: LabelAsked) -> Label:
    start, end = (seconds_asked(f"labels.{place}.{name}", getattr(asked, name)) for name in ("start", "end"))
    if end <= start:
        raise ParameterError(f"labels.{place}.end", asked.end, "after start")
    if asked.value not in WORDS[asked.field]:
        raise ParameterError(f"labels.{place}.value", asked.value, f"one of {', '.join(WORDS[asked.field])}")
    return Label(asked.field, start, end, asked.value)
