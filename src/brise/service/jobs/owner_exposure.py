"""An owner's exposure from what the server keeps: corrected, with what the owner has said of places and times."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from brise.conventions.errors import InputError, NotFoundError
from brise.io.owners import Owner, Tracker
from brise.io.tables import Tables
from brise.models.sensor_correction import correct
from brise.products.exposure_words import english, sentences
from brise.products.personal_exposure import City, Told, compute
from brise.products.tracker_table import trusted

MOST_SAMPLES = 100_000
"""Of one answer: ten weeks at one a minute, a day at one a second."""


def owner_exposure(
    tables: Tables,
    mine: tuple[Owner, Tracker],
    period: tuple[int | None, int | None],
    zone: str,
    city: Callable[[pd.DataFrame], City] | None = None,
) -> dict[str, Any]:
    """Exposure of start < time ≤ end (seconds since 1970 UTC), with sentences.

    Args:
        tables: The store.
        mine: Whose, and which.
        period: Start and end; None = open.
        zone: IANA zone of the days; "" = by the sun.
        city: What tells the city's hours beside samples.

    Raises:
        NotFoundError: Nothing was measured then.
        InputError: The zone is none, or there are too many samples.
    """
    owner, tracker = mine
    keys = owner.key, tracker.key
    samples = tables.samples.read(*keys, start=period[0], end=period[1], limit=MOST_SAMPLES + 1)
    if samples.empty:
        raise NotFoundError("nothing was measured within this period")
    if len(samples) > MOST_SAMPLES:
        raise InputError(f"more than {MOST_SAMPLES:,} samples; ask for a shorter period")
    middle = int(samples["time"].iloc[len(samples) // 2].timestamp())
    told = told_by(tables, keys, zone, middle)
    clean = trusted(samples)
    own = tables.calibrations.found(owner.key, tracker.key)
    corrected = correct(clean, own, tracker.model.lower() or "unknown")
    best = clean.assign(**{name: corrected.values[name] for name in corrected.values.columns})
    found = compute(best, told, city(best) if city else None)
    said = sentences(found)
    return found | {"corrections": corrected.names, "sentences": said, "words": [english(one) for one in said]}


def told_by(tables: Tables, mine: tuple[int, int], zone: str, moment: int) -> Told:
    """What an owner has said of a tracker's time.

    Args:
        tables: The store.
        mine: Numbers of the owner and of the tracker.
        zone: IANA zone of their days; "" = by the sun.
        moment: At which the zone's offset is taken, seconds since 1970 UTC.

    Raises:
        InputError: There is no such zone.
    """
    labels, places = tables.choices.labels(*mine), tables.choices.places(mine[0])
    return Told(
        offset_s=_offset(zone, moment),
        places=[(one.latitude, one.longitude, one.name) for one in places],
        spans=[(one.start, one.end, one.value) for one in labels if one.field == "surroundings"],
        modes=[(one.start, one.end, one.value) for one in labels if one.field == "mode"],
        roofs=[(p.latitude, p.longitude, p.radius_m, p.indoor) for p in places if p.indoor is not None],
    )


def _offset(zone: str, moment: int) -> int | None:
    if not zone:
        return None
    try:
        offset = datetime.fromtimestamp(moment, ZoneInfo(zone)).utcoffset()
    except (ZoneInfoNotFoundError, ValueError, OSError, OverflowError):
        raise InputError(f"timezone={zone!r}: an IANA zone, such as Europe/Paris") from None
    return None if offset is None else int(offset.total_seconds())
