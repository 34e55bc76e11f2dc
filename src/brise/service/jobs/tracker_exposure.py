"""`brise tracker exposure`: what a tracker's files say of what was breathed, computed on this machine."""

import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.trackers import ReadReport, measured
from brise.formulas.exposure import means
from brise.formulas.tracker_journeys import MODES, SURROUNDINGS
from brise.io.tracker_import import Gathered, samples_of
from brise.io.tracker_reading import Options
from brise.models.sensor_correction import correct
from brise.products.exposure_words import english, sentences
from brise.products.personal_exposure import City, Told, compute
from brise.products.tracker_table import trusted
from brise.service.jobs.tracker_import import Told as Progress
from brise.service.jobs.tracker_import import gathered_from

MOST_SAMPLES = 2_000_000
"""Nearly four years of minutes; more are to be asked for in parts."""


def exposure_of_files(
    paths: Iterable[Path],
    options: Options,
    window: tuple[datetime | None, datetime | None],
    beside: tuple[Path | None, list[str], list[str]] = (None, [], []),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Exposure by device, with sentences.

    Args:
        paths: The owner's files.
        options: What the owner says of them; its zone is also that of the days.
        window: Only samples after the first and up to the second.
        beside: Table of the city's air, hourly or finer, with units in its headings; names of places, as
            "LAT,LON,NAME"; and what stretches of time were, as "FROM,TO,WORD", WORD a mode or surroundings.
        progress: For a bar.

    Raises:
        InputError: A file cannot be read, there are no samples in the window, or too many.
        StoreError: Nothing can be put aside.
    """
    city, folder = beside[0], Path(tempfile.gettempdir())
    places = [_place(text) for text in beside[1]]
    said = [_stretch(text) for text in beside[2]]
    modes, spans = ([one for one in said if one[2] in words] for words in (MODES, SURROUNDINGS))
    theirs = _city(city, options, folder) if city is not None else None
    out = {}
    with gathered_from(paths, options, folder, progress) as gathered:
        for name in gathered.devices:
            report = ReadReport()
            samples = _clean(gathered, name, report, window)
            told = Told(_offset(options.zone, samples["time"].iloc[len(samples) // 2]), places, spans, modes)
            found = compute(samples, told, theirs)
            found["sentences"] = sentences(found)
            found["words"] = [english(sentence) for sentence in found["sentences"]]
            out[report.device] = found
    return out


def _place(text: str) -> tuple[float, float, str]:
    latitude, _, rest = text.partition(",")
    longitude, _, name = rest.partition(",")
    try:
        place = (float(latitude), float(longitude), name.strip())
    except ValueError:
        raise InputError(f"{text!r} is not LAT,LON,NAME such as 48.85,2.35,school") from None
    if not (abs(place[0]) <= 90 and abs(place[1]) <= 180 and name.strip()):
        raise InputError(f"{text!r} is not LAT,LON,NAME on Earth, with a name")
    return place


def _stretch(text: str) -> tuple[int, int, str]:
    """As "2026-05-01T08:00,2026-05-01T08:30,cycle"; UTC where no zone is said."""
    words = [*MODES[1:], *SURROUNDINGS[1:]]
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3 or parts[2] not in words:
        raise InputError(f"{text!r} is not FROM,TO,WORD; WORD is one of {', '.join(dict.fromkeys(words))}")
    try:
        moments = [datetime.fromisoformat(part) for part in parts[:2]]
    except ValueError:
        raise InputError(f"{text!r} is not FROM,TO,WORD with times such as 2026-05-01T08:00") from None
    start, end = (int((one if one.tzinfo else one.replace(tzinfo=UTC)).timestamp()) for one in moments)
    if end <= start:
        raise InputError(f"{text!r}: its end is not after its start")
    return start, end, parts[2]


def _clean(
    gathered: Gathered, name: str, report: ReadReport, window: tuple[datetime | None, datetime | None]
) -> pd.DataFrame:
    """The samples of a device in a window, doubts removed, corrected."""
    frames, count = [], 0
    for frame in samples_of(gathered, name, report):
        inside = np.ones(len(frame), bool)
        if window[0] is not None:
            inside &= (frame["time"] > pd.Timestamp(window[0])).to_numpy()
        if window[1] is not None:
            inside &= (frame["time"] <= pd.Timestamp(window[1])).to_numpy()
        frames.append(frame[inside])
        count += int(inside.sum())
        if count > MOST_SAMPLES:
            raise InputError(f"more than {MOST_SAMPLES:,} samples; ask for a part with --from and --to")
    if not count:
        raise InputError(f"{report.device}: no samples between {window[0]} and {window[1]}")
    samples = trusted(pd.concat(frames, ignore_index=True))
    corrected = correct(samples, make=gathered.devices[name].make)
    return samples.assign(**{name: corrected.values[name] for name in corrected.values.columns})


def _offset(zone: str, middle: pd.Timestamp) -> int | None:
    """How far a zone is ahead of UTC in the middle of the samples; None where none was named."""
    if zone == "UTC":
        return None
    try:
        offset = middle.astimezone(ZoneInfo(zone)).utcoffset()
    except (ZoneInfoNotFoundError, ValueError):
        raise InputError(f"{zone!r} is no time zone such as Europe/Paris") from None
    return None if offset is None else int(offset.total_seconds())


def _city(path: Path, options: Options, beside: Path) -> City:
    """Hourly means of a table of the city's air."""
    with gathered_from([path], Options(zone=options.zone), beside) as gathered:
        if len(gathered.devices) != 1:
            raise InputError(f"{path}: {len(gathered.devices)} stations; a city's table has one")
        name, device = next(iter(gathered.devices.items()))
        frame = pd.concat(list(samples_of(gathered, name, ReadReport())), ignore_index=True)
    time: NDArray[np.int64] = np.asarray(frame["time"].astype("int64"), np.int64)
    found = {v: means(time, frame[v].to_numpy(float), device.period_s) for v in measured(frame)}
    if not found:
        raise InputError(f"{path}: no quantity with its unit")
    return City(next(iter(found.values())).end, {v: one.value for v, one in found.items()})


def exposure_lines(found: dict[str, Any]) -> list[str]:
    """An exposure, for people."""
    lines = []
    for device, exposure in found.items():
        lines.append(f"{device}: {exposure['start']} to {exposure['end']}")
        lines += [f"  {sentence}" for sentence in exposure["words"]]
        for trip in exposure["trips"]:
            lines.append(f"  trip {trip['start']} to {trip['end']}: {trip['mode']}, {trip['metres'] / 1000:.1f} km")
        for place in exposure["places"][:5]:
            lines.append(f"  {place['label']}: {place['seconds'] / 3600:.1f} hours in {place['stays']} stays")
        for name, bands in exposure["bands"].items():
            told = ", ".join(f"{key.partition('.')[2]} {s / 3600:.1f} h" for key, s in bands.items() if s)
            lines.append(f"  {name}: {told or 'unknown'}")
    return lines
