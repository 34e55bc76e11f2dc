"""`brise nowcast`: radar files in, one file of rates, quantiles, chances and members out."""

import logging
import os
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError, StoreError
from brise.conventions.rain import RainSequence
from brise.formulas.motion import estimate_motion
from brise.io.rain_runs import encode
from brise.models.rain_forecast import QUANTILES, THRESHOLDS, RainForecast
from brise.products.rain_ensemble import members
from brise.products.rain_nowcast import LEADS, Nowcaster
from brise.service.jobs.rain import sequence_of
from brise.service.jobs.rain_radar import MOST_CELLS, Scene, read_file

log = logging.getLogger("brise.rain")


def nowcast_files(paths: Iterable[Path], out: Path, nowcaster: Nowcaster, count: int = 0, seed: int = 0) -> list[str]:
    """Nowcast from the newest frames of some files.

    The file written is a NumPy archive in the layout that is read: `rate` (L, Y, X) uint16 in 1/100 mm/h, 65535 =
    unknown, `times`, `lats`, `lons`, `step`; and `init_time`, `leads`, `quantiles` (Q, L, Y, X) at `levels`, `chance`
    (K, L, Y, X) uint8 in 1/100, 255 = unknown, of at least `thresholds`, `notes`, and `members` (L, M, Y, X).

    Args:
        paths: Radar files of any known kind, each with one frame or more.
        out: To be written; whole or not at all.
        nowcaster: The model.
        count: Members wanted.
        seed: Of the members.

    Returns:
        What was left out or had to be done without.

    Raises:
        InputError: No frame can be read, or the field is too large; each file that was left out is named.
        StoreError: The file cannot be written.
    """
    frames, notes = [], []
    for path in paths:
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        some, why = read_file(path, datetime.now(UTC))
        frames += some
        notes += why
    if not frames:
        raise InputError("; ".join(notes) or "no radar file was given")
    sequence = sequence_of(Scene("nowcast", tuple(frames)))
    cells = sequence.rate[0].size
    if cells > MOST_CELLS:
        raise InputError(f"frames of {sequence.rate.shape[1:]} are {cells} cells, at most {MOST_CELLS}")
    forecast = nowcaster(sequence.rate, sequence.step_minutes, np.array(LEADS, float))
    notes += [*sequence.notes, *forecast.notes]
    stories: Iterator[NDArray[np.float32]] | None = None
    if count:
        motion = estimate_motion(sequence.rate)
        stories = members(sequence.rate, motion, forecast, sequence.step_minutes, count=count, seed=seed)
    draft = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            _write(archive, sequence, forecast, notes)
            if stories is not None:
                _stream(archive, "members", _ahead(stories), (len(LEADS), count, *sequence.rate.shape[1:]), np.uint16)
        draft.replace(out)
    except OSError as error:
        raise StoreError(f"{out}: cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
    return notes


def _write(archive: zipfile.ZipFile, sequence: RainSequence, forecast: RainForecast, notes: list[str]) -> None:
    init = sequence.times[-1]
    times = init + np.array([60 * lead for lead in LEADS], "timedelta64[s]")
    arrays: dict[str, Any] = {
        "times": times.astype(str),
        "lats": sequence.latitudes,
        "lons": sequence.longitudes,
        "step": np.float64(LEADS[1] - LEADS[0]),
        "init_time": np.array(str(init)),
        "leads": np.array(LEADS),
        "simulated": np.array(sequence.simulated),
        "notes": np.array(notes, dtype=str),
    }
    _stream(archive, "rate", forecast.value, forecast.value.shape, np.uint16)
    if forecast.quantiles is not None:
        arrays["levels"] = np.array(QUANTILES)
        _stream(archive, "quantiles", chain(*forecast.quantiles), forecast.quantiles.shape, np.uint16)
    if forecast.chance is not None:
        arrays["thresholds"] = np.array(THRESHOLDS)
        _stream(archive, "chance", chain(*forecast.chance), forecast.chance.shape, np.uint8)
    for name, array in arrays.items():
        with archive.open(f"{name}.npy", "w") as file:
            np.lib.format.write_array(file, np.asarray(array), allow_pickle=False)


def _ahead(stories: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """The same, the next one in the making while the one before is packed."""
    with ThreadPoolExecutor(1) as pool:
        story = pool.submit(next, stories, None)
        while (ready := story.result()) is not None:
            story = pool.submit(next, stories, None)
            yield ready


def _stream(
    archive: zipfile.ZipFile,
    name: str,
    parts: Iterable[NDArray[np.float32]],
    shape: tuple[int, ...],
    kind: type[np.uint8 | np.uint16],
) -> None:
    """One array, part after part: with all of it encoded at once, a whole country's would not fit in memory."""
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(kind)), "fortran_order": False, "shape": shape}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(encode(part, kind).tobytes())
