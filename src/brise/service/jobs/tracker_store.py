"""`brise tracker import --owner`: an owner's files into the store of this machine.

Apart from the import to a table, which loads no database.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from brise.conventions.errors import NotFoundError
from brise.conventions.trackers import ReadReport
from brise.io.tables import Tables
from brise.io.tracker_import import Gathered, samples_of
from brise.io.tracker_reading import Options
from brise.service.jobs.tracker_import import Told, device_report, gathered_from, report_of


def import_to_store(
    tables: Tables, owner: str, paths: Iterable[Path], options: Options, told: Told | None = None
) -> dict[str, Any]:
    """Files into an owner's trackers, each device by its name; what is there already is not stored twice.

    Args:
        tables: The store.
        owner: Id or token of the owner.
        paths: The owner's files.
        options: What the owner says of them.
        told: For a progress bar.

    Returns:
        The report; each device with the id of its tracker.

    Raises:
        InputError: A file cannot be read, or none is a tracker's.
        NotFoundError: There is no such owner.
        StoreError: The store cannot serve; what was stored is, and the same import may be run again.
    """
    mine = tables.owners.by_token(owner)
    if mine is None and owner.startswith("bo_"):
        raise NotFoundError("no owner has that token")  # which is not repeated where logs may see it
    mine = mine or tables.owners.by_id(owner)
    devices = []
    with gathered_from(paths, options, Path(tempfile.gettempdir()), told) as gathered:
        for name, about in gathered.devices.items():
            report = ReadReport()
            called = name or about.reader
            there = {tracker.name: tracker for tracker in tables.owners.trackers(mine.key)}
            tracker = there.get(called) or tables.owners.register(mine.key, {"name": called, "model": about.reader})[0]
            frames = _shown(samples_of(gathered, name, report), report, gathered, told)
            tables.samples.store_frames(mine.key, tracker.key, frames, int(time.time()))
            devices.append(device_report(report, {}, {}) | {"tracker": tracker.id})
        return report_of(gathered, devices)


def _shown(
    frames: Iterator[pd.DataFrame], report: ReadReport, gathered: Gathered, told: Told | None
) -> Iterator[pd.DataFrame]:
    for frame in frames:
        yield frame
        if told is not None:
            told("storing", report.kept, gathered.report.read)
