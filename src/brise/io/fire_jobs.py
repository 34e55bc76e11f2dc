"""Fire simulations as jobs in the database: asked by the API, taken by workers, one holder at a time.

A worker holds a job by a lease that it renews while it works. A worker that was killed renews nothing, so the job is
taken again when the lease ends; what it still writes afterwards, as one that hung would, changes no row. Times are
seconds since 1970 by the wall's clock: what a person waits for, whatever a replay's clock says.
"""

import secrets
import time
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, delete, func, or_, select, update

from brise.conventions.errors import BusyError, NotFoundError
from brise.io.database import open_engine, reading, writing
from brise.io.schema import fire_simulations

State = Literal["queued", "running", "done", "failed", "cancelled"]
STATES: tuple[State, ...] = ("queued", "running", "done", "failed", "cancelled")

LEASE_S = 20.0
"""How long a killed worker's job waits to be taken again; renewed every few seconds."""

ATTEMPTS = 3
"""A job whose workers died so often is given up: it is the likely cause."""

ID_BYTES = 16

_J = fire_simulations.c
_ENDED = ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Room:
    """How many jobs may wait or run at once.

    Attributes:
        total: In all.
        client: Of one client.
    """

    total: int
    client: int


@dataclass(frozen=True, slots=True)
class Job:
    """One simulation.

    Attributes:
        id: Cannot be guessed; whoever knows it may read, cancel and delete.
        share: Cannot be guessed; whoever knows it may read.
        listed: Whether its share is in the public list.
        client: Digest of who asked.
        state: Of `STATES`.
        stage: What is being done, in words.
        progress: 0 to 1.
        request: As it was accepted.
        message: Why it failed.
        attempts: How often it was begun.
        created: Seconds since 1970, as all times here.
        started: None = not yet.
        finished: None = not yet.
        expires: When it and its results are deleted.
    """

    id: str
    share: str
    listed: bool
    client: str
    state: State
    stage: str
    progress: float
    request: dict[str, Any]
    message: str
    attempts: int
    created: float
    started: float | None
    finished: float | None
    expires: float

    @property
    def ended(self) -> bool:
        """Nothing more will happen to it."""
        return self.state in _ENDED


class FireJobs:
    """The queue. Each method is one transaction; StoreError when the database cannot serve."""

    def __init__(self, engine: Engine) -> None:
        """Use an engine whose schema is current (`open_engine`)."""
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> "FireJobs":
        """The queue of a database, brought to the newest schema.

        Raises:
            ConfigurationError: The URL cannot be used.
            StoreError: The database cannot serve now.
        """
        return cls(open_engine(url))

    def close(self) -> None:
        """Give connections back."""
        self._engine.dispose()

    def submit(self, request: dict[str, Any], client: str, room: Room, keep_s: float, listed: bool = False) -> Job:
        """Queue a simulation.

        Args:
            request: JSON that a worker understands.
            client: Digest of who asks.
            room: How many may wait or run.
            keep_s: For how long the job and its results are kept.
            listed: Whether to show it in the public list.

        Raises:
            BusyError: No room; the message names the limit.
        """
        now = time.time()
        row = {
            "id": secrets.token_urlsafe(ID_BYTES),
            "share": secrets.token_urlsafe(ID_BYTES),
            "listed": int(listed),
            "client": client,
            "state": "queued",
            "stage": "waits for a worker",
            "progress": 0.0,
            "request": request,
            "message": "",
            "attempts": 0,
            "owner": "",
            "created": now,
            "expires": now + keep_s,
        }
        with writing(self._engine) as connection:
            _check_room(connection, client, room)
            connection.execute(fire_simulations.insert().values(row))
            return _job(connection.execute(select(fire_simulations).where(_J.id == row["id"])).one())

    def find(self, key: str) -> Job:
        """A job by its id or its share.

        Raises:
            NotFoundError: There is none, or it has expired.
        """
        query = select(fire_simulations).where(or_(_J.id == key, _J.share == key), _J.expires > time.time())
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFoundError(f"fire simulation {key[:40]!r}: there is none, or it has expired")
        return _job(row)

    def listed(self, limit: int, before: float | None = None) -> list[Job]:
        """Jobs in the public list, newest first.

        Args:
            limit: At most so many.
            before: Only those created before.
        """
        query = select(fire_simulations).where(_J.listed == 1, _J.expires > time.time())
        if before is not None:
            query = query.where(_J.created < before)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(_J.created.desc()).limit(limit)).all()
        return [_job(row) for row in rows]

    def of_client(self, client: str, limit: int = 20) -> list[Job]:
        """A client's jobs, newest first."""
        query = select(fire_simulations).where(_J.client == client, _J.expires > time.time())
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(_J.created.desc()).limit(limit)).all()
        return [_job(row) for row in rows]

    def check_room(self, client: str, room: Room) -> None:
        """Find out whether a job would be taken.

        Raises:
            BusyError: No room; the message names the limit.
        """
        with reading(self._engine) as connection:
            _check_room(connection, client, room)

    def ahead(self, job: Job) -> int:
        """How many queued jobs were asked before this one."""
        query = select(func.count()).where(_J.state == "queued", _J.created < job.created)
        with reading(self._engine) as connection:
            return int(connection.scalar(query) or 0)

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(_J.state, func.count()).group_by(_J.state)).all()
        return dict.fromkeys(STATES, 0) | {str(state): int(number) for state, number in rows}

    def cancel(self, job_id: str) -> bool:
        """Cancel a job that waits or runs; False where it had ended. Its worker sees it at its next renewal."""
        change = update(fire_simulations).where(_J.id == job_id, _J.state.in_(("queued", "running")))
        with writing(self._engine) as connection:
            done = connection.execute(
                change.values(state="cancelled", stage="cancelled", finished=time.time(), owner="", lease_until=None)
            )
            return done.rowcount == 1

    def delete(self, job_id: str) -> None:
        """Forget a job; its results are the caller's to delete."""
        with writing(self._engine) as connection:
            connection.execute(delete(fire_simulations).where(_J.id == job_id))

    def waits(self) -> bool:
        """Whether there is something to take; asks without writing, so that idle workers keep nobody waiting."""
        with reading(self._engine) as connection:
            return connection.execute(select(_J.id).where(_free(time.time())).limit(1)).first() is not None

    def take(self, owner: str) -> Job | None:
        """The job that waits longest, now running under `owner`; None where none waits.

        A running job whose lease has ended waits too. One whose workers died `ATTEMPTS` times fails instead.
        """
        now = time.time()
        with writing(self._engine) as connection:
            waiting = select(fire_simulations).where(_free(now)).order_by(_J.created).limit(10)
            for row in connection.execute(waiting).all():
                same = and_(_J.id == row.id, _J.state == row.state, _J.owner == row.owner)  # of two, one matches
                if row.attempts >= ATTEMPTS:
                    why = f"its worker died {row.attempts} times while running it"
                    ended = {"state": "failed", "stage": "failed", "message": why, "owner": "", "finished": now}
                    connection.execute(update(fire_simulations).where(same).values(ended))
                    continue
                held = {"state": "running", "stage": "starts", "progress": 0.0, "owner": owner, "started": now}
                held |= {"lease_until": now + LEASE_S, "attempts": row.attempts + 1}
                if connection.execute(update(fire_simulations).where(same).values(held)).rowcount == 1:
                    return _job(connection.execute(select(fire_simulations).where(_J.id == row.id)).one())
        return None

    def renew(self, job_id: str, owner: str, stage: str, progress: float) -> bool:
        """Say how far a job is and hold it on; False where it is no longer ours (cancelled, or taken by another)."""
        now = time.time()
        change = update(fire_simulations).where(_J.id == job_id, _J.owner == owner, _J.state == "running")
        with writing(self._engine) as connection:
            done = connection.execute(change.values(stage=stage, progress=progress, lease_until=now + LEASE_S))
            return done.rowcount == 1

    def finish(self, job_id: str, owner: str, message: str | None = None) -> bool:
        """End a job of ours: done, or failed with a message; False where it is no longer ours."""
        state = "done" if message is None else "failed"
        values: dict[str, Any] = {"state": state, "stage": state, "message": message or "", "finished": time.time()}
        values |= {"owner": "", "lease_until": None}
        if message is None:
            values["progress"] = 1.0
        change = update(fire_simulations).where(_J.id == job_id, _J.owner == owner, _J.state == "running")
        with writing(self._engine) as connection:
            return connection.execute(change.values(values)).rowcount == 1

    def give_back(self, job_id: str, owner: str) -> None:
        """Let a job of ours wait again, as a worker that is told to stop does; it counts as no attempt."""
        change = update(fire_simulations).where(_J.id == job_id, _J.owner == owner, _J.state == "running")
        waits = {"state": "queued", "stage": "waits for a worker", "owner": "", "lease_until": None}
        with writing(self._engine) as connection:
            connection.execute(change.values(waits | {"progress": 0.0, "attempts": _J.attempts - 1}))

    def forget_expired(self) -> list[str]:
        """Delete the jobs that have expired; their ids, whose results are the caller's to delete."""
        with writing(self._engine) as connection:
            gone = delete(fire_simulations).where(_J.expires <= time.time()).returning(_J.id)
            return [str(row.id) for row in connection.execute(gone).all()]

    def known(self) -> set[str]:
        """Every job's id."""
        with reading(self._engine) as connection:
            return set(connection.scalars(select(_J.id)).all())


def _free(now: float) -> ColumnElement[bool]:
    waits = or_(_J.state == "queued", and_(_J.state == "running", _J.lease_until < now))
    return and_(waits, _J.expires > now)


def _check_room(connection: Connection, client: str, room: Room) -> None:
    active = select(func.count()).where(_J.state.in_(("queued", "running")))
    if int(connection.scalar(active.where(_J.client == client)) or 0) >= room.client:
        raise BusyError(f"{room.client} of your simulations wait or run, the limit a client; wait or cancel one")
    if int(connection.scalar(active) or 0) >= room.total:
        raise BusyError(f"{room.total} simulations wait or run, the server's limit; try again later")


def _job(row: Row[Any]) -> Job:
    return Job(
        row.id, row.share, bool(row.listed), row.client, cast(State, row.state), row.stage, row.progress, row.request,
        row.message, row.attempts, row.created, row.started, row.finished, row.expires,
    )  # fmt: skip
