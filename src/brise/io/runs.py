"""The store's memory of what ran: job runs, how each source is doing, and leases that keep two cycles apart."""

import logging
import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Engine, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from brise.conventions.errors import StoreError
from brise.io.database import reading, writing
from brise.io.schema import epoch, job_runs, leases, source_status

LOG = logging.getLogger(__name__)

State = Literal["running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a job: (product, time) is its key.

    Attributes:
        product: What it makes, e.g. "air_quality".
        time: For when, UTC.
        state: "running", "done" or "failed".
        started: When it began, UTC.
        finished: When it ended; None while it runs, or if it was killed.
        message: For people, e.g. why it failed.
        counts: Figures of the run.
    """

    product: str
    time: datetime
    state: State
    started: datetime
    finished: datetime | None = None
    message: str = ""
    counts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How a source is doing.

    Attributes:
        source: Its name.
        last_attempt: When it was last asked, UTC.
        last_success: When it last answered with something readable; None = never.
        last_data_time: The newest END of a period that it ever gave; None = none.
        last_error: Why the last attempt failed; "" = it did not.
        counts: Figures of the last success (read, inserted, duplicate, rejected by reason ...).
    """

    source: str
    last_attempt: datetime
    last_success: datetime | None = None
    last_data_time: datetime | None = None
    last_error: str = ""
    counts: dict[str, Any] = field(default_factory=dict)


_PROCESS = uuid.uuid4().hex  # tells this process from an earlier one that had its pid
_HELD: set[str] = set()  # owners of the leases that this process holds


class Runs:
    """Job runs, source status and leases. Each method is one transaction; StoreError when the database cannot serve."""

    def __init__(self, engine: Engine) -> None:
        """Use `Tables.open(url).runs`."""
        self._engine = engine
        self._insert: Any = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert

    def record_run(self, run: JobRun) -> None:
        """Write a run down, in place of an earlier one of the same product and time."""
        row = {
            "product": run.product,
            "time": epoch(run.time),
            "state": run.state,
            "started": run.started.timestamp(),
            "finished": run.finished and run.finished.timestamp(),
            "message": run.message,
            "counts": run.counts,
        }
        with writing(self._engine) as connection:
            statement = self._insert(job_runs).values(row)
            connection.execute(statement.on_conflict_do_update(index_elements=["product", "time"], set_=row))

    def read_runs(self, product: str | None = None, when: datetime | None = None, limit: int = 100) -> list[JobRun]:
        """Runs, those for the newest times first.

        Args:
            product: Only of this product.
            when: Only those for this time; with `product`, that is one run or none.
            limit: At most so many.
        """
        query = select(job_runs).order_by(job_runs.c.time.desc(), job_runs.c.product).limit(limit)
        if product is not None:
            query = query.where(job_runs.c.product == product)
        if when is not None:
            query = query.where(job_runs.c.time == epoch(when))
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [
            JobRun(
                product=row.product,
                time=_utc(row.time),
                state=row.state,
                started=_utc(row.started),
                finished=_utc_or_none(row.finished),
                message=row.message,
                counts=row.counts,
            )
            for row in rows
        ]

    def record_source(self, status: SourceStatus) -> None:
        """Write down how a source did; a failure (`last_error`) keeps what is known of the last success.

        `last_data_time` never goes back.
        """
        row: dict[str, Any] = {
            "source": status.source,
            "last_attempt": epoch(status.last_attempt),
            "last_success": status.last_success and epoch(status.last_success),
            "last_data_time": status.last_data_time and epoch(status.last_data_time),
            "last_error": status.last_error,
            "counts": status.counts,
        }
        same = source_status.c.source == status.source
        with writing(self._engine) as connection:
            old = connection.execute(select(source_status).where(same)).one_or_none()
            if old is not None:
                times = [time for time in (old.last_data_time, row["last_data_time"]) if time is not None]
                row["last_data_time"] = max(times, default=None)
                if status.last_error:
                    row |= {"last_success": old.last_success, "counts": old.counts}
            connection.execute(
                self._insert(source_status).values(row).on_conflict_do_update(index_elements=["source"], set_=row)
            )

    def read_sources(self) -> list[SourceStatus]:
        """How every source is doing, by name."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(source_status).order_by(source_status.c.source)).all()
        return [
            SourceStatus(
                source=row.source,
                last_attempt=_utc(row.last_attempt),
                last_success=_utc_or_none(row.last_success),
                last_data_time=_utc_or_none(row.last_data_time),
                last_error=row.last_error,
                counts=row.counts,
            )
            for row in rows
        ]

    @contextmanager
    def lease(self, name: str, ttl: timedelta) -> Iterator[bool]:
        """Hold a name so that no one else works under it.

        A holder that was killed loses it: at once to others on its machine, to other machines after `ttl`.

        Args:
            name: What is held, e.g. "cycle".
            ttl: Longer than the work can take.

        Yields:
            True when the name is ours until the block ends; False when another holds it: do nothing then.
        """
        owner = f"{socket.gethostname()}/{os.getpid()}/{_PROCESS}/{uuid.uuid4().hex}"
        if not self._take(name, owner, ttl):
            yield False
            return
        try:
            yield True
        finally:
            _HELD.discard(owner)
            self._give_back(name, owner)

    def _give_back(self, name: str, owner: str) -> None:
        try:
            with writing(self._engine) as connection:
                connection.execute(delete(leases).where(leases.c.name == name, leases.c.owner == owner))
        except StoreError as error:  # the work is done; who wants the name next sees that we hold it no more
            LOG.warning("lease %s: not given back: %s", name, error)

    def _take(self, name: str, owner: str, ttl: timedelta) -> bool:
        now = time.time()
        row = {"name": name, "owner": owner, "expires": now + ttl.total_seconds()}
        with writing(self._engine) as connection:
            held = connection.execute(select(leases).where(leases.c.name == name)).one_or_none()
            if held is not None and held.expires > now and not _is_dead(held.owner):
                return False
            # Of two that saw the same holder, or none, one gets the row and the other matches no owner.
            seen = leases.c.owner == ("" if held is None else held.owner)
            take = self._insert(leases).values(row)
            take = take.on_conflict_do_update(index_elements=["name"], set_=row, where=seen).returning(leases.c.name)
            mine = connection.execute(take).first() is not None
            if mine:
                _HELD.add(owner)  # before others can see the row
            return mine


def _is_dead(owner: str) -> bool:
    """Whether the holder surely works no more: it ran on this machine and ended, by its process or by its block."""
    host, pid, process, _ = owner.split("/")
    if host != socket.gethostname():
        return False
    if int(pid) == os.getpid():
        return process != _PROCESS or owner not in _HELD
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _utc_or_none(seconds: float | None) -> datetime | None:
    return None if seconds is None else _utc(seconds)
