"""Erasing an owner, a tracker or a period: rows, files, derived maps, and the bytes that they leave behind."""

import logging
import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path

from brise.conventions.errors import StoreError
from brise.io.owners import Tracker
from brise.io.runs import JobRun
from brise.io.tables import Tables
from brise.service.jobs.crowd import withdraw

LOG = logging.getLogger(__name__)
PRODUCT = "erasure"
IMPORTS = "imports"
"""Folder of files that owners bring, below the data folder; what it holds of a tracker begins with the tracker's id."""

_SCRUBBING = threading.Lock()


def erase_owner(tables: Tables, root: Path, owner: int) -> int:
    """Erase an owner with all trackers.

    Args:
        tables: The store.
        root: The data folder.
        owner: Whose.

    Returns:
        Samples that were erased.

    Raises:
        StoreError: Before anything was deleted.
    """
    devices = tables.owners.trackers(owner)
    count = tables.owners.erase(owner)
    withdraw(root)
    for device in devices:
        _drop_files(root, device.id)
    return _then_scrub(tables, count)


def erase_tracker(tables: Tables, root: Path, owner: int, device: Tracker) -> int:
    """Erase one tracker; as `erase_owner`."""
    count = tables.owners.erase_tracker(owner, device.key)
    withdraw(root)
    _drop_files(root, device.id)
    return _then_scrub(tables, count)


def erase_period(tables: Tables, owner: int, device: int, period: tuple[int, int]) -> int:
    """Erase a tracker's samples of start < time ≤ end, seconds since 1970 UTC; as `erase_owner`."""
    return _then_scrub(tables, tables.owners.erase_period(owner, device, *period))


def _drop_files(root: Path, tracker_id: str) -> None:
    """Files of a tracker that wait to be read, or that a process left when it was killed."""
    for folder in (root / IMPORTS).glob(f"{tracker_id}-*"):
        shutil.rmtree(folder, ignore_errors=True)


def _then_scrub(tables: Tables, count: int) -> int:
    """The rows are gone for everybody; a scrub that fails is noted, and done with the next or at the next start."""
    now = datetime.now(UTC)
    tables.runs.record_run(JobRun(PRODUCT, now, "running", now))
    finish_erasures(tables)
    return count


def finish_erasures(tables: Tables) -> None:
    """Scrub the database's files if a scrub is owed."""
    with _SCRUBBING:  # whoever waited here finds that the one before has done it
        owed = [run for run in tables.runs.read_runs(PRODUCT) if run.state == "running"]
        if not owed:
            return
        try:
            tables.owners.scrub()
        except StoreError as error:
            LOG.warning("erased rows are gone; their bytes in the database's files are not yet: %s", error)
            return
        for run in owed:
            tables.runs.record_run(JobRun(PRODUCT, run.time, "done", run.started, datetime.now(UTC)))
