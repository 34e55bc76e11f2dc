"""`brise tracker import --local`: an owner's files to a table on their own machine.

Nothing leaves the machine: no network, no database. All or nothing: a file that cannot be read ends it before anything
is in its place.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from brise.conventions.errors import InputError, StoreError
from brise.conventions.trackers import MEASURED, REPORTED, ReadReport, flag_names, suspect_bit
from brise.formulas.indices.registry import INDICES
from brise.io.sources.tracker_mapping import read_mapping
from brise.io.tracker_csv import TableWriter, plain_text, times_text
from brise.io.tracker_import import Gathered, gather, samples_of
from brise.io.tracker_reading import Options
from brise.models.sensor_correction import CORRECTED, correct
from brise.products.tracker_table import (
    INSTANT,
    MEMORY_S,
    Agreement,
    hourly_indices,
    instant_indices,
    plume_agreement,
    trusted,
)

Told = Callable[[str, int, int], None]
"""What is going on, how much is done, of how much."""

_PLACE = ("latitude", "longitude", "accuracy_m", "speed_m_s", "altitude_m")
_DECIMALS = {"latitude": 6, "longitude": 6}


def options_of(mapping: Path | None, device: str, zone: str) -> Options:
    """What the owner says of the files.

    Raises:
        InputError: The mapping cannot be read.
    """
    return Options(device=device, zone=zone, mapping=read_mapping(mapping) if mapping is not None else None)


@contextmanager
def gathered_from(
    paths: Iterable[Path], options: Options, beside: Path, told: Told | None = None
) -> Iterator[Gathered]:
    """Files read and put aside in a folder that only this process can open, and that goes away with it.

    Args:
        paths: The owner's files.
        options: What the owner says of them.
        beside: Folder in which the other one is made.
        told: For a progress bar.

    Raises:
        InputError: A file cannot be read, or none is a tracker's.
        StoreError: The folder cannot be written.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=".tracker-", dir=beside))
    except OSError as error:
        raise StoreError(f"{beside}: cannot be written: {error.strerror or error}") from None
    try:
        reading = None if told is None else lambda done, total: told("reading", done, total)
        yield gather(paths, options, folder, reading)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def import_local(paths: Iterable[Path], out: Path, options: Options, told: Told | None = None) -> dict[str, Any]:
    """Files to one table, beside the owner's files, with corrected values and every index.

    Args:
        paths: The owner's files.
        out: The table, CSV; written whole or not at all.
        options: What the owner says of the files.
        told: For a progress bar.

    Returns:
        The report: files, devices, counts, what was assumed, agreement with the device's own index.

    Raises:
        InputError: A file cannot be read, none is a tracker's, or `out` is one of them.
        StoreError: The table cannot be written.
    """
    listed = list(paths)
    if any(path.exists() and out.exists() and path.samefile(out) for path in listed):
        raise InputError(f"{out}: is one of the files to be read; name another with --out")
    with gathered_from(listed, options, out.absolute().parent, told) as gathered:
        several = len(gathered.devices) > 1
        with TableWriter(out, headings(gathered, several)) as writer:
            devices = [_write_device(gathered, name, writer, (several, told)) for name in gathered.devices]
        return report_of(gathered, devices)


def headings(gathered: Gathered, several: bool) -> list[str]:
    """The columns of the table: time, place, raw and corrected values, what was reported, indices, flags."""
    there = {name for device in gathered.devices.values() for name in device.columns}
    variables = [name for name in MEASURED if name in there]
    extra = [name for name in ("accuracy_m", "speed_m_s", "altitude_m") if gathered.fixes.devices]
    instant = {name: [p for p in INDICES[name].pollutants if p in variables] for name in INSTANT}
    return [
        *(["device"] if several else []),
        "time",
        "latitude",
        "longitude",
        *extra,
        *(column for name in variables for column in (name, f"{name}_corrected")),
        *sorted(name for name in there if name.startswith(REPORTED)),
        *(c for name, used in instant.items() if used for c in (name, *(f"{name}_{p}" for p in used))),
        *(name for name, index in INDICES.items() if name not in INSTANT and set(index.pollutants) & set(variables)),
        "flags",
        "suspect",
        *(f"{name}_uncertainty" for name in variables if name in CORRECTED),
    ]


def _write_device(gathered: Gathered, name: str, writer: TableWriter, how: tuple[bool, Told | None]) -> dict[str, Any]:
    """The rows of one device, and its part of the report."""
    several, told = how
    about, report = gathered.devices[name], ReadReport()
    variables = [v for v in MEASURED if v in about.columns]
    before: pd.DataFrame | None = None
    names: dict[str, str] = {}
    agreement: dict[str, Agreement] = {}
    for frame in samples_of(gathered, name, report):
        clean = trusted(frame)
        corrected = correct(clean, make=about.make)
        names |= corrected.names
        values = {v: corrected.values[v] if v in corrected.values else clean[v] for v in variables if v in clean}
        seconds = frame["time"].astype("int64").to_numpy()
        recent = pd.DataFrame({"time": seconds, **values})
        around = recent if before is None else pd.concat([before, recent], ignore_index=True)
        moment = around["time"].to_numpy()
        hourly = hourly_indices(moment, {v: around[v].to_numpy() for v in values}, about.period_s, variables)
        instant = instant_indices(frame, variables)
        for pollutant, found in plume_agreement(frame, instant).items():
            agreement[pollutant] = agreement.get(pollutant, Agreement(0, 0, 0)) + found
        skip = len(around) - len(recent)
        writer.write(
            _rounded({n: frame[n].to_numpy() for n in frame.columns if n in _PLACE or str(n).startswith(REPORTED)})
            | _rounded({v: frame[v].to_numpy() for v in variables if v in frame})
            | _rounded({f"{v}_corrected": value.to_numpy() for v, value in values.items()})
            | _rounded({f"{v}_uncertainty": error.to_numpy() for v, error in corrected.uncertainty.items()}, 1)
            | _rounded(instant | {n: value[skip:] for n, value in hourly.items()})
            | _texts(frame, seconds, (report.device if several else None))
        )
        before = around[moment > moment[-1] - MEMORY_S]
        if told is not None:
            told(f"writing {report.device}", report.kept, gathered.report.read)
    return device_report(report, names, agreement)


def _rounded(columns: dict[str, Any], decimals: int = 4) -> dict[str, Any]:
    return {str(name): np.round(value, _DECIMALS.get(str(name), decimals)) for name, value in columns.items()}


def _texts(frame: pd.DataFrame, seconds: Any, device: str | None) -> dict[str, Any]:
    out: dict[str, Any] = {"time": times_text(seconds)}
    out["flags"] = _words(frame["flags"].to_numpy(), flag_names)
    out["suspect"] = _words(frame["suspect"].to_numpy(), suspect_names)
    if device is not None:
        out["device"] = pa.array([plain_text(device)] * len(frame), pa.string())
    return out


def suspect_names(bits: int) -> str:
    """The quantities meant by `suspect`.

    >>> suspect_names(2 + 8)
    'pm25|no2'
    """
    return "|".join(name for name in MEASURED if bits & suspect_bit(name))


def _words(bits: Any, name: Callable[[int], str]) -> pa.Array:
    different, which = np.unique(bits, return_inverse=True)
    return pa.array([name(int(one)) for one in different], pa.string()).take(pa.array(which))


def device_report(report: ReadReport, names: dict[str, str], agreement: dict[str, Agreement]) -> dict[str, Any]:
    """What became of one device's rows."""
    shares = {
        pollutant: asdict(found) | {"share_within_rounding": found.within_1 / found.rows if found.rows else None}
        for pollutant, found in agreement.items()
    }
    return {
        "device": report.device,
        "reader": report.reader,
        "kept": report.kept,
        "merged": report.merged,
        "rejected": report.rejected,
        "positions": {"joined": report.joined, "interpolated": report.interpolated, "held": report.held},
        "start": report.start,
        "end": report.end,
        "flagged": report.flagged,
        "corrections": names,
        "plume_agreement": shares,
    }


def report_of(gathered: Gathered, devices: list[dict[str, Any]]) -> dict[str, Any]:
    """What became of all lines: read = kept + merged + sum(rejected)."""
    report = gathered.report
    rejected = dict(report.rejected)
    for device in devices:
        for reason, count in device["rejected"].items():
            rejected[reason] = rejected.get(reason, 0) + count
    return {
        "read": report.read,
        "kept": sum(device["kept"] for device in devices),
        "merged": report.merged + sum(device["merged"] for device in devices),
        "rejected": rejected,
        "examples": report.examples,
        "fixes": report.fixes,
        "refused_fixes": report.refused_fixes,
        "unknown_columns": report.unknown_columns,
        "notes": report.notes,
        "files": report.files,
        "devices": devices,
    }
