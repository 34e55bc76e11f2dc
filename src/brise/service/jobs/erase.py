"""Erasing an owner, a tracker or a period: rows, files, derived maps, and the bytes that they leave behind."""

import logging
import threading
from datetime import UTC, datetime

from brise.conventions.errors import StoreError
from brise.io.runs import JobRun
from brise.io.tables import Tables

LOG = logging.getLogger(__name__)
PRODUCT = "erasure"
_SCRUBBING = threading.Lock()


def erase_owner(tables: Tables, owner: int) -> int:
    """Erase an owner with all trackers.

    Returns:
        Samples that were erased.

    Raises:
        StoreError: Before anything was deleted.
    """
    return _then_scrub(tables, tables.owners.erase(owner))


def erase_tracker(tables: Tables, owner: int, device: int) -> int:
    """Erase one tracker; as `erase_owner`."""
    return _then_scrub(tables, tables.owners.erase_tracker(owner, device))


def erase_period(tables: Tables, owner: int, device: int, period: tuple[int, int]) -> int:
    """Erase a tracker's samples of start < time ≤ end, seconds since 1970 UTC; as `erase_owner`."""
    return _then_scrub(tables, tables.owners.erase_period(owner, device, *period))


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
