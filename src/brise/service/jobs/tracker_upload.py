"""A file that an owner brings to the server: read whole, then stored in one transaction, or not at all."""

import logging
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from brise.conventions.errors import BriseError, InputError, StoreError
from brise.conventions.trackers import ReadReport
from brise.io.tables import Tables
from brise.io.tracker_import import Gathered, samples_of
from brise.io.tracker_reading import Options
from brise.service.jobs.tracker_import import gathered_from

LOG = logging.getLogger(__name__)
SHOWN = 20
"""Examples, notes and columns of a report that are kept."""


def bring_file(tables: Tables, mine: tuple[int, int], path: Path, options: Options, import_id: str) -> None:
    """Read a file of one tracker and store it; what became of it is noted under `import_id`. The file is deleted.

    Args:
        tables: The store.
        mine: Numbers of the owner and of the tracker.
        path: In a folder that only this process uses.
        options: What the owner says of the file; `device` picks one where it holds several.
        import_id: From `begin_import`.
    """
    try:
        report = _store(tables, mine, path, options)
        tables.choices.end_import(import_id, "", report)
    except BriseError as error:
        shown = isinstance(error, InputError)
        if not shown:
            LOG.warning("an import failed: %s", type(error).__name__)
        told = str(error).replace(f"{path.parent}/", "") if shown else "the server could not store it: bring it again"
        _note_failure(tables, import_id, told)
    finally:
        shutil.rmtree(path.parent, ignore_errors=True)


def _note_failure(tables: Tables, import_id: str, message: str) -> None:
    try:
        tables.choices.end_import(import_id, message[:1000], None)
    except StoreError as error:
        LOG.warning("%s", error)


def _store(tables: Tables, mine: tuple[int, int], path: Path, options: Options) -> dict[str, Any]:
    with gathered_from([path], Options(zone=options.zone, mapping=options.mapping), path.parent) as gathered:
        device = _device(gathered, options.device)
        report = ReadReport()
        count = tables.samples.store_frames(*mine, _frames(gathered, device, report), int(time.time()))
    whole = gathered.report
    rejected = dict(whole.rejected)
    for reason, rows in report.rejected.items():
        rejected[reason] = rejected.get(reason, 0) + rows
    return {
        "device": report.device,
        "reader": report.reader,
        "read": whole.read,
        "stored": count,
        "rejected": rejected,
        "examples": dict(list(whole.examples.items())[:SHOWN]),
        "unknown_columns": whole.unknown_columns[:SHOWN],
        "notes": whole.notes[:SHOWN],
        "fixes": whole.fixes,
        "positions": {"joined": report.joined, "interpolated": report.interpolated, "held": report.held},
        "start": report.start,
        "end": report.end,
        "flagged": report.flagged,
    }


def _device(gathered: Gathered, wanted: str) -> str:
    """The one device of a file, or the one that is wanted.

    Raises:
        InputError: There are several and none of them is wanted.
    """
    names = list(gathered.devices)
    if wanted in names or (len(names) == 1 and not wanted):
        return wanted or names[0]
    listed = ", ".join(names[:SHOWN])
    raise InputError(f"the file holds {len(names)} devices ({listed}); say which with device=NAME")


def _frames(gathered: Gathered, device: str, report: ReadReport) -> Iterator[pd.DataFrame]:
    yield from samples_of(gathered, device, report)
