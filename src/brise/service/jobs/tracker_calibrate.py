"""PM2.5 of low-cost sensors in a table, corrected: by a make's law, and by references where the table has them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from brise.conventions.errors import InputError
from brise.models.sensor_correction import TO_Q90, correct, interval
from brise.models.sensor_correction_constants import LAWS
from brise.models.sensor_correction_rolling import fit_against_reference

NEEDED = ("time", "raw")
KNOWN = (*NEEDED, "sensor", "rh", "temperature", "reference")
"""`raw` and `reference` µg m-3, `rh` percent, `temperature` degrees Celsius; the last four may lack."""

MOST_BYTES = 1 << 30


def calibrate_file(path: Path, out: Path, make: str) -> dict[str, Any]:
    """Correct a table; a sensor with 48 hours and 3 days of references is calibrated by them, others by the law.

    Args:
        path: CSV of KNOWN; other columns are kept as they are.
        out: The same rows with corrected, q10, q90 and correction.
        make: Of LAWS.

    Returns:
        Rows, sensors, those with a calibration of their own, and each correction's rows.

    Raises:
        InputError: The file or a column cannot be read, or there is no law of the make.
    """
    if make not in LAWS:
        raise InputError(f"no law of the make {make!r}; those with one: {', '.join(LAWS)}")
    table = _read(path)
    number = {name: _numbers(table, name, path) for name in KNOWN[1:] if name != "sensor"}
    time = pd.to_datetime(table["time"], utc=True, errors="coerce", format="ISO8601")
    if time.isna().any():
        first = int(np.argmax(time.isna()))
        raise InputError(f"{path}: row {first + 2}: time {table['time'].iloc[first]!r} is no ISO 8601 time")
    samples = pd.DataFrame(
        {
            "time": time,
            "pm25": number["raw"],
            "relative_humidity": number["rh"] / 100,
            "temperature": number["temperature"] + 273.15,
        }
    )
    names = table["sensor"].astype(str).to_numpy() if "sensor" in table else np.full(len(table), "")
    parts = []
    own = 0
    for name in np.unique(names):
        rows = names == name
        part, fitted = _one(samples[rows], number["reference"][rows], make)
        own += fitted
        parts.append(part)
    found = pd.concat(parts).sort_index()
    pd.concat([table, found.round(3)], axis=1).to_csv(out, index=False)
    counts = found["correction"].value_counts().to_dict()
    return {"rows": len(table), "sensors": len(np.unique(names)), "calibrated": own, "corrections": counts}


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: more than {MOST_BYTES >> 20} MB")
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as CSV: {error}") from error
    missing = [name for name in NEEDED if name not in table]
    if missing or table.empty:
        what = f"no column {missing[0]!r}" if missing else "no row"
        raise InputError(f"{path}: {what}; columns are {', '.join(KNOWN)}, of which {' and '.join(NEEDED)} must be")
    return table


def _numbers(table: pd.DataFrame, name: str, path: Path) -> np.ndarray:
    if name not in table:
        return np.full(len(table), np.nan)
    found = pd.to_numeric(table[name], errors="coerce")
    bad = found.isna() & table[name].notna()
    if bad.any():
        first = int(np.argmax(bad))
        raise InputError(f"{path}: row {first + 2}: {name} {table[name].iloc[first]!r} is no number")
    return np.asarray(found.to_numpy(float))


def _one(samples: pd.DataFrame, reference: np.ndarray, make: str) -> tuple[pd.DataFrame, bool]:
    """One sensor: corrected, q10, q90 and the correction's name; and whether by a calibration of its own."""
    known = pd.Series(reference, samples["time"]).dropna()
    try:
        own = [fit_against_reference(samples, known, "pm25", make=make)] if len(known) else []
    except InputError:  # too few hours: the law speaks
        own = []
    said = correct(samples, own, make)
    value = np.maximum(said.values["pm25"].to_numpy(float), 0.0)
    if own:
        width = TO_Q90 * said.uncertainty["pm25"].to_numpy(float)
        low, high = np.maximum(value - width, 0.0), value + width
    else:
        low, _, high = interval(samples, make)
    told = {"corrected": value, "q10": low, "q90": high, "correction": said.names["pm25"]}
    return pd.DataFrame(told, index=samples.index), bool(own)
